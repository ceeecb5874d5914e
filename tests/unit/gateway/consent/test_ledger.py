"""Entry first, store second; and what happens when another process decides at the same moment."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from config.ids import new_id
from gateway.consent import lifecycle
from gateway.consent.fakes import MemoryConsentStore, MemoryEvidence
from gateway.consent.ledger import Ledger
from gateway.consent.lifecycle import Proof
from gateway.consent.model import Consent, State
from gateway.consent.record import By
from gateway.errors import ConsentProblem, NotAllowed

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
BY = By(role="subscriber")
PROOF = Proof(channel="link", digest="ab" * 32, detail={})

grant = partial(lifecycle.grant, proof=PROOF, by=BY, now=NOW)
deny = partial(lifecycle.deny, by=BY, now=NOW)
revoke = partial(lifecycle.revoke, by=BY, now=NOW)
use = partial(lifecycle.use, session=None, by=BY, now=NOW)


class RacingStore(MemoryConsentStore):
    """Lets another process step in between this one's reading and writing, once."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Consent | None = None

    async def replace(self, before: Consent, after: Consent) -> bool:
        if self.meanwhile is not None:
            other, self.meanwhile = self.meanwhile, None
            assert await super().replace(before, other)
        return await super().replace(before, after)


@pytest.fixture
def store() -> RacingStore:
    return RacingStore()


@pytest.fixture
def ledger(store: RacingStore) -> Ledger:
    return Ledger(MemoryEvidence(), store)


async def on_record(store: RacingStore, state: State) -> Consent:
    consent = Consent(
        id=new_id(), state=State.REQUESTED, rep_id="rep", router_id="router", subscriber_ref="sub", ticket="T",
        reason="R", language="en", asked=(), minutes=30, sessions=5, requested_at=NOW,
        lapses_at=NOW + timedelta(hours=1), statement_digest="cd" * 32, revision=1,
    )  # fmt: skip
    if state is State.GRANTED:
        consent = lifecycle.recorded(grant(consent).consent, 1)
    await store.put(consent)
    return consent


async def test_two_uses_at_once_both_count(store: RacingStore, ledger: Ledger) -> None:
    before = await on_record(store, State.GRANTED)
    store.meanwhile = use(before).consent
    after = await ledger.step(before.id, use)
    assert (after.sessions_used, after.revision) == (2, before.revision + 2)
    assert await store.get(before.id) == after


async def test_an_end_that_came_first_stands(store: RacingStore, ledger: Ledger) -> None:
    before = await on_record(store, State.GRANTED)
    store.meanwhile = revoke(before).consent
    with pytest.raises(ConsentProblem) as caught:
        await ledger.step(before.id, use)
    assert caught.value.code == "revoked"
    stored = await store.get(before.id)
    assert stored is not None
    assert stored.state is State.REVOKED


async def test_an_end_that_came_second_ends_it_all_the_same(store: RacingStore, ledger: Ledger) -> None:
    ended: list[tuple[str, str]] = []
    ledger.on_ended(lambda consent_id, reason: ended.append((consent_id, reason)))
    before = await on_record(store, State.GRANTED)
    store.meanwhile = use(before).consent
    after = await ledger.step(before.id, revoke)
    assert (after.state, after.sessions_used) == (State.REVOKED, 1)
    assert ended == [(before.id, "revoked")]


async def test_two_decisions_at_once_the_first_stands(store: RacingStore, ledger: Ledger) -> None:
    before = await on_record(store, State.REQUESTED)
    store.meanwhile = deny(before).consent
    with pytest.raises(ConsentProblem) as caught:
        await ledger.step(before.id, grant)
    assert caught.value.code == "denied"


async def test_nothing_is_known_of_what_never_was(ledger: Ledger) -> None:
    with pytest.raises(NotAllowed):
        await ledger.step(new_id(), deny)


async def test_the_index_of_the_grant_is_kept(store: RacingStore, ledger: Ledger) -> None:
    before = await on_record(store, State.REQUESTED)
    assert (await ledger.step(before.id, grant)).entry_index == 0
    assert (await ledger.step(before.id, use)).entry_index == 0
