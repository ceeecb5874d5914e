"""What every `ConsentStore` does: the one in memory and the one in tables pass the same tests."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.ids import new_id
from gateway.access.credentials import Vault
from gateway.consent.fakes import MemoryConsentStore
from gateway.consent.model import Consent, Extension, Question, State
from gateway.consent.store import Code, ConsentStore, Link
from gateway.state.consents import StateConsentStore
from gateway.state.database import Database, sqlite_url

NOW = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ConsentStore]:
    if request.param == "memory":
        yield MemoryConsentStore()
        return
    database = Database.open(sqlite_url(tmp_path / "state.db"))
    yield StateConsentStore(database, Vault(bytes(32)))
    database.close()


def consent(**changes: object) -> Consent:
    made = Consent(
        id=new_id(),
        state=State.REQUESTED,
        rep_id="rep",
        rep_alias="Rep 7F3A",
        router_id="router",
        router_name="cpe-1",
        subscriber_ref=new_id(),
        ticket="T-1",
        reason="The line drops.\nTwice a day.",
        language="fr",
        asked=("lan.hosts.read", "device.reboot"),
        minutes=30,
        sessions=2,
        requested_at=NOW,
        lapses_at=NOW + timedelta(hours=1),
        statement_digest="ab" * 32,
        revision=1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def granted(**changes: object) -> Consent:
    whole = {
        "state": State.GRANTED,
        "granted": ("device.reboot",),
        "granted_at": NOW,
        "starts_at": NOW,
        "expires_at": NOW + timedelta(minutes=30),
        "channel": "link",
        "evidence_digest": "cd" * 32,
        "entry_index": 7,
    }
    return consent(**{**whole, **changes})


async def test_a_consent_comes_back_as_it_was(store: ConsentStore) -> None:
    full = granted(
        questions=(Question(text="Pourquoi ?", asked_at=NOW, answer="Voilà.", answered_at=NOW),),
        extension=Extension(minutes=10, scope=("dns.change",), asked_at=NOW),
        ended_reason=None,
    )
    await store.put(full)
    assert await store.get(full.id) == full
    assert await store.get(new_id()) is None


async def test_replace_takes_only_the_next_of_what_is_there(store: ConsentStore) -> None:
    first = consent()
    await store.put(first)
    second = replace(first, revision=2, state=State.DENIED)
    other = replace(first, revision=2, state=State.CLOSED)
    assert await store.replace(first, second) is True
    assert await store.replace(first, other) is False
    assert await store.get(first.id) == second
    stranger = consent()
    assert await store.replace(stranger, replace(stranger, revision=2)) is False


async def test_overwrite_goes_forward_only(store: ConsentStore) -> None:
    first = consent()
    await store.overwrite(first)
    await store.overwrite(replace(first, revision=5, state=State.REVOKED))
    await store.overwrite(replace(first, revision=4, state=State.GRANTED))
    found = await store.get(first.id)
    assert found is not None
    assert (found.revision, found.state) == (5, State.REVOKED)


async def test_of_lists_one_reps_consents_for_one_router_the_unfinished_first(store: ConsentStore) -> None:
    old, new = granted(), consent(requested_at=NOW + timedelta(seconds=1))
    over = consent(state=State.REVOKED, requested_at=NOW + timedelta(seconds=2))
    for each in (old, over, new, consent(rep_id="other"), consent(router_id="other")):
        await store.put(each)
    assert await store.of("rep", "router") == [new, old, over]
    assert await store.of("rep", "nowhere") == []


async def test_of_has_an_end_that_hides_nothing_unfinished(store: ConsentStore) -> None:
    live = granted()
    await store.put(live)
    for number in range(55):
        await store.put(consent(state=State.CLOSED, requested_at=NOW + timedelta(seconds=number + 1)))
    found = await store.of("rep", "router")
    assert (len(found), found[0]) == (50, live)


async def test_latest_filters_and_limits(store: ConsentStore) -> None:
    rows = [consent(requested_at=NOW + timedelta(seconds=n)) for n in range(4)]
    rows.append(consent(state=State.REVOKED, requested_at=NOW + timedelta(seconds=9)))
    rows.append(consent(rep_id="other", requested_at=NOW + timedelta(seconds=10)))
    for each in rows:
        await store.put(each)
    assert [c.id for c in await store.latest()] == [c.id for c in reversed(rows)]
    assert [c.id for c in await store.latest(rep_id="rep", limit=2)] == [rows[4].id, rows[3].id]
    assert [c.id for c in await store.latest(rep_id="rep", unfinished=True)] == [r.id for r in reversed(rows[:4])]


async def test_due_finds_what_time_has_ended(store: ConsentStore) -> None:
    lapsing, live = consent(lapses_at=NOW), granted(expires_at=NOW - timedelta(microseconds=1))
    for each in (
        lapsing,
        live,
        consent(),
        granted(lapses_at=NOW),
        consent(state=State.EXPIRED, expires_at=NOW, lapses_at=NOW),
    ):
        await store.put(each)
    assert {c.id for c in await store.due(NOW)} == {lapsing.id, live.id}


async def test_a_link_opens_once_and_a_newer_one_replaces_it(store: ConsentStore) -> None:
    consent_id = new_id()
    first = Link(ref=new_id(), consent_id=consent_id, digest="1" * 64, made_at=NOW)
    await store.put_link(first)
    assert await store.link_by_digest("1" * 64) == first
    assert await store.open_link(first.ref, NOW) is True
    assert await store.open_link(first.ref, NOW) is False
    second = Link(ref=new_id(), consent_id=consent_id, digest="2" * 64, made_at=NOW + timedelta(seconds=1))
    await store.put_link(second)
    assert await store.link_by_ref(first.ref) == replace(first, opened_at=NOW, replaced=True)
    assert [link.ref for link in await store.links(consent_id)] == [second.ref, first.ref]
    third = Link(ref=new_id(), consent_id=consent_id, digest="3" * 64, made_at=NOW + timedelta(seconds=2))
    await store.put_link(third)
    assert await store.open_link(second.ref, NOW) is False, "a replaced link does not open"
    assert await store.link_by_digest("9" * 64) is None
    assert await store.link_by_ref(new_id()) is None
    assert await store.open_link(new_id(), NOW) is False


async def test_links_of_another_consent_are_left_alone(store: ConsentStore) -> None:
    mine = Link(ref=new_id(), consent_id=new_id(), digest="1" * 64, made_at=NOW)
    await store.put_link(mine)
    await store.put_link(Link(ref=new_id(), consent_id=new_id(), digest="2" * 64, made_at=NOW))
    assert await store.link_by_ref(mine.ref) == mine


async def test_a_code_is_replaced_by_the_next(store: ConsentStore) -> None:
    consent_id = new_id()
    assert await store.code(consent_id) is None
    await store.put_code(Code(consent_id=consent_id, digest="1" * 64, made_at=NOW))
    newer = Code(consent_id=consent_id, digest="2" * 64, made_at=NOW + timedelta(minutes=1))
    await store.put_code(newer)
    assert await store.code(consent_id) == newer


async def test_token_digests_are_kept_each_once(store: ConsentStore) -> None:
    consent_id = new_id()
    for digest in ("a" * 64, "b" * 64, "a" * 64):
        await store.put_token(consent_id, digest)
    assert sorted(await store.token_digests(consent_id)) == ["a" * 64, "b" * 64]
    assert await store.token_digests(new_id()) == []


async def test_a_statement_is_kept_for_ever(store: ConsentStore) -> None:
    await store.keep_statement("a" * 64, "fr", "1", "Énoncé")
    await store.keep_statement("a" * 64, "fr", "1", "something else")
    assert await store.statement_text("a" * 64) == "Énoncé"
    assert await store.statement_text("b" * 64) is None


async def test_the_reconciled_mark_moves(store: ConsentStore) -> None:
    assert await store.reconciled_to() == 0
    await store.set_reconciled_to(12)
    await store.set_reconciled_to(40)
    assert await store.reconciled_to() == 40
