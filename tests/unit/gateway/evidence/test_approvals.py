"""Two persons, on record, once: asked, given, refused, lapsed, used; and all of it known again after a restart."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from audit.entry import Kind, NewEntry
from audit.journal import Journal
from config.clock import FakeClock
from config.ids import new_id
from gateway.access.identity import Principal, Role
from gateway.errors import BadRequest, NotAllowed
from gateway.evidence.approvals import Approvals


def person(role: Role = "operator", **changes) -> Principal:
    return Principal(**{"id": new_id(), "name": "someone", "role": role, "alias": "x", **changes})


@pytest.fixture
async def approvals(clock: FakeClock) -> Approvals:
    journal = Journal.in_memory(clock)
    yield await Approvals.open(journal, clock)
    journal.close()


async def test_one_asks_and_another_approves(approvals):
    ada, bob = person(), person("supervisor")
    name = await approvals.ask("erase", ada, {"keys": {"K": ["act"]}}, "she asked for it")
    assert [one.id for one in approvals.pending()] == [name]
    assert approvals.get(name).subject == {"keys": {"K": ["act"]}}
    given = await approvals.approve(name, bob, "seen")
    assert (given.state, given.by, approvals.pending()) == ("given", [ada.id, bob.id], [])
    assert approvals.given(name, "erase") == given
    approvals.spend(name)
    with pytest.raises(NotAllowed, match="used"):
        approvals.given(name)


async def test_nobody_approves_alone(approvals):
    ada = person()
    name = await approvals.ask("erase", ada, {}, "reason")
    for same in (ada, person("supervisor", id=ada.id, name="other-login")):
        with pytest.raises(NotAllowed, match="Another person"):
            await approvals.approve(name, same)
    assert approvals.get(name).state == "asked"


async def test_another_workers_decision_counts(approvals, clock):
    ada, bob, eve = person(), person("supervisor"), person("auditor")
    other = await Approvals.open(approvals._journal, clock)
    refused, given = [await approvals.ask("erase", ada, {}, "reason") for _ in range(2)]
    await other.refuse(refused, bob)
    with pytest.raises(NotAllowed, match="refused"):
        await approvals.approve(refused, eve)
    await other.approve(given, bob)
    with pytest.raises(NotAllowed, match="given"):
        await approvals.refuse(given, eve)
    assert approvals.given(given, "erase").by == [ada.id, bob.id]


async def test_of_two_decisions_in_one_moment_the_first_in_the_log_counts(approvals, clock):
    ada, bob, eve = person(), person("supervisor"), person("auditor")
    other = await Approvals.open(approvals._journal, clock)
    for _ in range(20):
        name = await approvals.ask("erase", ada, {}, "reason")
        done = await asyncio.gather(approvals.approve(name, bob), other.refuse(name, eve), return_exceptions=True)
        (counts,) = [one for one in done if not isinstance(one, NotAllowed)]
        for workers in (approvals, other, await Approvals.open(approvals._journal, clock)):
            await workers.refresh()
            assert (workers.get(name).state, workers.get(name).decided_by) == (counts.state, counts.decided_by)


@pytest.mark.parametrize("who", [person("rep"), person("automation"), person("reviewer"), person(disabled=True)])
async def test_some_may_neither_ask_nor_approve(approvals, who):
    with pytest.raises(NotAllowed):
        await approvals.ask("erase", who, {}, "reason")
    name = await approvals.ask("erase", person(), {}, "reason")
    for act in (approvals.approve, approvals.refuse):
        with pytest.raises(NotAllowed):
            await act(name, who)
    assert approvals.get(name).state == "asked"


async def test_a_reason_is_needed(approvals):
    for reason in ("", "  ", "x" * 1001):
        with pytest.raises(BadRequest):
            await approvals.ask("erase", person(), {}, reason)


async def test_what_was_decided_stays_decided(approvals):
    ada, bob = person(), person()
    refused = await approvals.ask("erase", ada, {}, "reason")
    await approvals.refuse(refused, bob, "the court wants it")
    own = await approvals.ask("erase", ada, {}, "reason")
    assert (await approvals.refuse(own, ada)).state == "refused", "who asked may take it back"
    given = await approvals.ask("hold.release", ada, {}, "reason")
    await approvals.approve(given, bob)
    for name in (refused, own, given):
        for act in (approvals.approve, approvals.refuse):
            with pytest.raises(NotAllowed, match="already"):
                await act(name, bob)
    for name in (refused, own, new_id()):
        with pytest.raises(NotAllowed):
            approvals.given(name)
    with pytest.raises(NotAllowed, match="another act"):
        approvals.given(given, "erase")


async def test_patience_ends(approvals, clock):
    ada, bob = person(), person()
    name = await approvals.ask("erase", ada, {}, "reason")
    given = await approvals.ask("unseal", ada, {}, "reason")
    clock.advance(71 * 3600)
    await approvals.approve(given, bob)
    clock.advance(3600)
    with pytest.raises(NotAllowed, match="lapsed"):
        await approvals.approve(name, bob)
    assert approvals.get(name).state == "lapsed"
    assert approvals.given(given)
    clock.advance(72 * 3600)
    with pytest.raises(NotAllowed, match="lapsed"):
        approvals.given(given)


async def test_everything_is_known_again_from_the_log(tmp_path: Path, clock: FakeClock):
    def open_journal() -> Journal:
        return Journal.open(tmp_path / "evidence", keys_dir=tmp_path / "keys", origin="logs.isp", clock=clock)

    journal = open_journal()
    approvals = await Approvals.open(journal, clock)
    ada, bob = person(), person()
    names = [await approvals.ask("erase", ada, {"number": number}, f"reason {number}") for number in range(5)]
    clock.advance(1)
    await approvals.approve(names[1], bob)
    await approvals.refuse(names[2], bob)
    await approvals.approve(names[3], bob)
    await journal.append(NewEntry(kind=Kind.ERASE_DONE, facts={"approval": names[3], "part": 0, "parts": 1}))
    await approvals.approve(names[4], bob)
    await journal.append(NewEntry(kind=Kind.ERASE_DONE, facts={"approval": names[4], "part": 0, "parts": 2}))
    approvals.spend(names[3])
    before = approvals.all()
    journal.close()

    journal = open_journal()
    again = await Approvals.open(journal, clock)
    assert again.all() == before
    assert [again.get(name).state for name in names] == ["asked", "given", "refused", "used", "given"]
    assert {one.id for one in again.unfinished("erase")} == {names[1], names[4]}
    with contextlib.closing(journal.reader()) as reader:
        heads = b"".join(entry.head_bytes for entry in reader.entries())
    assert b"reason" not in heads
    journal.close()


async def test_a_forged_self_approval_in_the_log_does_not_count(clock):
    journal = Journal.in_memory(clock)
    approvals = await Approvals.open(journal, clock)
    ada = person()
    name = await approvals.ask("erase", ada, {}, "reason")
    await journal.append(NewEntry(kind=Kind.APPROVAL_GIVEN, facts={"approval": name, "act": "erase", "by": ada.id}))
    again = await Approvals.open(journal, clock)
    assert again.get(name).state == "asked"
    journal.close()
