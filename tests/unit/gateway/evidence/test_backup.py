"""Backup beside a writer, and restore: whole, sealed, without the root key, onto nothing; what was erased stays so."""

import asyncio
import base64
import contextlib
import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audit.encoding import decode, encode
from audit.entry import Kind, NewEntry
from audit.errors import KeyUnavailable
from audit.keys.root_age import AgeRoot, make_identity, read_identities
from audit.keys.root_choice import write_choice
from audit.verify.log import verify_log
from config.clock import FakeClock
from config.settings import Settings
from gateway.errors import BadRequest, Unavailable
from gateway.evidence.backup import make, read_manifest, seal_with_key
from gateway.evidence.erasure import Wanted
from gateway.evidence.opening import AGAIN_FILE
from gateway.evidence.persons import Subject
from gateway.evidence.restoring import newer_directory, newer_published, open_with_key, restore
from gateway.state.database import Database, sqlite_url
from tests.custody_stage import House, Life

KEY = bytes(range(32))


@pytest.fixture
async def house(quick_dir: Path, clock: FakeClock) -> AsyncIterator[House]:
    (quick_dir / "live").mkdir(mode=0o700)
    made = House(quick_dir / "live", clock)
    await made.open()
    Database.open(sqlite_url(made.settings.state_path)).close()
    await made.person("ada", "operator")
    await made.person("bob", "supervisor")
    yield made
    made.journal.close()


def backed_up(house: House, name="backup", seal=None, by="backup key"):
    return make(house.settings, house.directory.parent / name, seal or seal_with_key(KEY), by, house.clock.now())


def root_of(house: House) -> bytes:
    return (house.keys / "root.key").read_bytes()


def elsewhere(house: House) -> Settings:
    return Settings(data_dir=house.directory.parent / "other")


def all_bytes(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


async def erase(house: House, life: Life) -> None:
    wanted = Wanted(subject=Subject("subscriber", life.subscriber), basis="gdpr-17")
    approval, _ = await house.custody.erasures.ask(house.people["ada"], wanted, "she asked")
    await house.custody.erasures.approve(house.people["bob"], approval)


def words(house: House, life: Life) -> list[str]:
    found = []
    with contextlib.closing(house.journal.reader()) as reader:
        for entry in reader.entries():
            for name in reader.compartments(entry.index):
                with contextlib.suppress(KeyUnavailable):
                    found.append(str(reader.sealed(entry.index, name)))
    text = "\n".join(found)
    return [word for word in life.words if word in text]


async def reopened(house: House, settings: Settings) -> House:
    other = House(settings.data_dir, house.clock)
    other.people = house.people
    other.persons = house.persons
    await other.open()
    return other


async def test_a_backup_beside_a_writer_is_whole(house: House):
    await house.live("ann")
    going = True

    async def write() -> None:
        while going:
            await house.journal.append(NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"name": "x" * 3000}}))

    writer = asyncio.create_task(write())
    made = [await asyncio.to_thread(backed_up, house, f"backup{number}") for number in range(3)]
    going = False
    await writer
    assert made[0].entries < made[-1].entries
    for number, backup in enumerate(made):
        settings = Settings(data_dir=house.directory.parent / f"other{number}")
        done = restore(settings, backup.directory, open_with_key(KEY), root_key=root_of(house))
        assert done.report.exit_code != 1, list(done.report.lines())
        other = await reopened(house, settings)
        await other.journal.checkpoint()
        report = verify_log(other.evidence, other.keys / "log.pub", keys_dir=other.keys)
        assert report.exit_code == 0, list(report.lines())
        assert report.size > backup.entries
        other.journal.close()


