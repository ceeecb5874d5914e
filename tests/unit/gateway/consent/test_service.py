"""Asking, deciding, using and ending, as people do it; each step in the evidence before it takes effect."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from audit.entry import Kind
from audit.errors import RecordFailed
from config.ids import new_id
from gateway.access.identity import Router
from gateway.consent.model import State
from gateway.consent.notifier import Contact, NotifyFailed
from gateway.errors import BadRequest, ConsentProblem, NotAllowed

if TYPE_CHECKING:
    from .conftest import House


async def code_of(awaitable: object) -> str:
    with pytest.raises(ConsentProblem) as caught:
        await awaitable  # type: ignore[misc]
    return caught.value.code


# --- asking -----------------------------------------------------------------------------------------------------------


async def test_a_request_is_recorded_stored_and_sent(house: "House") -> None:
    consent = await house.ask()
    assert consent.state is State.REQUESTED
    assert await house.store.get(consent.id) == consent
    assert house.kinds() == ["consent.asked"]
    (message,) = house.notifier.sent
    assert message.kind == "link"
    assert f"http://customer.example/l/{house.link()}" in message.body
    assert consent.rep_alias in message.body
    assert await house.service.statement_shown(consent) == house.service.statement("en").text


async def test_the_contact_speaks_the_language_unless_another_is_asked_for(house: "House") -> None:
    house.contacts.known[house.router.subscriber_ref] = [Contact(kind="mail", address="a@b.example", language="fr")]
    consent = await house.ask()
    assert consent.language == "fr"
    assert "Votre" in house.notifier.sent[-1].body or "votre" in house.notifier.sent[-1].body
    await house.service.close(house.rep, consent.id)
    assert (await house.ask(language="en")).language == "en"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scope": ("nat.portforward",)}, "nat.portforward"),
        ({"scope": ("diagnose.read",)}, "diagnose.read"),
        ({"scope": ("bogus",)}, "bogus"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 121}, "120"),
        ({"sessions": 6}, "sessions"),
        ({"ticket": "  "}, "ticket"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 1001}, "1000"),
        ({"reason": "bell \x07"}, "reason"),
        ({"reason": "bidi \u202e"}, "reason"),
        ({"language": "de"}, "en"),
        ({"channel": "recorded_call"}, "link"),
    ],
)
async def test_a_bad_request_says_what_is_wrong(house: "House", changes: dict[str, object], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        await house.ask(**changes)
    assert house.evidence.written == []
    assert house.notifier.sent == []


async def test_who_may_not_ask_and_what_is_not_there_read_alike_in_kind(house: "House") -> None:
    with pytest.raises(NotAllowed):
        await house.service.request(house.rep, "nowhere", ticket="T", reason="R")
    for role in ("reviewer", "auditor", "operator"):
        with pytest.raises(NotAllowed):
            await house.service.request(house.person(role, role), "cpe-1", ticket="T", reason="R")


async def test_without_a_contact_nobody_can_be_asked(house: "House") -> None:
    house.contacts.known.clear()
    with pytest.raises(BadRequest, match="contact"):
        await house.ask()


async def test_only_a_contact_that_the_notifier_reaches_is_used(house: "House") -> None:
    reachable = Contact(kind="mail", address="a@b.example", language="en")
    house.contacts.known[house.router.subscriber_ref] = [
        Contact(kind="phone", address="+15145550100", language="fr"),
        reachable,
    ]
    house.notifier._reaches = frozenset({"mail"})
    await house.ask()
    assert house.notifier.sent[-1].to == reachable


async def test_one_open_request_a_router_and_rep(house: "House") -> None:
    first = await house.ask()
    assert await code_of(house.ask()) == "pending"
    house.clock.advance(3601)
    second = await house.ask()
    assert second.id != first.id


async def test_a_request_that_cannot_be_delivered_ends_at_once(house: "House") -> None:
    house.notifier.failing = True
    with pytest.raises(NotifyFailed):
        await house.ask()
    assert house.kinds() == ["consent.asked", "consent.lapsed"]
    (consent,) = await house.service.list(house.rep)
    assert (consent.state, consent.ended_reason) == (State.LAPSED, "undelivered")


# --- deciding by link -------------------------------------------------------------------------------------------------


async def test_the_subscriber_grants_all(house: "House") -> None:
    consent, _ = await house.granted()
    assert consent.state is State.GRANTED
    assert consent.granted == ("lan.hosts.read", "device.reboot")
    assert consent.channel == "link"
    assert consent.entry_index == 1
    assert house.kinds() == ["consent.asked", "consent.granted"]
    entry = house.evidence.written[1]
    assert entry.facts["method"] == "web-link"
    assert entry.facts["evidence"] == consent.evidence_digest


async def test_the_subscriber_grants_less(house: "House") -> None:
    await house.ask()
    consent = await house.service.grant(await house.open(), scope=("device.reboot",), minutes=5)
    assert consent.granted == ("device.reboot",)
    assert consent.expires_at is not None
    assert (consent.expires_at - house.clock.now()).total_seconds() == 300


async def test_the_subscriber_cannot_grant_more(house: "House") -> None:
    await house.ask()
    case = await house.open()
    with pytest.raises(BadRequest):
        await house.service.grant(case, scope=("dns.change",))
    with pytest.raises(BadRequest):
        await house.service.grant(case, minutes=31)
    assert house.kinds() == ["consent.asked"]


async def test_questions_go_back_and_forth_and_stay(house: "House") -> None:
    consent = await house.ask()
    case = await house.open()
    asked = await house.service.ask_question(case, "Why the list of devices?")
    assert asked.state is State.MORE_INFO_REQUESTED
    answered = await house.service.answer_question(house.rep, consent.id, "To find the one that floods the line.")
    assert answered.state is State.REQUESTED
    assert house.notifier.sent[-1].kind == "notice"
    assert "/l/" not in house.notifier.sent[-1].body
    granted = await house.service.grant(case)
    assert [(q.text, q.answer) for q in granted.questions] == [
        ("Why the list of devices?", "To find the one that floods the line.")
    ]
    assert house.kinds() == ["consent.asked", "consent.question", "consent.answer", "consent.granted"]


async def test_a_question_may_be_left_unanswered_and_the_request_granted(house: "House") -> None:
    await house.ask()
    case = await house.open()
    await house.service.ask_question(case, "Who are you?")
    assert (await house.service.grant(case)).state is State.GRANTED


async def test_denied_is_the_end(house: "House") -> None:
    consent = await house.ask()
    case = await house.open()
    await house.service.deny(case)
    assert await code_of(house.service.grant(case)) == "denied"
    assert await code_of(house.service.claim(house.rep, house.router)) == "denied"
    assert (await house.service.get(house.rep, consent.id)).ended_reason == "denied"


async def test_an_unanswered_request_lapses(house: "House") -> None:
    consent = await house.ask()
    case = await house.open()
    house.clock.advance(3600)
    assert await code_of(house.service.grant(case)) == "lapsed", "also before the lapse is recorded"
    assert await house.service.expire_due() == [consent.id]
    assert await house.service.expire_due() == []
    assert house.kinds()[-1] == "consent.lapsed"


# --- the link ---------------------------------------------------------------------------------------------------------


async def test_a_link_opens_once_and_again_only_with_its_cookie(house: "House") -> None:
    await house.ask()
    link = house.link()
    case = await house.service.cases.open(link)
    assert await code_of(house.service.cases.open(link)) == "link_used"
    assert await code_of(house.service.cases.open(link, ("forged.cookie", case.cookie[:-1] + "_"))) == "link_used"
    assert await house.service.cases.open(link, ("other", case.cookie)) == case
    assert await house.service.cases.resume(case.cookie) == case


@pytest.mark.parametrize("link", ["", "A" * 43, "x", "é" * 43, "A" * 42 + "=", "A" * 4000])
async def test_an_unknown_link_opens_nothing(house: "House", link: str) -> None:
    await house.ask()
    assert await code_of(house.service.cases.open(link)) == "missing"


async def test_a_new_link_goes_to_the_contact_and_ends_the_old(house: "House") -> None:
    await house.ask()
    old = house.link()
    thief = await house.service.cases.open(old)
    await house.service.new_link(old)
    assert len(house.notifier.sent) == 2
    assert house.link() != old
    assert await code_of(house.service.cases.resume(thief.cookie)) == "link_used"
    assert await code_of(house.service.cases.open(old, (thief.cookie,))) == "link_used"
    assert await code_of(house.service.new_link(old)) == "link_used"
    case = await house.open()
    assert (await house.service.grant(case)).state is State.GRANTED


async def test_links_cannot_be_sent_without_end(house: "House") -> None:
    consent = await house.ask()
    for _ in range(4):
        await house.service.send_again(house.rep, consent.id)
    assert await code_of(house.service.send_again(house.rep, consent.id)) == "too_many_links"
    assert len(house.notifier.sent) == 5


async def test_an_ended_request_sends_no_link(house: "House") -> None:
    consent = await house.ask()
    await house.service.close(house.rep, consent.id)
    assert await code_of(house.service.send_again(house.rep, consent.id)) == "closed"


# --- the spoken code --------------------------------------------------------------------------------------------------


async def test_a_code_read_out_grants_what_was_asked(house: "House") -> None:
    consent = await house.ask(channel="spoken_code")
    message = house.notifier.sent[-1]
    assert message.kind == "code"
    assert "See the list of devices in your home." in message.body
    granted = await house.service.enter_code(house.rep, consent.id, house.code())
    assert (granted.state, granted.channel) == (State.GRANTED, "spoken_code")
    assert house.evidence.written[-1].facts["method"] == "code-read-back"


async def test_a_code_granted_consent_can_be_revoked_by_its_link(house: "House") -> None:
    consent = await house.ask(channel="spoken_code")
    await house.service.enter_code(house.rep, consent.id, house.code())
    assert (await house.service.revoke(await house.open())).state is State.REVOKED


async def test_wrong_codes_are_recorded_counted_and_end_the_request(house: "House") -> None:
    consent = await house.ask(channel="spoken_code")
    right = house.code()
    for left in (4, 3, 2, 1):
        with pytest.raises(ConsentProblem, match=str(left)) as caught:
            await house.service.enter_code(house.rep, consent.id, "00000000")
        assert caught.value.code == "wrong_code"
    assert await code_of(house.service.enter_code(house.rep, consent.id, "99999999")) == "lapsed"
    assert await code_of(house.service.enter_code(house.rep, consent.id, right)) == "lapsed"
    assert house.kinds() == ["consent.asked"] + ["auth.fail"] * 4 + ["consent.lapsed"]


async def test_guessing_at_once_gains_nothing(house: "House") -> None:
    consent = await house.ask(channel="spoken_code")
    guesses = [house.service.enter_code(house.rep, consent.id, f"{n:08}") for n in range(50, 70)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert all(isinstance(result, ConsentProblem) for result in results)
    assert house.kinds().count("auth.fail") == 4


async def test_a_code_is_bound_to_its_request_and_rep(house: "House") -> None:
    consent = await house.ask(channel="spoken_code")
    code = house.code()
    with pytest.raises(NotAllowed):
        await house.service.enter_code(house.other_rep, consent.id, code)
    with pytest.raises(NotAllowed):
        await house.service.enter_code(house.supervisor, consent.id, code)
    other = house.directory.add_router(Router(id=new_id(), name="cpe-2", platform="ios", subscriber_ref=new_id()))
    house.contacts.known[other.subscriber_ref] = [Contact(kind="phone", address="+15145550101", language="en")]
    elsewhere = await house.service.request(house.rep, "cpe-2", ticket="T", reason="R", channel="spoken_code")
    assert await code_of(house.service.enter_code(house.rep, elsewhere.id, code)) == "wrong_code"


async def test_a_request_by_link_takes_no_code(house: "House") -> None:
    consent = await house.ask()
    assert await code_of(house.service.enter_code(house.rep, consent.id, "12345678")) == "missing"


# --- using ------------------------------------------------------------------------------------------------------------


async def test_claim_gives_the_proof(house: "House") -> None:
    consent, _ = await house.granted()
    active = await house.service.claim(house.rep, house.router)
    assert active.consent_id == consent.id
    assert active.scope == {"lan.hosts.read", "device.reboot"}
    assert active.expires_at == consent.expires_at


async def test_every_refusal_is_recorded_without_names(house: "House") -> None:
    consent = await house.ask()
    assert await code_of(house.service.claim(house.rep, house.router)) == "pending"
    assert await code_of(house.service.claim(house.other_rep, house.router)) == "missing"
    assert await code_of(house.service.claim(house.other_rep, house.router, consent_id=consent.id)) == "missing"
    refused = [e for e in house.evidence.written if e.kind is Kind.SESSION_REFUSED]
    assert [e.facts["code"] for e in refused] == ["pending", "missing", "missing"]
    assert all(house.rep.principal.id not in repr(e.facts) for e in refused)


async def test_the_token_works_for_its_rep_and_router_only(house: "House") -> None:
    consent, _ = await house.granted()
    token = await house.service.token_for(house.rep, consent.id)
    assert (await house.service.claim(house.rep, house.router, token=token)).consent_id == consent.id
    assert await code_of(house.service.claim(house.other_rep, house.router, token=token)) == "other_rep"
    assert await code_of(house.service.claim(house.supervisor, house.router, token=token)) == "other_rep"
    other = Router(id=new_id(), name="cpe-2", platform="ios", subscriber_ref=new_id())
    assert await code_of(house.service.claim(house.rep, other, token=token)) == "other_router"
    assert await code_of(house.service.claim(house.rep, house.router, token=token + "A")) == "forged"
    assert await code_of(house.service.claim(house.rep, house.router, token=token, consent_id=new_id())) == "forged"
    with pytest.raises(NotAllowed):
        await house.service.token_for(house.other_rep, consent.id)


async def test_a_token_signed_right_but_never_issued_is_forged(house: "House") -> None:
    from gateway.consent.token import issue  # as somebody with the stolen key would

    consent, _ = await house.granted()
    token = issue(consent, house.service._token_key)
    assert await code_of(house.service.claim(house.rep, house.router, token=token)) == "forged"


async def test_a_session_is_counted_and_the_last_one_uses_it_up(house: "House") -> None:
    consent, _ = await house.granted(sessions=2)
    active = await house.service.claim(house.rep, house.router)
    assert (await house.service.use(active, session=new_id())).state is State.IN_USE
    await house.service.release(consent.id)
    assert (await house.service.get(house.rep, consent.id)).state is State.IN_USE
    await house.service.use(active)
    assert await code_of(house.service.use(active)) == "used_up"
    assert await code_of(house.service.claim(house.rep, house.router)) == "used_up"
    await house.service.release(consent.id)
    ended = await house.service.get(house.rep, consent.id)
    assert (ended.state, ended.ended_reason) == (State.USED_UP, "used_up")
    assert house.kinds()[-1] == "consent.used_up"


async def test_two_sessions_cannot_share_the_last_use(house: "House") -> None:
    await house.granted(sessions=1)
    active = await house.service.claim(house.rep, house.router)
    results = await asyncio.gather(*(house.service.use(active) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, ConsentProblem) for result in results) == 4


async def test_release_after_the_end_changes_nothing(house: "House") -> None:
    consent, case = await house.granted()
    await house.service.use(await house.service.claim(house.rep, house.router))
    await house.service.revoke(case)
    await house.service.release(consent.id)
    assert (await house.service.get(house.rep, consent.id)).state is State.REVOKED


async def test_expiry_ends_it_by_the_clock_and_then_on_record(house: "House") -> None:
    consent, _ = await house.granted(minutes=10)
    token = await house.service.token_for(house.rep, consent.id)
    active = await house.service.claim(house.rep, house.router)
    house.clock.advance(600)
    assert await code_of(house.service.claim(house.rep, house.router)) == "expired"
    assert await code_of(house.service.claim(house.rep, house.router, token=token)) == "expired"
    assert await code_of(house.service.use(active)) == "expired"
    assert await house.service.expire_due() == [consent.id]
    assert house.kinds()[-1] == "consent.expired"


# --- ending and telling -----------------------------------------------------------------------------------------------


async def test_listeners_hear_of_the_end_after_it_is_on_record(house: "House") -> None:
    heard: list[tuple[str, str, str]] = []

    async def listener(consent_id: str, reason: str) -> None:
        await asyncio.sleep(0)
        heard.append((consent_id, reason, house.kinds()[-1]))

    def broken(consent_id: str, reason: str) -> None:
        raise RuntimeError("listener fell over")

    house.service.on_ended(broken)
    house.service.on_ended(listener)
    consent, case = await house.granted()
    assert heard == []
    await house.service.revoke(case)
    assert heard == [(consent.id, "revoked", "consent.revoked")]
    assert await code_of(house.service.claim(house.rep, house.router)) == "revoked"


async def test_nothing_takes_effect_that_is_not_on_record(house: "House") -> None:
    consent, case = await house.granted()
    changed: list[object] = []
    house.service.on_changed(changed.append)
    house.evidence.failing = RecordFailed("disk full")
    with pytest.raises(RecordFailed):
        await house.service.revoke(case)
    with pytest.raises(RecordFailed):
        await house.service.use(await house.service.claim(house.rep, house.router))
    assert (await house.service.view(case)).state is State.GRANTED
    assert changed == []
    house.evidence.failing = None
    await house.service.revoke(case)
    assert [c.id for c in changed] == [consent.id]  # type: ignore[attr-defined]


async def test_a_caller_that_leaves_does_not_leave_an_entry_without_effect(house: "House") -> None:
    _, case = await house.granted()
    append = house.evidence.append
    gate = asyncio.Event()

    async def slow(entry: object) -> object:
        ref = await append(entry)  # type: ignore[arg-type]
        await gate.wait()
        return ref

    house.evidence.append = slow  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(house.service.revoke(case))
    while "consent.revoked" not in house.kinds():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    await asyncio.sleep(0.01)
    assert (await house.service.view(case)).state is State.REVOKED


async def test_a_store_that_fails_after_the_entry_is_caught_up_before_the_next_decision(house: "House") -> None:
    consent, case = await house.granted()
    ended: list[str] = []
    house.service.on_ended(lambda consent_id, reason: ended.append(reason))
    works = house.store.replace

    async def fails(before: object, after: object) -> bool:
        raise OSError("state database is gone")

    house.store.replace = fails  # type: ignore[method-assign,assignment]
    with pytest.raises(OSError, match="gone"):
        await house.service.revoke(case)
    house.store.replace = works  # type: ignore[method-assign]
    assert ended == ["revoked"], "sessions end although the store failed"
    assert await code_of(house.service.claim(house.rep, house.router)) == "revoked"
    stored = await house.store.get(consent.id)
    assert stored is not None
    assert stored.state is State.REVOKED


async def test_a_router_that_was_reset_is_asked_for_anew(house: "House") -> None:
    consent, _ = await house.granted()
    assert await house.service.router_reset(new_id()) == []
    assert await house.service.router_reset(consent.router_id) == [consent.id]
    ended = await house.service.get(house.rep, consent.id)
    assert (ended.state, ended.ended_reason) == (State.CLOSED, "router_reset")
    assert await house.service.router_reset(consent.router_id) == []


async def test_the_rep_closes_and_sees_only_what_is_theirs(house: "House") -> None:
    consent, _ = await house.granted()
    for forbidden in (
        house.service.close(house.other_rep, consent.id),
        house.service.get(house.other_rep, consent.id),
        house.service.answer_question(house.supervisor, consent.id, "x"),
        house.service.get(house.rep, new_id()),
    ):
        with pytest.raises(NotAllowed, match=r"There is no such consent, or it is not yours\."):
            await forbidden
    assert await house.service.list(house.other_rep) == []
    assert [c.id for c in await house.service.list(house.supervisor)] == [consent.id]
    assert (await house.service.close(house.supervisor, consent.id)).state is State.CLOSED
    assert await house.service.list(house.rep, unfinished=True) == []


async def test_waiting_wakes_on_the_decision(house: "House") -> None:
    consent = await house.ask()
    waiting = asyncio.create_task(
        house.service.wait_for_change(house.rep, consent.id, since=consent.revision, timeout_seconds=30)
    )
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await house.service.grant(await house.open())
    assert (await waiting).state is State.GRANTED
    late = await house.service.wait_for_change(house.rep, consent.id, since=99, timeout_seconds=0.01)
    assert late.state is State.GRANTED


# --- extensions -------------------------------------------------------------------------------------------------------


async def test_an_extension_is_asked_allowed_and_counts(house: "House") -> None:
    consent, case = await house.granted()
    await house.service.use(await house.service.claim(house.rep, house.router))
    asked = await house.service.request_extension(house.rep, consent.id, minutes=20, scope=("dns.change",))
    assert asked.state is State.EXTENSION_REQUESTED
    assert house.notifier.sent[-1].kind == "notice"
    after = await house.service.grant_extension(case)
    assert after.state is State.IN_USE
    assert after.granted == ("lan.hosts.read", "device.reboot", "dns.change")
    assert after.expires_at is not None
    assert consent.expires_at is not None
    assert (after.expires_at - consent.expires_at).total_seconds() == 1200
    assert house.kinds()[-2:] == ["consent.extension", "consent.extension"]


async def test_an_old_token_stays_narrow_after_an_extension(house: "House") -> None:
    consent, case = await house.granted(scope=("dns.change",))
    old = await house.service.token_for(house.rep, consent.id)
    await house.service.request_extension(house.rep, consent.id, minutes=5, scope=("device.reboot",))
    await house.service.grant_extension(case)
    new = await house.service.token_for(house.rep, consent.id)
    narrow = await house.service.claim(house.rep, house.router, token=old)
    wide = await house.service.claim(house.rep, house.router, token=new)
    assert narrow.scope == {"dns.change"}
    assert wide.scope == {"dns.change", "device.reboot"}
    assert narrow.expires_at < wide.expires_at


async def test_a_refused_extension_leaves_things_as_they_were(house: "House") -> None:
    consent, case = await house.granted()
    await house.service.request_extension(house.rep, consent.id, scope=("dns.change",))
    after = await house.service.refuse_extension(case)
    assert (after.state, after.granted) == (State.GRANTED, consent.granted)


# --- nothing personal in the open -------------------------------------------------------------------------------------


async def test_open_parts_of_entries_hold_nothing_personal(house: "House") -> None:
    seeds = {"TICKET-SEED", "REASON-SEED", "QUESTION-SEED", "ANSWER-SEED", "+15145550100", "198.51.100.9", "cpe-1"}
    seeds |= {house.rep.principal.id, house.rep.principal.name.upper(), "192.0.2.1"}
    seeds |= {house.router.id, house.router.subscriber_ref, house.rep.principal.alias}
    consent = await house.ask(ticket="TICKET-SEED", reason="REASON-SEED", channel="spoken_code")
    seeds |= {house.link(), house.code().replace(" ", "")}
    case = await house.open()
    await house.service.ask_question(case, "QUESTION-SEED", source="198.51.100.9")
    await house.service.answer_question(house.rep, consent.id, "ANSWER-SEED")
    with pytest.raises(ConsentProblem):
        await house.service.enter_code(house.rep, consent.id, "1")
    await house.service.grant(case, source="198.51.100.9")
    await house.service.use(await house.service.claim(house.rep, house.router))
    await house.service.request_extension(house.rep, consent.id, minutes=1)
    await house.service.refuse_extension(case, source="198.51.100.9")
    await house.service.revoke(case, source="198.51.100.9")
    await code_of(house.service.claim(house.rep, house.router))
    for entry in house.evidence.written:
        in_the_open = repr(dict(entry.facts)).casefold()
        for seed in seeds:
            assert seed.casefold() not in in_the_open, (entry.kind, seed)
    sealed = repr([dict(entry.sealed) for entry in house.evidence.written])
    for kept in ("TICKET-SEED", "REASON-SEED", "QUESTION-SEED", "ANSWER-SEED", "198.51.100.9"):
        assert kept in sealed, "what is on record is sealed, not lost"
