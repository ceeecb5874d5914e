"""A campaign against what leaves the house: every change of a published log and of a bundle is found, by both programs
where both can read it, and no sound log raises an alarm.

By default one bit of every few bytes is changed; with TAMPER_FULL=1 every bit. What no verifier can find is named here:
signature lines by keys that the policy does not name, and a log that is shown as it was earlier to somebody who
knows no later checkpoint.
"""

import asyncio
import hashlib
import os
import random
import shutil
import zipfile
from itertools import pairwise

import pytest

from audit.encoding import decode, encode
from audit.entry import Kind, NewEntry
from audit.keys.file_store import FileKeyStore
from audit.leaf import build, parse
from audit.tlog.bundle import decode_bundle, encode_bundle
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import leaf_hash, root
from audit.tlog.note import SigningKey, sign_note
from audit.tlog.tiles import grow, tile_path
from audit.verify import vestibule_verify as single
from tests.bundles import Desk, court, record

STEP = 1 if os.environ.get("TAMPER_FULL") else 127


@pytest.fixture
def log(scene, witnessed):
    """A closed, published, witnessed log: two sessions, a revocation, a restart, ends with no stop of its own."""

    async def write():
        journal = scene.open()
        _, consent = await scene.story(journal, commands=2)
        await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent, retention="consent"))
        journal.close()
        journal = scene.open()
        await scene.story(journal, commands=1)
        journal.close()

    asyncio.run(write())
    witnessed.cosign()
    assert (witnessed.theirs().exit, witnessed.ours().exit_code) == (0, 0)
    return witnessed


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def texts(report):
    return [text for _, text in report.problems]


# --- a published log --------------------------------------------------------------------------------------------------


def test_a_bit_of_any_tile_or_entry(log, flips):
    policy = single.Policy.parse(log.policy_file.read_bytes())
    changes = 0
    for path in files_of(log.log / "tile"):
        data = path.read_bytes()
        for at, changed in flips(data, 19):
            path.write_bytes(changed)
            report = log.theirs(policy=policy)
            assert report.exit == 1, (path, at)
            assert report.counter["statements"][0], (path, at)
            if at % 38 == 0:
                assert log.ours().exit_code == 1, (path, at)
            changes += 1
        path.write_bytes(data)
    assert changes > 1000
    assert (log.theirs().exit, log.ours().exit_code) == (0, 0)


def test_a_bit_of_the_checkpoint(log, flips):
    """Found, unless it makes a signature that the policy does not need one by a stranger: then that is said."""
    path = log.log / "checkpoint"
    data = path.read_bytes()
    signatures = data.index(b"\n\n") + 2
    strangers = 0
    for at, changed in flips(data, 3):
        path.write_bytes(changed)
        report = log.theirs()
        if report.exit == 0:
            assert at >= signatures, at
            assert any("keys that the policy does not name" in text for text in report.unchecked), at
            strangers += 1
        if at % 63 == 0:
            assert log.ours().exit_code in ({1, 2} if report.exit else {1}), at
    path.write_bytes(data)
    lines = data[signatures:].decode().splitlines(keepends=True)
    assert len(lines) == 3
    # Only the name and the key id of the log's second signature: of its first one, and of the witness, all is needed.
    assert strangers <= (len(lines[1].split()[1]) + 6 + 4) * 8


def test_a_file_that_is_gone_doubled_swapped_or_cut(log):
    paths = files_of(log.log / "tile")
    newest = {path for path in paths if path.name == max((p.name for p in path.parent.iterdir()), key=int)}
    for path in paths:
        data = path.read_bytes()
        path.unlink()
        # Partial tiles of older checkpoints may go.
        assert log.theirs().exit == (2 if path in newest else 0), path
        for content in (b"", data[:-1], data + b"\0", data + data):
            path.write_bytes(content)
            assert log.theirs().exit == 1, path
            assert log.ours().exit_code == 1, path
        path.write_bytes(data)
    for path in newest:
        for other in paths:
            if other != path:
                data = path.read_bytes()
                path.write_bytes(other.read_bytes())
                assert log.theirs().exit == 1, (path, other)
                path.write_bytes(data)
    (log.log / "checkpoint").unlink()
    assert (log.theirs().exit, log.ours().exit_code) == (2, 2)