async def test_keys_leave_sealed_and_the_root_key_does_not_leave(house: House):
    await house.live("ann")
    (house.keys / "evidence-root-2.key").write_bytes(b"k" * 32)
    made = backed_up(house)
    held = all_bytes(made.directory)
    assert root_of(house) not in held
    assert b"k" * 32 not in held
    secrets = open_with_key(KEY)((made.directory / "secrets.sealed").read_bytes())
    assert b"root.key" not in secrets
    assert b"evidence-root-2" not in secrets
    assert b"log.key" in secrets
    assert (house.keys / "log.key").read_bytes() not in held
    assert b"dek" not in (made.directory / "secrets.sealed").read_bytes()
    assert not list(made.directory.rglob("keys.db*"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in made.directory.rglob("*"))
    with pytest.raises(BadRequest, match="not empty"):
        backed_up(house)


async def test_an_age_identity_does_not_leave_whatever_it_is_called(house: House):
    recipient = make_identity(house.keys / "escrow.txt")
    make_identity(house.keys / "another.txt")
    (house.keys / "elsewhere.age").write_bytes(b"a plugin's identity")
    current = {"kind": "age", "recipients": [recipient], "identity": str(house.keys / "elsewhere.age")}
    write_choice(house.keys, {"current": current, "previous": {"kind": "file", "file": "root.key"}})
    made = backed_up(house)
    secrets = open_with_key(KEY)((made.directory / "secrets.sealed").read_bytes())
    for name in (b"escrow.txt", b"another.txt", b"elsewhere.age"):
        assert b'"' + name + b'":' not in secrets
    assert b"evidence-root.json" in secrets


@pytest.mark.parametrize("root", [{"kind": "command", "argv": ["PROGRAM"]}, {"kind": "socket", "path": "/tmp/x"}])
async def test_a_forged_backup_does_not_say_what_to_run(house: House, quick_dir: Path, root: dict):
    """Who can write to the backup and knows the recipient, which is no secret, can make secrets of their own."""
    recipient = make_identity(quick_dir / "identity")
    age = AgeRoot([recipient], read_identities(quick_dir / "identity"))
    made = backed_up(house, seal=age.wrap, by=age.name)
    program, mark = quick_dir / "program", quick_dir / "mark"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o700)
    words = encode({"v": 1, "current": {**root, **({"argv": [str(program)]} if "argv" in root else {})}})
    content = decode(age.unwrap((made.directory / "secrets.sealed").read_bytes()))
    content["files"]["evidence-root.json"] = base64.b64encode(words).decode()
    forge(made.directory, "secrets.sealed", age.wrap(encode(content)))
    with pytest.raises(BadRequest, match="not believed in what to run"):
        restore(elsewhere(house), made.directory, age.unwrap, root_key=root_of(house))
    assert not mark.exists()


async def test_policies_come_back_and_nothing_else_by_their_side(house: House):
    (house.evidence / "policies" / "ab12").mkdir(parents=True)
    (house.evidence / "policies" / "ab12" / "ios.yaml").write_text("rules: []\n")
    made = backed_up(house)
    restore(elsewhere(house), made.directory, open_with_key(KEY), root_key=root_of(house))
    assert (elsewhere(house).evidence_dir / "policies" / "ab12" / "ios.yaml").read_text() == "rules: []\n"
    shutil.rmtree(elsewhere(house).data_dir)
    for name in ("evidence/policies/../x", "evidence/index.db", "other"):
        (made.directory / "evidence" / "policies").mkdir(exist_ok=True)
        forge(made.directory, name, b"x")
        with pytest.raises(BadRequest):
            restore(elsewhere(house), made.directory, open_with_key(KEY), root_key=root_of(house))
        manifest = decode((made.directory / "manifest.json").read_bytes())
        del manifest["files"][name]
        (made.directory / "manifest.json").write_bytes(encode(manifest))
    assert not elsewhere(house).data_dir.exists()


@pytest.mark.parametrize("listed", [False, True])
async def test_a_forged_backup_does_not_say_what_to_erase(house: House, listed: bool):
    ann = await house.live("ann")
    made = backed_up(house)
    with contextlib.closing(house.journal.reader()) as reader:
        erased = {"v": 1, "heads": [entry.head_bytes.decode() for entry in reader.entries()]}
    name = f"evidence/{AGAIN_FILE}"
    if listed:
        forge(made.directory, name, encode(erased))
        with pytest.raises(BadRequest, match="no backup has"):
            restore(elsewhere(house), made.directory, open_with_key(KEY), root_key=root_of(house))
        assert not elsewhere(house).evidence_dir.exists()
        return
    (made.directory / name).write_bytes(encode(erased))
    restore(elsewhere(house), made.directory, open_with_key(KEY), root_key=root_of(house))
    assert not (elsewhere(house).evidence_dir / AGAIN_FILE).exists()
    other = await reopened(house, elsewhere(house))
    assert len(words(other, ann)) == len(ann.words) - 1
    other.journal.close()


def forge(backup: Path, name: str, data: bytes) -> None:
    """Put a file into a backup, with its digest."""
    (backup / name).write_bytes(data)
    manifest = decode((backup / "manifest.json").read_bytes())
    manifest["files"][name] = hashlib.sha256(data).hexdigest()
    (backup / "manifest.json").write_bytes(encode(manifest))


async def test_sealed_to_recipients(house: House):
    place = house.directory.parent / "identity"
    recipient = make_identity(place)
    ann = await house.live("ann")
    root = AgeRoot([recipient])
    made = backed_up(house, seal=root.wrap, by=root.name)
    settings = elsewhere(house)
    opener = AgeRoot([recipient], read_identities(place))
    restore(settings, made.directory, opener.unwrap, root_key=root_of(house))
    other = await reopened(house, settings)
    assert words(other, ann) == [word for word in ann.words if word != "ann-screen"]
    other.journal.close()


