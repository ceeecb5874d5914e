"""`vestibule search` and `vestibule review link`."""

import json

from gateway import exits

HIT = {
    "place": 28672, "entry_index": 7, "what": "output", "session": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "consent": "", "n": 3,
    "at": 62.5, "time": "2026-11-23T10:42:00Z", "verdict": "", "rep": "alice", "router": "r-17",
    "command": "show log", "output": "\x1b]0;owned\x07\u202eline down",
}  # fmt: skip
FOUND = {"entry_index": 9, "watermark": "amy · entry 9", "texts": True, "hits": [HIT]}


def test_hits_name_the_replay(vestibule):
    vestibule.api.on("POST", "/v1/search", FOUND)
    shown = vestibule("search", "line", "down", "rep:alice", "--reason", "case 7")
    assert shown.status == 0
    assert "vestibule replay 01ARZ3NDEKTSV4RRFFQ69G5FAV --start-at 62.5" in shown.out
    assert "\x1b" not in shown.out
    assert "\u202e" not in shown.out
    assert shown.err == "Searched for amy · entry 9.\n"
    assert vestibule.api.asked[0][2] == {"query": "line down rep:alice", "reason": "case 7", "limit": 20}


def test_commands_are_opened_by_their_number(vestibule):
    vestibule.api.on("POST", "/v1/search", {**FOUND, "hits": [{**HIT, "what": "command", "at": None}]})
    assert "--start-command 3" in vestibule("search", "log", "--reason", "case 7").out


def test_what_the_shell_kept_together_stays_together(vestibule):
    vestibule.api.on("POST", "/v1/search", FOUND)
    vestibule("search", "line down", "router:r 17", 'a "b c"', "--reason", "x")
    assert vestibule.api.asked[0][2]["query"] == '"line down" router:"r 17" a "b c"'
    vestibule("search", "show log rep:alice", "--reason", "x")
    assert vestibule.api.asked[1][2]["query"] == "show log rep:alice"


def test_more_and_less(vestibule):
    vestibule.api.on("POST", "/v1/search", {**FOUND, "texts": False})
    shown = vestibule("search", "x", "--reason", "case 7", "--limit", "1", "--before", "99")
    assert "--before 28672" in shown.err
    assert "second person" in shown.err
    assert vestibule.api.asked[0][2]["before"] == 99
    vestibule.api.answers.clear()
    vestibule.api.on("POST", "/v1/search", {**FOUND, "hits": []})
    assert "Nothing was found" in vestibule("search", "x", "--reason", "case 7").err
    assert vestibule("search", "x", "--reason", "case 7", "--json").json["hits"] == []


def test_no_search_without_a_reason_or_a_query(vestibule):
    assert vestibule("search", "x").status == exits.USAGE
    assert vestibule("search", "--reason", "x").status == exits.USAGE
    assert vestibule("search", "x", "--rebuild").status == exits.USAGE
    assert vestibule.api.asked == []


def test_rebuilding(vestibule, evidence):
    shown = vestibule("search", "--rebuild", "--config", evidence.config)
    assert shown.status == 0, shown.err
    made = json.loads(vestibule("search", "--rebuild", "--config", evidence.config, "--json").out)
    assert made["rows"] > 0
    assert (evidence.data_dir / "index").is_dir()


def test_a_link(vestibule):
    vestibule.api.on("POST", "/v1/review/links", {"link": "http://127.0.0.1:8090/l/abc"}, 201)
    assert vestibule("review", "link").out == "http://127.0.0.1:8090/l/abc\n"