def rebuilt(log, target, leaves, *keys):
    """The published log of these entries, signed anew."""
    shutil.rmtree(target, ignore_errors=True)
    hashes = [leaf_hash(leaf) for leaf in leaves]
    files = {f"tile/entries/000.p/{len(leaves)}": encode_bundle(leaves)}
    files.update({tile_path(tile): data for tile, data in grow(0, hashes, lambda tile: b"")})
    note = sign_note(Checkpoint(keys[0].verifier.name, len(leaves), root(hashes)).text(), *keys)
    files["checkpoint"] = note.encode()
    for name, data in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)


def leaves_of(log):
    path = max((log.log / "tile/entries/000.p").iterdir(), key=lambda path: int(path.name))
    return decode_bundle(path.read_bytes(), int(path.name))


def test_a_fork_and_a_rollback(log, tmp_path):
    leaves = leaves_of(log)
    own = SigningKey(parse_origin(log), (log.scene.keys_dir / "log.key").read_bytes())
    stranger = SigningKey(own.verifier.name, bytes(32))
    since = (log.log / "checkpoint").read_bytes()
    last = decode(leaves[-1])
    last["t"] = last["t"].replace(last["t"][:4], "2031")
    forked = [*leaves[:-1], encode(last)]
    target = tmp_path / "fork"
    rebuilt(log, target, forked, stranger)
    assert log.theirs(target).exit == 1  # by another key
    rebuilt(log, target, forked, own)
    report = log.theirs(target)
    assert (report.exit, "too few witnesses" in texts(report)[0]) == (2, True)  # by its own key, but no witness
    assert log.theirs(target, since=since).exit == 1  # and somebody kept the checkpoint of before
    alone = single.Policy.parse(f"log {own.verifier}\nquorum none\n".encode())
    assert log.theirs(target, policy=alone).exit == 0  # without witness and without memory nobody can tell
    report = log.theirs(target, policy=alone, since=since)
    assert report.exit == 1
    assert "root" in report.counter["statements"][0]
    for size in range(1, len(leaves)):
        rebuilt(log, target, leaves[:size], own)
        assert log.theirs(target).exit == 2, size
        assert log.theirs(target, since=since).exit == 1, size
        assert log.theirs(target, policy=alone, since=since).exit == 1, size


def parse_origin(log):
    return (log.log / "checkpoint").read_text().split("\n")[0]


def test_entries_left_out_repeated_or_moved_and_signed_by_the_log_itself(log, tmp_path):
    """A gateway that lies from the start, with its own key: the rules of the log find what the tree cannot."""
    leaves = leaves_of(log)
    own = SigningKey(parse_origin(log), (log.scene.keys_dir / "log.key").read_bytes())
    policy = single.Policy.parse(f"log {own.verifier}\nquorum none\n".encode())
    chained = [at for at, leaf in enumerate(leaves) if parse(leaf).session is not None]
    for at in chained[:-1]:
        if parse(leaves[at]).kind is not Kind.SESSION_CLOSED:
            rebuilt(log, tmp_path / "lie", leaves[:at] + leaves[at + 1 :], own)
            assert log.theirs(tmp_path / "lie", policy=policy).exit == 1, at
        rebuilt(log, tmp_path / "lie", leaves[:at] + [leaves[at]] * 2 + leaves[at + 1 :], own)
        assert log.theirs(tmp_path / "lie", policy=policy).exit == 1, at
    for low, high in pairwise(chained):
        moved = [*leaves]
        moved[low], moved[high] = leaves[high], leaves[low]
        rebuilt(log, tmp_path / "lie", moved, own)
        assert log.theirs(tmp_path / "lie", policy=policy).exit == 1, (low, high)


def test_both_programs_find_the_same_in_any_head(log):
    """Heads changed at random places, hashed and signed anew: what one finds, the other finds."""
    randomness, leaves = random.Random(5), leaves_of(log)
    for at, leaf in enumerate(leaves):
        for _ in range(60):
            place = randomness.randrange(len(leaf))
            changed = leaf[:place] + bytes([leaf[place] ^ 1 << randomness.randrange(8)]) + leaf[place + 1 :]
            assert _accepts_single(at, changed) == _accepts_ours(changed), changed


def _accepts_single(index, data):
    try:
        single.parse_head(index, data)
    except single.Broken:
        return False
    return True


def _accepts_ours(data):
    try:
        return build(parse(data)) == data
    except Exception as error:
        assert type(error).__name__ == "BadEntry"
        return False


# --- a bundle ---------------------------------------------------------------------------------------------------------