@pytest.mark.parametrize("source", ["evidence", "data", "published"])
async def test_what_was_erased_since_is_erased_again_before_serving(house: House, source: str):
    ann, ben = await house.live("ann"), await house.live("ben")
    made = backed_up(house)
    await erase(house, ann)
    ada = house.people["ada"]
    hold = await house.custody.holds.set(
        ada, [("subscriber", ben.subscriber)], authority="court", reference="1/26", reason="case"
    )
    await house.journal.checkpoint()
    with contextlib.closing(house.journal.reader()) as reader:
        size = reader.size
    place = {"evidence": house.evidence, "data": house.directory, "published": house.evidence / "log"}[source]
    settings = elsewhere(house)
    done = restore(settings, made.directory, open_with_key(KEY), root_key=root_of(house), newer=newer_directory(place))
    assert (done.erased_since, done.newer_entries) == (3, size)
    house.persons.erased.clear()
    other = await reopened(house, settings)
    assert words(other, ann) == []
    assert len(words(other, ben)) == len(ben.words) - 1
    assert {name for names, _ in house.persons.erased for name in names} == {ann.consent}
    assert {subscriber for _, subscriber in house.persons.erased} == {ann.subscriber}
    assert not (other.evidence / AGAIN_FILE).exists()
    with contextlib.closing(other.journal.reader()) as reader:
        again = [entry for entry in reader.entries() if entry.kind is Kind.ERASE_DONE]
    assert all(entry.facts["again"] and len(entry.facts["by"]) == 2 for entry in again)
    assert hold in [one.id for one in await other.custody.holds.all(ada)], "a hold of the newer log stands here too"
    wanted = Wanted(subject=Subject("subscriber", ben.subscriber), basis="gdpr-17")
    with pytest.raises(Unavailable, match=hold):
        await other.custody.erasures.ask(ada, wanted, "he asked")
    other.journal.close()


async def test_a_newer_log_that_is_not_signed_is_not_believed(house: House):
    ann = await house.live("ann")
    made = backed_up(house)
    await erase(house, ann)
    await house.journal.checkpoint()
    copy = house.directory.parent / "copy"
    shutil.copytree(house.evidence / "log", copy)
    settings = elsewhere(house)

    def fetch(path: str) -> bytes | None:
        data = (copy / path).read_bytes() if (copy / path).exists() else None
        return data.replace(b"erase.done", b"erase.dont") if data is not None and "entries" in path else data

    with pytest.raises(BadRequest, match="not those that its checkpoint signs"):
        restore(settings, made.directory, open_with_key(KEY), root_key=root_of(house), newer=newer_published(fetch))
    with pytest.raises(BadRequest, match="holds no log"):
        newer_directory(house.directory.parent)


async def test_nothing_is_overwritten_and_nothing_false_is_restored(house: House):
    await house.live("ann")
    made = backed_up(house)
    settings = elsewhere(house)
    unseal = open_with_key(KEY)
    with pytest.raises(BadRequest, match="there already"):
        restore(house.settings, made.directory, unseal)
    with pytest.raises(BadRequest, match="--root-key"):
        restore(settings, made.directory, unseal)
    with pytest.raises(BadRequest, match="do not open"):
        restore(settings, made.directory, open_with_key(bytes(32)), root_key=root_of(house))
    with pytest.raises(BadRequest, match="no backup"):
        restore(settings, house.directory, unseal, root_key=root_of(house))
    with pytest.raises(KeyUnavailable, match="root"):
        restore(Settings(data_dir=house.directory.parent / "wrong"), made.directory, unseal, root_key=bytes(32))
    for path in sorted(made.directory.rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            kept = path.read_bytes()
            path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
            with pytest.raises(BadRequest, match=path.name):
                read_manifest(made.directory)
            path.write_bytes(kept)
    assert not settings.evidence_dir.exists()
    assert restore(settings, made.directory, unseal, root_key=root_of(house)).entries == made.entries


async def test_a_signers_state_that_is_there_refuses_the_older_log(house: House):
    """The keys directory survived, the evidence did not: the signer remembers more than the backup has."""
    await house.live("ann")
    made = backed_up(house)
    await house.live("ben")
    await house.journal.checkpoint()
    house.journal.close()
    shutil.rmtree(house.evidence)
    house.settings.state_path.unlink()
    restore(house.settings, made.directory, open_with_key(KEY))
    with pytest.raises(Exception, match="older than its checkpoint"):
        await house.open()
