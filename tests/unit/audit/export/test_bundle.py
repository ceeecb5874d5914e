"""`audit.export.bundle`: the same bytes for the same request, nothing that was left closed, all accounted for."""

import hashlib
import io
import json
import re
import sqlite3
import zipfile
from base64 import b64decode

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import LogDamaged
from audit.export.bundle import prepare
from audit.export.request import BadExport, Disclosure, ExportRequest
from audit.leaf import commit, parse
from audit.reader import EvidenceReader
from audit.tlog.merkle import leaf_hash
from audit.tlog.policy import Policy
from audit.tlog.proof import TlogProof
from config.ids import new_id
from tests.bundles import TOKENS, Desk, court, record
from tests.rpcs_on_record import RADIO, SECRET, VALUE


@pytest.fixture
def journal(scene):
    return scene.open()


@pytest.fixture
def desk(journal, clock):
    return Desk(journal, clock)


def files_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


async def test_the_same_request_at_the_same_moment_gives_the_same_bytes(journal, desk, clock):
    made = await record(journal, clock)
    request = court([made.session], "act,out,rec")
    first = desk.draft(request, recorded=False).finish(None)
    assert first == desk.draft(request, recorded=False).finish(None)
    clock.advance(1)
    assert first != desk.draft(request, recorded=False).finish(None)
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


