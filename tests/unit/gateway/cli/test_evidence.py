"""`vestibule log`, `verify` and `replay` over a real log: this gateway's and copies of it."""

import json
import shutil
import sqlite3
import stat

import pytest

from config.ids import new_id
from gateway import exits
from gateway.cli.evidence import an_id
from gateway.errors import BadRequest


@pytest.fixture
def own(evidence):
    return ("--config", str(evidence.config))


@pytest.fixture
def copy(evidence, tmp_path):
    there = tmp_path / "copy"
    shutil.copytree(evidence.data_dir, there)
    return there


def tamper(data_dir):
    with sqlite3.connect(data_dir / "evidence/audit.db") as db:
        rows = db.execute("SELECT idx, head FROM entry").fetchall()
        index, head = next((index, head) for index, head in rows if b"cmd.intent" in head)
        db.execute("UPDATE entry SET head = ? WHERE idx = ?", (head.replace(b"cmd.intent", b"cmd.denied"), index))
    db.close()


# --- verify ---------------------------------------------------------------------------------------------------------


def test_a_sound_log(vestibule, own):
    shown = vestibule("verify", *own)
    assert (shown.status, shown.out.splitlines()[-1]) == (0, "verified")
    assert "parts opened and matching" in shown.out
    found = vestibule("verify", *own, "--json").json
    assert (found["result"], found["exit"], found["problems"]) == ("verified", 0, [])
    assert found["sessions"][0]["complete"] is True


def test_a_copy_needs_no_settings(vestibule, copy):
    assert vestibule("verify", copy).status == 0
    assert vestibule("verify", copy / "evidence").status == 0


def test_a_copy_without_keys_is_held_against_a_key_that_is_named(vestibule, copy, tmp_path, own):
    key = shutil.move(copy / "keys/log.pub", tmp_path / "log.pub")
    shutil.rmtree(copy / "keys")
    assert vestibule("verify", copy).status == exits.UNVERIFIABLE
    shown = vestibule("verify", copy, "--key", key)
    assert shown.status == 0
    assert "not opened: no keys were given" in shown.out
    assert vestibule("verify", copy, *own).status == 0, "this gateway's own public key"


def test_keys_from_elsewhere(vestibule, copy, evidence, tmp_path):
    shutil.move(copy / "keys", tmp_path / "elsewhere")
    assert "matching" in vestibule("verify", copy, "--keys", tmp_path / "elsewhere").out
    assert vestibule("verify", copy, "--keys", tmp_path).status == exits.UNVERIFIABLE


def test_a_tampered_copy(vestibule, copy):
    tamper(copy)
    shown = vestibule("verify", copy)
    assert shown.status == exits.FAILED
    assert shown.out.splitlines()[-1].startswith("CONTRADICTION")
    assert vestibule("verify", copy, "--json").json["result"] == "contradiction"


def test_a_copy_without_its_checkpoint_is_incomplete(vestibule, copy):
    (copy / "evidence/checkpoint").unlink()
    assert vestibule("verify", copy).status == exits.INCOMPLETE


def test_one_session(vestibule, own, evidence):
    found = vestibule("verify", *own, "--session", evidence.session.lower(), "--json").json
    assert [one["session"] for one in found["sessions"]] == [evidence.session]
    assert vestibule("verify", *own, "--session", new_id()).status == exits.INCOMPLETE
    assert vestibule("verify", *own, "--session", "x").status == exits.UNVERIFIABLE


def test_since_an_older_checkpoint(vestibule, own, evidence, tmp_path):
    checkpoint = evidence.data_dir / "evidence/checkpoint"
    assert vestibule("verify", *own, "--since", checkpoint).status == 0
    assert vestibule("verify", *own, "--since", checkpoint, "--session", evidence.session).status == 0
    (tmp_path / "x").write_text("nonsense")
    assert vestibule("verify", *own, "--since", tmp_path / "x").status == exits.UNVERIFIABLE
    assert vestibule("verify", *own, "--since", tmp_path / "none").status == exits.UNVERIFIABLE