class Unpacked:
    """A bundle as a directory whose files can be changed."""

    def __init__(self, folder, data, policy):
        self.folder = folder
        self.policy = single.Policy.parse(policy.encode())
        (folder / "b.zip").write_bytes(data)
        with zipfile.ZipFile(folder / "b.zip") as archive:
            archive.extractall(folder / "b")
        self.files = {path.relative_to(folder / "b").as_posix(): path.read_bytes() for path in files_of(folder / "b")}

    def verify(self, place=None):
        options = single.Options(self.policy, "policy", True, None, None, 1.8e9, True)
        return single.verify_bundle(place or single.Folder(str(self.folder / "b")), options)

    def changed(self, name, data):
        path = self.folder / "b" / name
        path.write_bytes(data)
        report = self.verify()
        path.write_bytes(self.files[name])
        return report


@pytest.fixture
def bundle(scene, clock, quick_dir):
    async def make(*, recorded=True):
        journal = scene.open()
        made = await record(journal, clock)
        second = (scene.keys_dir / "log.pub.mldsa").read_text().strip()
        desk = Desk(journal, clock, f"log {journal.verifier_key}\nlog {second}\nquorum none\n")
        request = court([made.session], "act,out,rec")
        data = await desk.bundle(request) if recorded else desk.draft(request, recorded=False).finish(None)
        return Unpacked(quick_dir, data, desk.policy)

    return lambda **options: asyncio.run(make(**options))


LARGE = ("README.html", "player.html", "vestibule-verify.py")


def test_a_bit_of_any_file_of_a_bundle(bundle):
    found = bundle()
    assert found.verify().exit == 0
    randomness = random.Random(6)
    for name, data in found.files.items():
        places = list(range(0, len(data), STEP)) if name not in LARGE else randomness.sample(range(len(data)), 50)
        for at in places:
            changed = data[:at] + bytes([data[at] ^ 1 << randomness.randrange(8)]) + data[at + 1 :]
            assert found.changed(name, changed).exit == 1, (name, at)


def test_a_bundle_whose_manifest_was_made_to_fit(bundle):
    """Not on record in the log, so that its manifest proves nothing: entries, parts and recording still do."""
    found = bundle(recorded=False)
    report = found.verify()
    assert report.exit == 0
    assert any("not signed" in text for text in report.unchecked)
    randomness = random.Random(7)
    evidence = [name for name in found.files if name.startswith(("entries/", "proofs/", "disclosed/", "recording/"))]
    for name in [*evidence, "checkpoint"]:
        data = found.files[name]
        for at in range(0, len(data), STEP):
            changed = data[:at] + bytes([data[at] ^ 1 << randomness.randrange(8)]) + data[at + 1 :]
            _refit(found, name, changed)
            report = found.changed(name, changed)
            # A signature that the policy does not need may be anybody's, if it is the same in every proof.
            assert report.exit in {1, 2}, (name, at)
    _refit(found, "README.html", found.files["README.html"])
    assert found.verify().exit == 0


def _refit(found, name, data):
    """The manifest lists the changed file, and the custody names that manifest."""
    manifest = decode(found.files["manifest.json"])
    manifest["files"][name] = hashlib.sha256(data).hexdigest()
    text = encode(manifest)
    custody = {**decode(found.files["custody.json"]), "manifest": hashlib.sha256(text).hexdigest()}
    (found.folder / "b/manifest.json").write_bytes(text)
    (found.folder / "b/custody.json").write_bytes(encode(custody))


def test_a_file_of_a_bundle_that_is_gone_added_or_swapped(bundle):
    found = bundle()
    for name in found.files:
        path = found.folder / "b" / name
        path.unlink()
        assert found.verify().exit in {1, 2}, name
        path.write_bytes(found.files[name])
    for name in ("entries/999.json", "more.txt", "disclosed/3.who.json", "recording/x.cast", "tsa/a.tsr"):
        path = found.folder / "b" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"{}")
        assert found.verify().exit == 1, name
        path.unlink()
    for folder in ("entries", "proofs", "disclosed"):
        names = [name for name in found.files if name.startswith(folder + "/")]
        for one, other in pairwise(names):
            assert found.changed(one, found.files[other]).exit == 1, (one, other)


