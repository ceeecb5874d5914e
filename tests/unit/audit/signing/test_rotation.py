"""One log ends, the next begins, and each names the other; nothing else passes for that."""

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import BadEntry, RecordFailed
from audit.journal import Journal
from audit.reader import EvidenceReader
from audit.signing.rotation import Rotation, arriving, check_link, final_of
from audit.tlog.note import VerifierKey
from audit.verify.log import verify_log

BY = ("01J00000000000000000000001", "01J00000000000000000000002")


def rotation(old, new="logs.isp/next", **changes):
    return Rotation(**{"old": old, "new": new, "approval": "01J00000000000000000000003", "by": BY, **changes})


@pytest.fixture
async def rotated(scene, quick_dir):
    """The old log's end, and the new log's beginning."""
    journal = scene.open()
    key = VerifierKey.parse(journal.verifier_key)
    await scene.story(journal)
    planned = rotation(journal.origin)
    final = journal.end_for(planned)
    new = Journal.open(
        quick_dir / "next",
        keys_dir=quick_dir / "next-keys",
        origin=planned.new,
        clock=scene.clock,
        first=arriving(planned, final, key),
    )
    await new.checkpoint()
    new.close()
    with_reader = [EvidenceReader.open(directory) for directory in (scene.directory, quick_dir / "next")]
    old_last, first = with_reader[0].entry(with_reader[0].size - 1), with_reader[1].entry(0)
    for reader in with_reader:
        reader.close()
    return old_last, first, final, key


async def test_each_names_the_other(rotated, scene, quick_dir):
    last, first, final, key = rotated
    assert (last.kind, first.kind) == (Kind.LOG_ROTATE, Kind.LOG_ROTATE)
    found = check_link(last.facts, last.index, first.facts, "logs.isp/next")
    assert found.key == key
    assert final.startswith(found.note)  # the same, without the second signature
    for directory, keys in ((scene.directory, scene.keys_dir), (quick_dir / "next", quick_dir / "next-keys")):
        report = verify_log(directory, keys / "log.pub", keys_dir=keys)
        assert report.exit_code == 0, report


async def test_nothing_comes_after_the_end(rotated, scene):
    with pytest.raises(RecordFailed):
        await scene.opened[0].append(NewEntry(kind=Kind.ADMIN_CHANGE))


async def test_what_does_not_fit_is_refused(rotated):
    last, first, _, _ = rotated
    check = (last.facts, last.index, first.facts, "logs.isp/next")
    for place, wrong in (
        (0, {**last.facts, "to": "logs.isp/other"}),
        (0, {**last.facts, "approval": "01J00000000000000000000009"}),
        (1, last.index + 1),
        (1, last.index - 1),
        (2, {**first.facts, "by": list(reversed(BY))}),
        (2, {**first.facts, "size": last.index}),
        (2, {**first.facts, "root": "A" * 43 + "="}),
        (2, {**first.facts, "from": "logs.isp/other"}),
        (2, {**first.facts, "signature": "AAAA"}),
        (2, {**first.facts, "key": "AAAA"}),
        (2, {**first.facts, "key": ""}),
        (2, {"from": "logs.isp/1"}),
        (3, "logs.isp/other"),
    ):
        with pytest.raises(BadEntry):
            check_link(*check[:place], wrong, *check[place + 1 :])


def test_two_persons_and_two_logs():
    with pytest.raises(BadEntry, match="two persons"):
        rotation("logs.isp/1", by=(BY[0], BY[0]))
    with pytest.raises(BadEntry, match="same name"):
        rotation("logs.isp/1", new="logs.isp/1")
    with pytest.raises(BadEntry):
        final_of({})


async def test_only_this_log_and_only_once(scene):
    journal = scene.open()
    with pytest.raises(BadEntry, match="not the one"):
        journal.end_for(rotation("logs.isp/other"))
    final = journal.end_for(rotation(journal.origin))
    with pytest.raises(BadEntry, match="final checkpoint"):
        arriving(rotation("logs.isp/other"), final, VerifierKey.parse(journal.verifier_key))
    with pytest.raises(BadEntry, match="entries already"):
        scene.open(first=NewEntry(kind=Kind.LOG_ROTATE))