# --- log ------------------------------------------------------------------------------------------------------------


def test_entries(vestibule, own, evidence):
    rows = vestibule("log", *own, "--json").json
    assert [row["index"] for row in rows] == list(range(len(rows)))
    assert rows[0]["kind"] == "log.start"
    assert "cmd.intent" in vestibule("log", *own).out
    assert [row["index"] for row in vestibule("log", *own, "--last", "2", "--json").json] == [
        len(rows) - 2,
        len(rows) - 1,
    ]


def test_entries_of_a_session_and_of_a_consent(vestibule, own, evidence):
    rows = vestibule("log", *own, "--session", evidence.session, "--json").json
    assert [row["n"] for row in rows] == list(range(len(rows)))
    assert [row["kind"] for row in vestibule("log", *own, "--consent", evidence.consent, "--json").json] == [
        "consent.granted"
    ]
    assert vestibule("log", *own, "--session", new_id()).status == exits.USAGE


def test_sessions(vestibule, own, evidence):
    [row] = vestibule("log", *own, "--sessions", "--json").json
    assert (row["session"], row["state"]) == (evidence.session, "closed")
    assert evidence.session in vestibule("log", *own, "--sessions").out


def test_nothing_personal_unless_asked(vestibule, own):
    shown = vestibule("log", *own, "--json")
    assert not [word for word in ("alice", "r-10442", "Ann", "show version") if word in shown.out]


def test_sealed_parts_are_opened_on_record(vestibule, own, evidence):
    vestibule.api.on("POST", "/v1/views", {"entry_index": 9, "watermark": "amy · entry 9"}, 201)
    opened = ("log", *own, "--session", evidence.session, "--open-sealed", "--reason", "case 7")
    shown = vestibule(*opened)
    assert (shown.status, shown.err) == (0, "Opened for amy · entry 9.\n")
    assert "who rep" in shown.out
    assert "show version" in shown.out
    assert "\x1b" not in shown.out
    assert "\\x1b]0;owned\\x07\\u202eevil" in shown.out
    asked = {"what": "log", "session": evidence.session, "reason": "case 7"}
    assert vestibule.api.asked == [("POST", "/v1/views", asked)]
    rows = vestibule(*opened, "--json").json
    assert rows[0]["sealed"]["who"] == {"rep": "alice"}


def test_what_cannot_be_put_on_record_is_not_shown(vestibule, own, copy, evidence):
    vestibule.api.problem("POST", "/v1/views", 401, "not-authenticated", "Nobody was recognised.", "not_authenticated")
    shown = vestibule("log", *own, "--open-sealed", "--last", "1", "--reason", "case 7")
    assert (shown.status, shown.out, shown.err) == (exits.NOT_PERMITTED, "", "Nobody was recognised.\n")
    assert "at a copy" in vestibule("log", "--dir", copy, "--open-sealed", "--last", "1").err


@pytest.mark.parametrize("words", [("log", "--open-sealed", "--last", "1"), ("replay",)])
def test_no_look_without_a_reason(vestibule, own, evidence, words):
    session = (evidence.session,) if words == ("replay",) else ()
    shown = vestibule(*words, *session, *own)
    assert (shown.status, shown.out) == (exits.USAGE, "")
    assert "--reason" in shown.err
    assert vestibule.api.asked == []


def test_no_look_without_a_gateway(vestibule, own, evidence):
    vestibule.programs["transport"] = None
    shown = vestibule("replay", evidence.session, *own, "--reason", "case 7")
    assert (shown.status, shown.out) == (exits.UNAVAILABLE, "")
    assert "nothing is shown" in shown.err


def test_sealed_parts_need_keys(vestibule, copy):
    shutil.rmtree(copy / "keys")
    assert vestibule("log", "--dir", copy).status == 0
    assert vestibule("log", "--dir", copy, "--open-sealed").status == exits.CONFIG