def test_a_bit_of_the_zip(bundle):
    """Also what no program reads: times, versions, attributes, comments."""
    found = bundle()
    data = (found.folder / "b.zip").read_bytes()
    archive = single.Archive(str(found.folder / "b.zip"))
    assert found.verify(archive).exit == 0
    archive.close()
    randomness = random.Random(8)
    directory = data.index(b"PK\x01\x02")
    places = [*randomness.sample(range(directory), 400), *range(directory, len(data), 3)]
    for at in [*range(120), *places]:
        changed = data[:at] + bytes([data[at] ^ 1 << randomness.randrange(8)]) + data[at + 1 :]
        (found.folder / "c.zip").write_bytes(changed)
        with pytest.raises(single.Broken):
            single.Archive(str(found.folder / "c.zip"))
    for changed in (data[:-1], data + b"x", b"x" + data, data[:directory], b"", data[:-2] + b"\x03\x00abc"):
        (found.folder / "c.zip").write_bytes(changed)
        with pytest.raises(single.Broken):
            single.Archive(str(found.folder / "c.zip"))


# --- no false alarms --------------------------------------------------------------------------------------------------


async def _erase(scene, journal, session, *, by="schedule"):
    """What an erasure leaves behind: approvals, no keys, no ciphertext, and the entry that says so."""
    entries = [entry for entry in journal.reader().session(session) if entry.head.key_set]
    sets = sorted({entry.head.key_set for entry in entries})
    approval = "01M84BEWP0NRBFDQKKCJBJBK2B"
    if by != "schedule":
        for kind, who in ((Kind.APPROVAL_ASKED, "ann"), (Kind.APPROVAL_GIVEN, "bob")):
            await journal.append(NewEntry(kind=kind, facts={"approval": approval, "act": "erase", "by": who}))
    keys = FileKeyStore.open(scene.directory / "keys.db", scene.keys_dir, journal.origin)
    for key_set in sets:
        held = {name for entry in entries if entry.head.key_set == key_set for name in entry.head.commitments}
        keys.destroy(key_set, sorted(held) or ["rec"])
    keys.close()
    facts = {
        "scope": "keys",
        "ks": sets,
        "comp": ["act", "out", "rec", "subj", "who"],
        "basis": "gdpr-17",
        "by": ["schedule"] if by == "schedule" else ["ann", "bob"],
        "approval": None if by == "schedule" else approval,
        "deleted": 0,
    }
    await journal.append(NewEntry(kind=Kind.ERASE_DONE, facts=facts))


async def _life(scene, randomness):
    """Some boots of a gateway, in which anything may happen that may happen."""
    for _ in range(randomness.randrange(1, 4)):
        journal = scene.open()
        for _ in range(randomness.randrange(0, 5)):
            what = randomness.choice(
                ["story", "open", "killed", "revoked", "frozen", "erased", "erased2", "auth", "step"]
            )
            if what == "auth":
                await journal.append(NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"id": "bob"}}))
            elif what == "step":
                scene.clock._now = scene.clock.now().replace(year=2027)
            else:
                session, consent = await scene.story(journal, commands=randomness.randrange(3), close=False)
                if what in ("killed", "frozen"):
                    kind = Kind.SESSION_KILLED if what == "killed" else Kind.SESSION_FROZEN
                    await journal.append(NewEntry(kind=kind, session=session))
                if what == "revoked":
                    await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent, retention="consent"))
                if what != "open":
                    await scene.close(journal, session)
                if what.startswith("erased"):
                    await _erase(scene, journal, session, by="schedule" if what == "erased" else "ann")
        scene.clock.advance(randomness.randrange(100))
        if randomness.random() < 0.3:
            await journal.checkpoint()
            journal.abandon()
        else:
            journal.close()
    scene.open().close()


def test_no_alarm_on_sound_logs(scene, witnessed):
    for seed in range(25):
        shutil.rmtree(scene.directory, ignore_errors=True)
        shutil.rmtree(scene.keys_dir, ignore_errors=True)
        asyncio.run(_life(scene, random.Random(seed)))
        witnessed.cosign()
        theirs, ours = witnessed.theirs(), witnessed.ours(keys=True)
        assert (theirs.exit, theirs.problems) == (0, []), seed
        assert (ours.exit_code, ours.problems) == (0, ()), seed
        assert theirs.data["root"] == ours.root.hex()
        assert theirs.data["commands"] == sum(one.commands for one in ours.sessions)
        assert theirs.data["sessions"]["complete"] == sum(one.complete for one in ours.sessions)
        assert [row["index"] for row in theirs.data["erased"]] == [one.index for one in ours.erased]
        assert [row["parts"] for row in theirs.data["erased"]] == [one.parts for one in ours.erased]
        steps = [(step["index"], step["seconds"]) for step in theirs.data["clock_steps"]]
        assert steps == [(step.index, step.seconds) for step in ours.clock_steps]
        assert witnessed.ours().exit_code == 0
