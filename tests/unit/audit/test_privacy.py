"""Personal data and secrets are in no head, no file, no error and no repr; only the sealed parts give them back."""

import pytest
import zstandard

from audit.entry import Kind, NewEntry
from audit.errors import BadEntry
from audit.verify.log import verify_log
from config.ids import new_id

TOKENS = {
    "name": "Zebulon Quackenbush",
    "login": "zquackenbush7",
    "serial": "SN-48151623421",
    "address": "203.0.113.77",
    "ticket": "INC-9081726",
    "command": "xyzzyreboot",
    "output": "plughoutput",
    "password": "Tr0ub4dor-and-3",
    "recording": "screenfulofsecrets",
}


async def write(scene):
    journal = scene.open()
    consent, session = new_id(), new_id()
    subject = {"name": TOKENS["name"], "serial": TOKENS["serial"], "ticket": TOKENS["ticket"]}
    who = {"login": TOKENS["login"], "address": TOKENS["address"]}
    await journal.append(
        NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=consent, retention="consent", sealed={"subj": subject})
    )
    await journal.append(
        NewEntry(kind=Kind.SESSION_OPENED, session=session, consent_ref=consent, sealed={"who": who, "subj": subject})
    )
    wire = f"set password {TOKENS['password']}\n".encode()
    command = scene.command(session, consent, TOKENS["command"], wire=wire)
    recorded = await journal.append_command(command)
    await journal.append(
        NewEntry(kind=Kind.CMD_RESULT, session=session, facts={"of": 1}, sealed={"out": {"first": TOKENS["output"]}})
    )
    await scene.chunk(journal, session, 0, TOKENS["recording"].encode() * 20)
    await journal.append(NewEntry(kind=Kind.AUTH_FAIL, sealed={"who": who}))
    await journal.append(NewEntry(kind=Kind.REPLAY_VIEW, session=session, sealed={"who": who}))
    await scene.close(journal, session)
    await journal.checkpoint()
    return journal, session, recorded


def every_file(scene):
    return {
        path: path.read_bytes()
        for root in (scene.directory, scene.keys_dir)
        for path in root.rglob("*")
        if path.is_file()
    }


async def test_nothing_in_any_file_running_closed_or_recovered(scene):
    journal, session, _ = await write(scene)
    snapshots = [every_file(scene)]
    assert any(path.name.endswith("-wal") and data for path, data in snapshots[0].items())
    reader = journal.reader()
    assert reader.sealed(reader.session(session)[0].index, "subj")["name"] == TOKENS["name"]
    assert zstandard.decompress(reader.chunk(session, 0)).startswith(TOKENS["recording"].encode())
    reader.close()
    journal.close()
    snapshots.append(every_file(scene))
    scene.open().abandon()
    snapshots.append(every_file(scene))
    for files in snapshots:
        for path, data in files.items():
            for label, token in TOKENS.items():
                for form in (token.encode(), token.encode("utf-16-le"), token.encode().hex().encode()):
                    assert form not in data, (label, path)


async def test_heads_hold_no_word_of_the_sealed_parts(scene):
    journal, _, _ = await write(scene)
    words = {word for token in TOKENS.values() for word in token.replace("-", " ").split() if len(word) > 3}
    for entry in journal.reader().entries():
        text = entry.head_bytes.decode()
        assert not [word for word in words if word in text]


async def test_equal_content_does_not_show(scene):
    """Two entries with the same content have different commitments and different ciphertexts."""
    journal = scene.open()
    refs = [await journal.append(NewEntry(kind=Kind.AUTH_FAIL, sealed={"who": {"a": "same"}})) for _ in range(3)]
    consent = await scene.consent(journal)
    session = await scene.session(journal, consent)
    refs += [await journal.append(NewEntry(kind=Kind.CMD_BLOCKED, session=session, sealed={"who": {"a": "same"}}))]
    reader = journal.reader()
    commitments = {reader.entry(ref.index).head.commitments["who"] for ref in refs}
    stored = {part.sealed[12:] for ref in refs for part in reader._store.sealed(ref.index, ref.index + 1)}
    assert len(commitments) == len(stored) == 4


async def test_the_secret_of_a_command_is_stored_nowhere_but_carried(scene):
    journal, session, recorded = await write(scene)
    assert TOKENS["password"].encode() in recorded.wire
    reader = journal.reader()
    for entry in reader.entries():
        for compartment in reader.compartments(entry.index):
            assert TOKENS["password"] not in str(reader.sealed(entry.index, compartment))
    assert session


async def test_reports_name_no_person(scene):
    journal, _, _ = await write(scene)
    journal.close()
    text = "\n".join(verify_log(scene.directory, scene.public_key, keys_dir=scene.keys_dir).lines())
    assert not [token for token in TOKENS.values() if token in text]


@pytest.mark.parametrize("where", ["facts", "sealed", "session", "consent"])
async def test_errors_repeat_nothing(scene, where):
    journal = scene.in_memory()
    secret = TOKENS["name"]
    entry = {
        "facts": NewEntry(kind=Kind.AUTH_OK, facts={"who": secret}),
        "sealed": NewEntry(kind=Kind.AUTH_OK, sealed={"who": {secret: {1.5: secret}}}),
        "session": NewEntry(kind=Kind.SESSION_OPENED, session=secret),
        "consent": NewEntry(kind=Kind.CONSENT_ASKED, consent_ref=secret),
    }[where]
    with pytest.raises(BadEntry) as caught:
        await journal.append(entry)
    assert secret not in str(caught.value)
    assert secret not in repr(caught.value.__cause__)