@pytest.mark.parametrize("words", [("--sessions", "--session", "x"), ("--sessions", "--open-sealed"), ("--last", "0")])
def test_words_that_do_not_go_together(vestibule, own, words):
    assert vestibule("log", *own, *words).status == exits.USAGE


def test_no_log_there(vestibule, tmp_path):
    shown = vestibule("log", "--dir", tmp_path)
    assert (shown.status, shown.out) == (exits.CONFIG, "")


# --- replay ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def replay(vestibule, own, evidence):
    vestibule.api.on("POST", "/v1/views", {"entry_index": 9, "watermark": "amy · entry 9"}, 201)
    return lambda *words: vestibule("replay", evidence.session, "--speed", "max", "--reason", "case 7", *own, *words)


def test_what_the_rep_saw(replay, vestibule, evidence):
    shown = replay()
    assert (shown.status, shown.err) == (0, "")
    assert "answer to show version" in shown.out
    asked = {"what": "replay", "session": evidence.session, "reason": "case 7"}
    assert vestibule.api.asked == [("POST", "/v1/views", asked)]
    assert shown.out.count("[opened for amy · entry 9]") == 2


def test_from_a_command_on(replay):
    shown = replay("--start-command", "4", "--marks")
    assert "answer to show version" not in shown.out or "show clock" in shown.out
    assert replay("--start-command", "99").status == exits.USAGE


def test_from_a_time_on(replay):
    assert "answer to show clock" in replay("--start-at", "1.5").out
    assert replay("--start-at", "99").status == exits.USAGE


@pytest.mark.parametrize("words", [("--speed", "fast"), ("--idle-limit", "x"), ("--speed", "0"), ("--output", "x")])
def test_what_cannot_be_played(replay, words):
    assert replay(*words).status == exits.USAGE


def test_as_json(replay):
    found = replay("--json").json
    assert found["gaps"] == []
    assert [event[1] for event in found["events"]].count("m") == 2


@pytest.mark.parametrize("version", ["2", "3"])
def test_export(replay, vestibule, version):
    shown = replay("--export", "cast", "--cast-version", version)
    header = json.loads(shown.out.splitlines()[0])
    assert header["version"] == int(version)
    assert header["title"].endswith("Opened for amy · entry 9")
    assert vestibule.api.asked[0][2]["what"] == "export"


def test_an_export_is_private_and_replaces_nothing(replay, tmp_path):
    file = tmp_path / "a.cast"
    assert replay("--export", "cast", "-o", file).status == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    assert replay("--export", "cast", "-o", file).status == exits.USAGE
    assert file.read_text() == before


def test_no_such_session(vestibule, own):
    assert vestibule("replay", new_id(), *own, "--reason", "case 7").status == exits.USAGE
    assert vestibule("replay", "x", *own).status == exits.USAGE


def test_a_damaged_recording_is_shown_as_such(vestibule, copy, evidence):
    with sqlite3.connect(copy / "evidence/audit.db") as db:
        db.execute("UPDATE chunk SET ct = zeroblob(length(ct))")
    db.close()
    shown = vestibule("replay", evidence.session, "--speed", "max", "--dir", copy)
    assert shown.status == exits.FAILED
    assert "[gap, damaged" in shown.out
    assert "vestibule verify" in shown.err


def test_without_keys_there_is_nothing_to_see(vestibule, copy, evidence):
    shutil.rmtree(copy / "keys")
    shown = vestibule("replay", evidence.session, "--speed", "max", "--dir", copy)
    assert "[gap, closed" in shown.out
    assert "--keys" in shown.err


@pytest.mark.parametrize("text", ["", "x", "01M83P1VCTGT2BG7818VYGZBWU"])
def test_ids(text):
    with pytest.raises(BadRequest):
        an_id(text, "session")