async def test_everything_is_listed_proved_and_held_to_its_commitment(journal, desk, clock):
    made = await record(journal, clock)
    files = files_of(await desk.bundle(court([made.session], "act,out,rec,subj,who")))
    manifest = json.loads(files["manifest.json"])
    custody = json.loads(files["custody.json"])
    own = {f"entries/{custody['entry']}.json", f"proofs/{custody['entry']}.tlog-proof"}
    assert set(files) - {"manifest.json", "manifest.note", "custody.json"} - own == set(manifest["files"])
    assert all(hashlib.sha256(files[name]).hexdigest() == digest for name, digest in manifest["files"].items())
    assert manifest["left_out"] == []
    assert manifest["sessions"][0]["complete"] is True
    policy = Policy.parse(files["policy.txt"])
    heads = {}
    for name, data in files.items():
        if name.startswith("entries/"):
            index = int(name[8:-5])
            heads[index] = parse(data)
            proof = TlogProof.parse(files[f"proofs/{index}.tlog-proof"])
            assert proof.index == index
            proof.verify(leaf_hash(data), policy)
    disclosed = [name for name in files if name.startswith("disclosed/")]
    for name in disclosed:
        index, comp, _ = name[10:].split(".")
        value = json.loads(files[name])
        content = json.dumps(value["content"], ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        assert commit(comp, content, b64decode(value["salt"])) == heads[int(index)].commitments[comp]
    assert len(disclosed) == sum(len(head.commitments) for index, head in heads.items() if index != custody["entry"])
    cast = files[f"recording/{made.session}.cast"]
    for chunk in json.loads(files[f"recording/{made.session}.json"])["chunks"]:
        lines = cast[chunk["offset"] : chunk["offset"] + chunk["bytes"]]
        assert commit("rec", lines, b64decode(chunk["salt"])) == b64decode(heads[chunk["index"]].facts["pc"])


async def test_the_log_knows_of_the_export(journal, desk, clock):
    made = await record(journal, clock)
    files = files_of(await desk.bundle(court([made.session], "act")))
    custody = json.loads(files["custody.json"])
    head = parse(files[f"entries/{custody['entry']}.json"])
    assert head.kind is Kind.EXPORT_MADE
    assert head.facts["manifest"] == hashlib.sha256(files["manifest.json"]).hexdigest() == custody["manifest"]
    assert (head.facts["basis"], head.facts["comp"], head.facts["sessions"]) == ("other", ["act"], [made.session])
    assert TlogProof.parse(files[f"proofs/{custody['entry']}.tlog-proof"]).index == custody["entry"]


@pytest.mark.parametrize(
    ("disclose", "there"),
    [
        ("", set()),
        ("act", {"act"}),
        ("act,out", {"act", "out"}),
        ("rec", {"rec", "act"}),  # the recording shows what was typed
        ("who,subj", {"who", "subj"}),
    ],
)
async def test_what_is_left_closed_is_not_in_the_file(journal, desk, clock, disclose, there):
    made = await record(journal, clock)
    data = await desk.bundle(court([made.session], disclose))
    found = {name for name, token in TOKENS.items() if token.encode() in data}
    assert found == there
    left = {one.get("comp", "rec") for one in json.loads(files_of(data)["manifest.json"])["left_out"]}
    assert left == set(TOKENS) - set(filter(None, disclose.split(",")))


@pytest.mark.parametrize(
    ("disclose", "there"),
    [
        ("rec", []),
        ("act,rec", [f"{RADIO} = 15 (type xsd:unsignedInt)", "path: Device.IP.", SECRET]),
        ("out,rec", [f"{RADIO} = {VALUE}", f"{SECRET} = ******", f"{RADIO} (fault 9007)"]),
    ],
)
async def test_the_RPCs_of_a_command_are_counted_and_listed_as_far_as_they_are_laid_open(
    journal, desk, clock, disclose, there
):
    made = await record(journal, clock, rpcs=True)
    files = files_of(await desk.bundle(court([made.session], disclose)))
    english, french = re.findall(r"<article.*?</article>", files["README.html"].decode(), re.DOTALL)
    assert english.count("<details>") == french.count("<details>") == 1
    assert "TR-069 requests: 3" in english
    assert "Requêtes TR-069 : 3" in french
    assert "<code>GetParameterValues</code>: names asked or written: 3, came: 2, hidden: 1, masked: 1 (entry" in english
    assert "<code>SetParameterValues</code>: names asked or written: 1, fault 9003 (entry" in english
    assert "<code>GetParameterNames</code>: no answer on record (entry" in english
    texts = [f"{RADIO} = 15", "Device.IP.", VALUE, "fault 9007"]
    assert [text for text in there if text not in english] == []
    assert [text for text in texts if text in english and not any(text in one for one in there)] == []
    assert "<b>x</b>" not in english
    lines = json.loads(files["player.html"].partition(b'type="application/json">')[2].partition(b"</script>")[0])
    told = [line["rpcs"] for line in lines["sessions"][0]["lines"]]
    assert told == [{"en": "TR-069 requests: 3", "fr": "Requêtes TR-069 : 3"}, None, None, None]


async def test_a_single_entry_can_be_laid_open(journal, desk, clock):
    made = await record(journal, clock)
    files = files_of(await desk.bundle(court([made.session], f"{made.commands[1]}:act")))
    assert [name for name in files if name.startswith("disclosed/")] == [f"disclosed/{made.commands[1]}.act.json"]


async def test_no_key_leaves_with_a_bundle(journal, desk, clock):
    made = await record(journal, clock)
    data = await desk.bundle(court([made.session], "act,out,rec,subj,who"))
    reader = journal.reader()
    for entry in reader.session(made.session):
        for name in (*entry.head.commitments, "rec"):
            if entry.head.key_set is not None:
                try:
                    key = reader._key(entry.head.key_set, name)
                except Exception:
                    continue
                assert key not in data
    reader.close()


async def test_the_subscribers_copy_names_nobody(journal, desk, clock):
    made = await record(journal, clock)
    disclosure = Disclosure(frozenset({"subj", "act", "out", "rec"}))
    request = ExportRequest(profile="subscriber", consents=(made.consent,), disclosure=disclosure, basis="gdpr-15")
    data = await desk.bundle(request)
    assert TOKENS["who"].encode() not in data
    manifest = json.loads(files_of(data)["manifest.json"])
    assert manifest["sessions"][0]["rep"] == "Rep 7F3A"
    assert manifest["consents"] == [made.consent]
    assert b"Rep 7F3A" in files_of(data)["README.html"]


async def test_an_auditor_gets_heads_and_proofs_only(journal, desk, clock):
    made = await record(journal, clock)
    request = ExportRequest(profile="auditor", sessions=(made.session,), basis="audit-2026")
    files = files_of(await desk.bundle(request))
    assert not [name for name in files if name.startswith("disclosed/") or name.endswith(".cast")]
    assert "player.html" not in files
    assert b"7F3A" not in b"".join(files.values())
    chunks = json.loads(files[f"recording/{made.session}.json"])["chunks"]
    assert {chunk["why"] for chunk in chunks} == {"undisclosed"}


async def test_a_running_session_is_given_as_far_as_it_goes(journal, desk, clock):
    made = await record(journal, clock, close=False)
    manifest = json.loads(files_of(await desk.bundle(court([made.session], "act,out,rec,subj,who")))["manifest.json"])
    assert manifest["sessions"][0]["complete"] is False
    assert manifest["left_out"] == [{"session": made.session, "what": "entries", "why": "running"}]


async def test_erased_parts_are_named_with_the_entry_that_says_so(journal, desk, clock, scene):
    made = await record(journal, clock)
    reader = journal.reader()
    chain = reader.session(made.session)
    reader.close()
    key_sets = {entry.head.key_set for entry in chain if "act" in entry.head.commitments}
    for key_set in key_sets:
        journal._keys.destroy(key_set, ["act"])
    facts = {"scope": "keys", "ks": sorted(key_sets), "comp": ["act"], "approval": new_id(), "basis": "gdpr-17"}
    erased = await journal.append(NewEntry(kind=Kind.ERASE_DONE, facts=facts))
    await journal.checkpoint()
    files = files_of(await desk.bundle(court([made.session], "act,out")))
    left = [one for one in json.loads(files["manifest.json"])["left_out"] if one["why"] == "erased"]
    assert len(left) == len(made.commands) + 1
    assert {(one["comp"], one["by"]) for one in left} == {("act", erased.index)}
    assert f"entries/{erased.index}.json" in files
    assert TOKENS["act"].encode() not in files["README.html"]


async def test_a_lost_key_is_told_from_an_erasure(journal, desk, clock):
    made = await record(journal, clock)
    reader = journal.reader()
    key_set = reader.entry(made.commands[0]).head.key_set
    reader.close()
    journal._keys.destroy(key_set, ["out"])
    files = files_of(await desk.bundle(court([made.session], "act,out")))
    whys = {(one.get("comp"), one["why"]) for one in json.loads(files["manifest.json"])["left_out"]}
    assert ("out", "unreadable") in whys


async def test_what_is_not_there_is_refused_with_a_sentence(journal, desk, clock):
    await record(journal, clock)
    with pytest.raises(BadExport, match="has no session"):
        desk.draft(court([new_id()]))
    with pytest.raises(BadExport, match="has no consent"):
        desk.draft(ExportRequest(profile="subscriber", consents=(new_id(),), basis="gdpr-15"))


async def test_a_bundle_of_a_copy_says_so(journal, desk, clock):
    made = await record(journal, clock)
    files = files_of(desk.draft(court([made.session]), recorded=False).finish(None))
    custody = json.loads(files["custody.json"])
    assert (custody["recorded"], custody["entry"]) == (False, None)
    assert "manifest.note" not in files
    assert b"The log does not know of it" in files["README.html"]


async def test_hostile_text_is_text_on_the_pages(journal, desk, clock):
    from tests.bundles import HOSTILE

    made = await record(journal, clock, output=HOSTILE)
    files = files_of(await desk.bundle(court([made.session], "act,out,rec")))
    assert b"\\u001b]0;owned" in files[f"recording/{made.session}.cast"]
    for page in ("README.html", "player.html"):
        assert b"<img src=x" not in files[page]
        assert b"<script>document.title" not in files[page]
    shown = files["player.html"].partition(b'id="data"')[2].partition(b"</script>")[0]
    assert b"owned\\\\u0007" not in shown
    assert b"evil.example" not in shown


async def test_what_was_changed_in_the_store_is_left_out_and_named(scene, journal, desk, clock):
    made = await record(journal, clock)
    journal.close()
    with sqlite3.connect(scene.directory / "audit.db") as connection:
        index = made.commands[0]
        connection.execute("UPDATE sealed SET ct = zeroblob(60) WHERE idx = ? AND comp = 'act'", (index,))
        connection.execute("UPDATE chunk SET ct = zeroblob(60) WHERE session = ? AND no = 0", (made.session,))
    connection.close()
    reader = EvidenceReader.open(scene.directory, scene.keys_dir)
    note = (scene.directory / "checkpoint").read_bytes()
    draft = prepare(desk.source(reader, note), court([made.session], "act,rec"), desk.making(recorded=False))
    reader.close()
    left = [one for one in json.loads(draft.manifest)["left_out"] if one["why"] == "damaged"]
    assert [(one["what"], one.get("comp"), one.get("no")) for one in left] == [
        ("part", "act", None),
        ("chunk", None, 0),
    ]
    places = json.loads(draft.files[f"recording/{made.session}.json"])["chunks"]
    assert (places[0]["bytes"], places[0]["salt"], places[0]["why"]) == (0, None, "damaged")


async def test_a_leaf_that_was_changed_lets_nothing_leave(scene, journal, desk, clock):
    made = await record(journal, clock)
    journal.close()
    with sqlite3.connect(scene.directory / "audit.db") as connection:
        connection.execute("UPDATE entry SET leaf = zeroblob(32) WHERE idx = 1")
    connection.close()
    reader = EvidenceReader.open(scene.directory, scene.keys_dir)
    note = (scene.directory / "checkpoint").read_bytes()
    with pytest.raises(LogDamaged, match="does not stand under the signed checkpoint"):
        prepare(desk.source(reader, note), court([made.session]), desk.making(recorded=False))
    reader.close()
