"""A crash between entry and store leaves the store behind; at start the journal wins. Over the real journal."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from audit.journal import Journal
from config.clock import FakeClock
from gateway.consent.fakes import MemoryConsentStore
from gateway.consent.model import Consent, State
from gateway.consent.reconcile import reconcile
from gateway.errors import ConsentProblem

if TYPE_CHECKING:
    from .conftest import House


@pytest.fixture
def journal(clock: FakeClock) -> Iterator[Journal]:
    journal = Journal.in_memory(clock)
    yield journal
    journal.close()


@pytest.fixture
def house_on_journal(house: "House", journal: Journal) -> "House":
    house.service._ledger.evidence = journal
    return house


Act = Callable[["House", Consent], Awaitable[object]]


async def grant_less(house: "House", consent: Consent) -> None:
    await house.service.grant(await house.open(), scope=("device.reboot",), minutes=7)


async def deny(house: "House", consent: Consent) -> None:
    await house.service.deny(await house.open())


async def ask_and_answer(house: "House", consent: Consent) -> None:
    await house.service.ask_question(await house.open(), "Pourquoi ?")
    await house.service.answer_question(house.rep, consent.id, "Parce que.")


async def wrong_code(house: "House", consent: Consent) -> None:
    with pytest.raises(ConsentProblem):
        await house.service.enter_code(house.rep, consent.id, "1")


async def revoke(house: "House", consent: Consent) -> None:
    case = await house.open()
    await house.service.grant(case)
    await house.service.revoke(case)


async def use_and_extend(house: "House", consent: Consent) -> None:
    await house.service.grant(await house.open())
    await house.service.use(await house.service.claim(house.rep, house.router))
    await house.service.request_extension(house.rep, consent.id, minutes=3, scope=("dns.change",))


async def extend_and_grant(house: "House", consent: Consent) -> None:
    case = await house.open()
    await house.service.grant(case)
    await house.service.request_extension(house.rep, consent.id, minutes=3, scope=("dns.change",))
    await house.service.grant_extension(case)


async def close(house: "House", consent: Consent) -> None:
    await house.service.close(house.rep, consent.id)


async def lapse(house: "House", consent: Consent) -> None:
    house.clock.advance(3600)
    await house.service.expire_due()


async def expire(house: "House", consent: Consent) -> None:
    await house.service.grant(await house.open())
    house.clock.advance(1800)
    await house.service.expire_due()


ACTS: list[Act] = [
    grant_less, deny, ask_and_answer, wrong_code, revoke, use_and_extend, extend_and_grant, close, lapse, expire,
]  # fmt: skip


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_a_store_that_lost_everything_is_rebuilt(house_on_journal: "House", journal: Journal, act: Act) -> None:
    house = house_on_journal
    consent = await house.ask(channel="spoken_code")
    await act(house, consent)
    right = await house.store.get(consent.id)
    assert right is not None
    empty = MemoryConsentStore()
    assert await reconcile(journal.reader(), empty) == [consent.id]
    rebuilt = await empty.get(consent.id)
    assert rebuilt is not None
    assert replace(rebuilt, revision=0) == replace(right, revision=0, sessions_live=0)
    assert await empty.reconciled_to() == journal.reader().size


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_a_store_that_missed_the_end_catches_up(house_on_journal: "House", journal: Journal, act: Act) -> None:
    house = house_on_journal
    consent = await house.ask(channel="spoken_code")
    behind = MemoryConsentStore()
    await behind.put(consent)
    await act(house, consent)
    right = await house.store.get(consent.id)
    await reconcile(journal.reader(), behind)
    caught_up = await behind.get(consent.id)
    assert caught_up is not None
    assert right is not None
    assert replace(caught_up, revision=0) == replace(right, revision=0, sessions_live=0)


async def test_a_store_in_line_is_left_alone(house_on_journal: "House", journal: Journal) -> None:
    house = house_on_journal
    consent, _ = await house.granted()
    before = await house.store.get(consent.id)
    assert await house.service.reconcile(journal.reader()) == []
    assert await house.store.get(consent.id) == before
    assert await house.service.reconcile(journal.reader()) == []


async def test_after_a_crash_no_session_lives_and_what_is_used_up_ends(
    house_on_journal: "House", journal: Journal
) -> None:
    house = house_on_journal
    consent, _ = await house.granted(sessions=1)
    await house.service.use(await house.service.claim(house.rep, house.router))
    await house.service.reconcile(journal.reader())
    after = await house.service.get(house.rep, consent.id)
    assert (after.state, after.sessions_live) == (State.USED_UP, 0)


async def test_a_consent_whose_parts_were_erased_is_not_restored(house_on_journal: "House", journal: Journal) -> None:
    house = house_on_journal
    await house.granted()
    reader = journal.reader()

    class Erased:
        size = reader.size
        entries = staticmethod(reader.entries)

        @staticmethod
        def sealed(index: int, compartment: str) -> dict[str, object]:
            from audit.errors import KeyUnavailable

            raise KeyUnavailable("erased")

    empty = MemoryConsentStore()
    assert await reconcile(Erased(), empty) == []  # type: ignore[arg-type]
    assert await empty.latest() == []
