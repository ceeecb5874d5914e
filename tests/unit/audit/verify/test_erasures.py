"""What was erased lawfully is told from what is missing."""

from datetime import UTC, datetime

import pytest

from audit.entry import Kind, NewEntry
from audit.erased import month_of
from audit.keys.file_store import FileKeyStore
from audit.leaf import Head, build
from audit.verify.erasures import ErasureCheck
from audit.verify.log import verify_log

KS = "01KDVDNA00XZ5C37D7FVYDTTGX"
OTHER = "01M84BEWP0NRBFDQKKCJBJBK2B"


def head(kind, **facts):
    return Head(kind=kind, time=datetime(2026, 1, 1, tzinfo=UTC), monotonic_ns=1, worker="main/1", facts=facts)


def collected(*heads):
    check = ErasureCheck()
    check.collect((index, build(one)) for index, one in enumerate(heads))
    return check


def test_by_key_set_and_compartment():
    check = collected(head(Kind.ERASE_DONE, scope="keys", ks=[KS], comp=["act", "rec"], basis="gdpr-17"))
    assert check.by("access", KS, "act") == 0
    assert check.by("recording", KS, "rec") == 0
    assert check.by("access", KS, "who") is None
    assert check.by("access", OTHER, "act") is None
    assert check.by("access", None, "act") is None
    check.count(0, 7)
    check.count(0, 3)
    assert [(one.index, one.parts, one.first, one.last, one.basis) for one in check.ranges()] == [
        (0, 2, 3, 7, "gdpr-17")
    ]


def test_by_month_and_class():
    assert month_of(KS) == "2026-01"
    check = collected(head(Kind.ERASE_DONE, **{"scope": "month", "class": "access", "month": "2026-01"}))
    assert check.by("access", KS, "who") == 0
    assert check.by("recording", KS, "rec") is None
    assert check.by("access", OTHER, "who") is None
    assert month_of("7ZZZZZZZZZ" + "Z" * 16) == "never"


@pytest.mark.parametrize(
    ("steps", "good"),
    [
        ([("asked", "ann"), ("given", "bob"), ("done", ["ann", "bob"])], True),
        ([("asked", "ann"), ("given", "ann"), ("done", ["ann", "ann"])], False),
        ([("asked", "ann"), ("done", ["ann", "bob"])], False),
        ([("asked", "ann"), ("given", "bob"), ("done", ["ann"])], False),
        ([("asked", "ann"), ("given", "bob"), ("done", ["ann", "cid"])], False),
        ([("done", ["schedule"])], True),
        ([("done", [])], False),
        ([("done", ["ann", "bob"]), ("asked", "ann"), ("given", "bob")], False),
    ],
)
def test_two_persons(steps, good):
    kinds = {"asked": Kind.APPROVAL_ASKED, "given": Kind.APPROVAL_GIVEN, "done": Kind.ERASE_DONE}
    heads = [head(kinds[what], approval=OTHER, by=by) for what, by in steps]
    check = collected(*heads)
    found = [one for index, taken in enumerate(heads) for one in check.feed(index, taken)]
    assert ([severity for severity, _ in found] == []) is good
    assert check.unmet() == []


def test_an_erasure_that_is_there_at_one_look_only():
    assert collected(head(Kind.ERASE_DONE, scope="keys")).unmet() == [0]


async def test_a_log_with_an_erasure(scene):
    journal = scene.open()
    session, _ = await scene.story(journal)
    key_set = journal.reader().session(session)[0].head.key_set
    facts = {"scope": "keys", "ks": [key_set], "comp": ["act"], "basis": "retention", "by": ["schedule"]}
    await journal.append(NewEntry(kind=Kind.ERASE_DONE, facts=facts))
    journal.close()
    keys = FileKeyStore.open(scene.directory / "keys.db", scene.keys_dir, journal.origin)
    keys.destroy(key_set, ["act", "subj"])
    keys.close()
    report = verify_log(scene.directory, scene.public_key, keys_dir=scene.keys_dir)
    assert report.exit_code == 2  # the key for `subj` is gone, and nothing says why
    assert report.parts_erased == 3
    assert {problem.text for problem in report.problems} == {"the key of its sealed part 'subj' is not there"}
    assert any("lawfully erased" in line for line in report.lines())
    assert any("erased      by entry" in line for line in report.lines())
