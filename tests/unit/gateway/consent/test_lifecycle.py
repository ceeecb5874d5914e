"""Every state against every event, and what must hold after any sequence of them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from audit.leaf import check_facts
from config.settings import ConsentSettings
from gateway.access.identity import Principal, Router
from gateway.consent import extension, lifecycle
from gateway.consent.lifecycle import Asking, Proof
from gateway.consent.model import FINAL, LIVE, PENDING, ActiveConsent, Claims, Consent, State
from gateway.consent.record import By, PastEntry, rebuild
from gateway.consent.statement import SCOPE_CAPABILITIES
from gateway.consent.transition import Transition
from gateway.errors import BadRequest, ConsentProblem

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LIMITS = ConsentSettings()
REP = Principal(id="01J0000000000000000000000A", name="ada", role="rep", alias="Rep 7F3A")
ROUTER = Router(
    id="01J0000000000000000000000R", name="cpe-1", platform="ios", subscriber_ref="01J0000000000000000000000S"
)
BY = By(role="subscriber", source="198.51.100.9")
PROOF = Proof(channel="link", digest="ab" * 32, detail={"link": "x"})
SCOPE = ("lan.hosts.read", "device.reboot", "dns.change")


def asking(**changes: object) -> Asking:
    made = Asking(
        id="01J0000000000000000000000C",
        principal=REP,
        router=ROUTER,
        ticket="T-1",
        reason="The line drops.",
        scope=SCOPE,
        minutes=30,
        sessions=2,
        language="en",
        statement_version="1",
        statement_digest="cd" * 32,
        channel="link",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def requested(**changes: object) -> Consent:
    return lifecycle.request(asking(**changes), LIMITS, SCOPE_CAPABILITIES, BY, NOW).consent


def granted(**changes: object) -> Consent:
    return lifecycle.recorded(lifecycle.grant(requested(**changes), PROOF, BY, NOW).consent, 7)


def in_state(state: State) -> Consent:
    """A consent that came to `state` the way it really would."""
    live = granted()
    used = lifecycle.use(live, None, BY, NOW).consent
    later = NOW + timedelta(hours=2)
    ways: dict[State, Callable[[], Consent]] = {
        State.REQUESTED: requested,
        State.MORE_INFO_REQUESTED: lambda: lifecycle.ask_question(requested(), "Why?", BY, NOW).consent,
        State.GRANTED: lambda: live,
        State.DENIED: lambda: lifecycle.deny(requested(), BY, NOW).consent,
        State.LAPSED: lambda: lifecycle.lapse(requested(), later).consent,
        State.IN_USE: lambda: used,
        State.EXTENSION_REQUESTED: lambda: extension.request_extension(
            used, 5, ("wifi.ssid.write",), LIMITS, SCOPE_CAPABILITIES, BY, NOW
        ).consent,
        State.REVOKED: lambda: lifecycle.revoke(used, BY, NOW).consent,
        State.EXPIRED: lambda: lifecycle.expire(used, later).consent,
        State.USED_UP: lambda: lifecycle.use_up(
            lifecycle.released(
                lifecycle.use(lifecycle.recorded(lifecycle.grant(requested(sessions=1), PROOF, BY, NOW).consent, 7),
                              None, BY, NOW).consent
            ),
            NOW,
        ).consent,
        State.CLOSED: lambda: lifecycle.close(used, BY, NOW).consent,
    }  # fmt: skip
    consent = ways[state]()
    assert consent.state is state
    return consent


Event = Callable[[Consent, datetime], Transition]
EVENTS: Mapping[str, Event] = {
    "grant": lambda c, now: lifecycle.grant(c, PROOF, BY, now),
    "deny": lambda c, now: lifecycle.deny(c, BY, now),
    "ask": lambda c, now: lifecycle.ask_question(c, "Why?", BY, now),
    "answer": lambda c, now: lifecycle.answer_question(c, "Because.", BY, now),
    "wrong_code": lambda c, now: lifecycle.wrong_code(c, BY, now),
    "lapse": lifecycle.lapse,
    "use": lambda c, now: lifecycle.use(c, None, BY, now),
    "use_up": lifecycle.use_up,
    "revoke": lambda c, now: lifecycle.revoke(c, BY, now),
    "expire": lifecycle.expire,
    "time_out": lifecycle.time_out,
    "close": lambda c, now: lifecycle.close(c, BY, now),
    "extend": lambda c, now: extension.request_extension(c, 1, (), LIMITS, SCOPE_CAPABILITIES, BY, now),
    "grant_extension": lambda c, now: extension.grant_extension(c, BY, now),
    "refuse_extension": lambda c, now: extension.refuse_extension(c, BY, now),
}

# Where each event leads, in time. What is not listed is refused.
P, L = tuple(sorted(PENDING)), tuple(sorted(LIVE))
LEADS: Mapping[str, Mapping[State, State]] = {
    "grant": dict.fromkeys(P, State.GRANTED),
    "deny": dict.fromkeys(P, State.DENIED),
    "ask": dict.fromkeys(P, State.MORE_INFO_REQUESTED),
    "answer": {State.MORE_INFO_REQUESTED: State.REQUESTED},
    "wrong_code": {state: state for state in P},
    "lapse": {},
    "use": {
        State.GRANTED: State.IN_USE,
        State.IN_USE: State.IN_USE,
        State.EXTENSION_REQUESTED: State.EXTENSION_REQUESTED,
    },
    "use_up": {},
    "revoke": dict.fromkeys(L, State.REVOKED),
    "expire": {},
    "time_out": {},
    "close": dict.fromkeys(P + L, State.CLOSED),
    "extend": {State.GRANTED: State.EXTENSION_REQUESTED, State.IN_USE: State.EXTENSION_REQUESTED},
    "grant_extension": {State.EXTENSION_REQUESTED: State.IN_USE},
    "refuse_extension": {State.EXTENSION_REQUESTED: State.IN_USE},
}
# The same once the time is over, whether that was recorded or not.
LEADS_LATE: Mapping[str, Mapping[State, State]] = {
    **{name: {} for name in LEADS},
    "lapse": dict.fromkeys(P, State.LAPSED),
    "expire": dict.fromkeys(L, State.EXPIRED),
    "time_out": {**dict.fromkeys(P, State.LAPSED), **dict.fromkeys(L, State.EXPIRED)},
    "revoke": dict.fromkeys(L, State.REVOKED),
    "close": dict.fromkeys(P + L, State.CLOSED),
}

CODE = {
    State.DENIED: "denied",
    State.LAPSED: "lapsed",
    State.REVOKED: "revoked",
    State.EXPIRED: "expired",
    State.USED_UP: "used_up",
    State.CLOSED: "closed",
}


@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", State)
def test_every_state_against_every_event(state: State, event: str, late: bool) -> None:
    consent = in_state(state)
    now = NOW + timedelta(hours=2) if late else NOW
    leads = (LEADS_LATE if late else LEADS)[event]
    if state not in leads:
        with pytest.raises(ConsentProblem) as caught:
            EVENTS[event](consent, now)
        assert str(caught.value).endswith(".")
        if state in FINAL:
            assert caught.value.code == CODE[state], "an ended consent says how it ended, whatever is tried"
        elif late:
            assert caught.value.code in {"lapsed", "expired", "granted", "pending", "in_use"}
        return
    transition = EVENTS[event](consent, now)
    after = transition.consent
    assert after.state is leads[state]
    assert after.revision == consent.revision + 1
    assert transition.entry.consent_ref == consent.id
    assert transition.entry.retention == "consent"
    assert transition.entry.facts["state"] == after.state.value
    assert (transition.ended is not None) == (after.state in FINAL)
    if after.state in FINAL:
        assert (after.ended_at, after.extension) == (now, None)


def test_the_edges_are_those_of_the_design() -> None:
    edges = {
        (a, b) for leads in (LEADS, LEADS_LATE) for table in leads.values() for a, b in table.items() if a is not b
    }
    edges |= {(state, State.USED_UP) for state in (State.IN_USE, State.EXTENSION_REQUESTED)}
    undecided = {State.GRANTED, State.DENIED, State.LAPSED, State.CLOSED}
    ends = {State.REVOKED, State.EXPIRED, State.USED_UP, State.CLOSED}
    assert edges == {
        (State.REQUESTED, State.MORE_INFO_REQUESTED),
        (State.MORE_INFO_REQUESTED, State.REQUESTED),
        *((state, end) for state in PENDING for end in undecided),
        (State.GRANTED, State.IN_USE),
        (State.GRANTED, State.EXTENSION_REQUESTED),
        (State.IN_USE, State.EXTENSION_REQUESTED),
        (State.EXTENSION_REQUESTED, State.IN_USE),
        *((state, end) for state in LIVE for end in ends if (state, end) != (State.GRANTED, State.USED_UP)),
    }


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_request_starts_at_revision_one_and_lapses_after_its_time() -> None:
    consent = requested()
    assert (consent.state, consent.revision, consent.granted) == (State.REQUESTED, 1, ())
    assert consent.lapses_at - NOW == timedelta(minutes=LIMITS.request_minutes)
    assert consent.rep_alias == "Rep 7F3A"


def test_capabilities_asked_twice_are_asked_once() -> None:
    assert requested(scope=("dns.change", "dns.change")).asked == ("dns.change",)


@pytest.mark.parametrize("capability", ["diagnose.read", "service.restart", "pivot.ssh", "never", ""])
def test_only_scope_capabilities_can_be_asked_for(capability: str) -> None:
    with pytest.raises(BadRequest):
        requested(scope=(capability,))


@given(st.text(max_size=1100))
def test_a_reason_is_taken_clean_or_refused(text: str) -> None:
    try:
        reason = requested(reason=text).reason
    except BadRequest as refused:
        assert str(refused).endswith(".")
        return
    assert 1 <= len(reason) <= 1000
    assert all(c.isprintable() or c == "\n" for c in reason)
    assert reason == reason.strip()


# --- grants -----------------------------------------------------------------------------------------------------------


def test_a_recorded_call_grants_no_extra_capability() -> None:
    call = Proof(channel="recorded_call", digest="ab" * 32, detail={})
    with pytest.raises(BadRequest, match="recorded call"):
        lifecycle.grant(requested(), call, BY, NOW)
    with pytest.raises(BadRequest, match="recorded call"):
        lifecycle.grant(requested(), call, BY, NOW, scope=("dns.change",))
    assert lifecycle.grant(requested(), call, BY, NOW, scope=()).consent.channel == "recorded_call"


def test_the_statement_that_was_shown_is_the_one_on_record() -> None:
    shown = lifecycle.Shown(language="fr", digest="ef" * 32)
    after = lifecycle.grant(requested(), PROOF, BY, NOW, shown=shown)
    assert (after.consent.language, after.consent.statement_digest) == ("fr", "ef" * 32)
    assert after.entry.facts["notice"] == "ef" * 32
    assert after.entry.facts["lang"] == "fr"


def test_the_order_of_granted_capabilities_is_that_of_asking() -> None:
    after = lifecycle.grant(requested(), PROOF, BY, NOW, scope=("dns.change", "lan.hosts.read")).consent
    assert after.granted == ("lan.hosts.read", "dns.change")


def test_codes_run_out() -> None:
    consent = requested()
    for left in (4, 3, 2, 1):
        consent = lifecycle.wrong_code(consent, BY, NOW).consent
        assert (consent.state, consent.code_attempts_left) == (State.REQUESTED, left)
    last = lifecycle.wrong_code(consent, BY, NOW)
    assert (last.consent.state, last.ended) == (State.LAPSED, "code_attempts")


def test_questions_have_a_limit() -> None:
    consent = requested()
    for number in range(lifecycle.MAX_QUESTIONS):
        consent = lifecycle.ask_question(consent, f"Question {number}?", BY, NOW).consent
    with pytest.raises(BadRequest):
        lifecycle.ask_question(consent, "One more?", BY, NOW)


# --- extensions -------------------------------------------------------------------------------------------------------


def extend(consent: Consent, minutes: int, scope: tuple[str, ...] = ()) -> Transition:
    return extension.request_extension(consent, minutes, scope, LIMITS, SCOPE_CAPABILITIES, BY, NOW)


def test_an_extension_cannot_pass_the_maximum() -> None:
    assert extend(granted(), 90).consent.state is State.EXTENSION_REQUESTED
    with pytest.raises(BadRequest, match="at most 90"):
        extend(granted(), 91)
    with pytest.raises(BadRequest):
        extend(granted(), -1)
    with pytest.raises(BadRequest):
        extend(granted(), 0, SCOPE)


def test_an_extension_may_be_granted_in_part() -> None:
    asked = extend(granted(), 0, ("wifi.ssid.write", "wifi.credentials.write")).consent
    after = extension.grant_extension(asked, BY, NOW, scope=("wifi.ssid.write",)).consent
    assert after.granted == (*SCOPE, "wifi.ssid.write")
    with pytest.raises(BadRequest):
        extension.grant_extension(asked, BY, NOW, scope=("config.read",))


def test_an_extension_does_not_outlive_the_consent() -> None:
    asked = extend(granted(), 10).consent
    with pytest.raises(ConsentProblem) as caught:
        extension.grant_extension(asked, BY, NOW + timedelta(minutes=30))
    assert caught.value.code == "expired"


# --- activation -------------------------------------------------------------------------------------------------------


def claims(consent: Consent, **changes: object) -> Claims:
    assert consent.expires_at is not None
    made = Claims(
        consent_id=consent.id,
        subscriber_ref=consent.subscriber_ref,
        rep_id=consent.rep_id,
        router_id=consent.router_id,
        scope=frozenset(consent.granted),
        not_before=NOW,
        expires_at=consent.expires_at,
        sessions=consent.sessions,
        statement_digest=consent.statement_digest,
        evidence_digest=consent.evidence_digest or "",
        entry_index=consent.entry_index or 0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def refusal(
    consent: Consent | None,
    shown: Claims | None = None,
    *,
    principal: Principal = REP,
    router: Router = ROUTER,
    now: datetime = NOW,
) -> str:
    with pytest.raises(ConsentProblem) as caught:
        lifecycle.activate(consent, shown, principal, router, now)
    text = str(caught.value)
    assert text.count(".") == 1
    assert text.endswith(".")
    return caught.value.code


def test_an_active_consent_carries_what_the_session_needs() -> None:
    consent = granted()
    for shown in (None, claims(consent)):
        active = lifecycle.activate(consent, shown, REP, ROUTER, NOW)
        assert active.scope == set(SCOPE)
        assert (active.consent_id, active.rep_id, active.router_id) == (consent.id, REP.id, ROUTER.id)
        assert (active.expires_at, active.entry_index, active.channel) == (consent.expires_at, 7, "link")


def test_nobody_else_makes_one() -> None:
    with pytest.raises(TypeError):
        ActiveConsent(
            consent_id="x", rep_id="x", router_id="x", subscriber_ref="x", scope=frozenset(), expires_at=NOW,
            statement_digest="x", channel="link", entry_index=0, mint=object(),
        )  # fmt: skip


def test_every_refusal_has_its_code() -> None:
    consent = granted()
    stranger = replace(REP, id="01J0000000000000000000000B")
    elsewhere = replace(ROUTER, id="01J0000000000000000000000Q")
    assert refusal(None) == "missing"
    assert refusal(consent, principal=stranger) == "other_rep"
    assert refusal(consent, router=elsewhere) == "other_router"
    assert refusal(consent, now=NOW + timedelta(minutes=30)) == "expired"
    assert refusal(replace(consent, starts_at=NOW + timedelta(minutes=1))) == "not_yet"
    assert refusal(replace(consent, entry_index=None)) == "missing"
    assert refusal(replace(consent, sessions_used=2)) == "used_up"
    for state in PENDING:
        assert refusal(in_state(state)) == "pending"
    for state in FINAL:
        assert refusal(in_state(state)) == CODE[state]


@pytest.mark.parametrize(
    "changes",
    [
        {"consent_id": "01J0000000000000000000000X"},
        {"rep_id": "01J0000000000000000000000X"},
        {"router_id": "01J0000000000000000000000X"},
        {"subscriber_ref": "01J0000000000000000000000X"},
        {"scope": frozenset({*SCOPE, "config.read"})},
        {"expires_at": NOW + timedelta(days=1)},
        {"sessions": 3},
        {"statement_digest": "00" * 32},
        {"evidence_digest": "00" * 32},
        {"entry_index": 8},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_claims_that_differ_from_the_record_are_forged(changes: dict[str, object]) -> None:
    consent = granted()
    assert refusal(consent, claims(consent, **changes)) == "forged"


def test_claims_narrow_but_never_widen() -> None:
    consent = granted()
    narrow = claims(consent, scope=frozenset({"dns.change"}), expires_at=NOW + timedelta(minutes=5))
    active = lifecycle.activate(consent, narrow, REP, ROUTER, NOW)
    assert active.scope == {"dns.change"}
    assert active.expires_at == NOW + timedelta(minutes=5)
    assert refusal(consent, narrow, now=NOW + timedelta(minutes=5)) == "expired"


# --- any sequence -----------------------------------------------------------------------------------------------------


class AnySequence(RuleBasedStateMachine):
    """Random events at random times: what must hold holds after each."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.consent = requested(sessions=2)
        self.rebuilt: Consent | None = None
        self.index = 0
        self.finished: Consent | None = None
        self._record(lifecycle.request(asking(sessions=2), LIMITS, SCOPE_CAPABILITIES, BY, NOW))

    def _record(self, transition: Transition) -> None:
        """What the ledger does; and a second store that only ever sees the entries."""
        self.consent = transition.consent
        if transition.entry.kind.value == "consent.granted":
            self.consent = lifecycle.recorded(self.consent, self.index)
        entry = transition.entry
        past = PastEntry(
            index=self.index, kind=entry.kind, consent_ref=self.consent.id, facts=check_facts(entry.facts),
            who=entry.sealed["who"], subj=entry.sealed["subj"],
        )  # fmt: skip
        self.rebuilt = rebuild(self.rebuilt, past)
        self.index += 1

    @rule(name=st.sampled_from(sorted(EVENTS)))
    def event(self, name: str) -> None:
        before = self.consent
        try:
            transition = EVENTS[name](before, self.now)
        except (ConsentProblem, BadRequest):
            return
        assert before.state not in FINAL
        self._record(transition)

    @rule(seconds=st.integers(1, 1200))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(scope=st.sets(st.sampled_from(SCOPE)), minutes=st.integers(-5, 60))
    def grant_some(self, scope: set[str], minutes: int) -> None:
        try:
            self._record(lifecycle.grant(self.consent, PROOF, BY, self.now, scope=tuple(scope), minutes=minutes))
        except (ConsentProblem, BadRequest):
            return

    @rule(minutes=st.integers(-5, 200), scope=st.sets(st.sampled_from(sorted(SCOPE_CAPABILITIES))))
    def ask_for_more(self, minutes: int, scope: set[str]) -> None:
        try:
            self._record(
                extension.request_extension(
                    self.consent, minutes, tuple(scope), LIMITS, SCOPE_CAPABILITIES, BY, self.now
                )
            )
        except (ConsentProblem, BadRequest):
            return

    @precondition(lambda self: self.consent.sessions_live > 0)
    @rule()
    def session_ends(self) -> None:
        self.consent = lifecycle.released(self.consent)
        assert self.rebuilt is not None
        self.rebuilt = replace(self.rebuilt, revision=self.consent.revision)
        if lifecycle.is_used_up(self.consent):
            self._record(lifecycle.use_up(self.consent, self.now))

    @invariant()
    def final_states_are_never_left(self) -> None:
        if self.finished is not None:
            assert self.consent == self.finished
        elif self.consent.state in FINAL:
            self.finished = self.consent

    @invariant()
    def no_session_lives_under_a_final_state(self) -> None:
        assert self.consent.state not in FINAL or self.consent.sessions_live == 0

    @invariant()
    def granted_is_part_of_asked(self) -> None:
        assert set(self.consent.granted) <= set(self.consent.asked) <= SCOPE_CAPABILITIES

    @invariant()
    def time_is_bounded(self) -> None:
        consent = self.consent
        if consent.expires_at is not None:
            assert consent.starts_at is not None
            assert consent.expires_at - consent.starts_at == timedelta(minutes=consent.minutes)
            assert consent.minutes <= LIMITS.max_minutes
            assert consent.starts_at < consent.lapses_at

    @invariant()
    def sessions_are_bounded(self) -> None:
        consent = self.consent
        assert 0 <= consent.sessions_live <= consent.sessions_used <= consent.sessions

    @invariant()
    def an_extension_is_open_in_its_state_only(self) -> None:
        assert (self.consent.extension is not None) == (self.consent.state is State.EXTENSION_REQUESTED)

    @invariant()
    def activation_agrees_with_state_and_time(self) -> None:
        consent = self.consent
        usable = (
            consent.state in LIVE
            and consent.expires_at is not None
            and self.now < consent.expires_at
            and consent.sessions_used < consent.sessions
        )
        try:
            lifecycle.activate(consent, None, REP, ROUTER, self.now)
        except ConsentProblem:
            assert not usable
        else:
            assert usable

    @invariant()
    def the_entries_alone_tell_the_same(self) -> None:
        assert self.rebuilt is not None
        assert replace(self.rebuilt, sessions_live=0) == replace(self.consent, sessions_live=0)


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = settings(stateful_step_count=25)
