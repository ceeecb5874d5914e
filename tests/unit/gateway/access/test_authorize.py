"""Opening a session takes a person who may, and a consent that is theirs for this router; nothing else helps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import get_args

import pytest

from drivers.session import Credential, Target
from gateway.access import authenticate
from gateway.access.authorize import MAY_OPEN, authorize
from gateway.access.identity import AccessGrant, Authenticated, Factor, Principal, Role, Router
from gateway.consent import lifecycle
from gateway.consent.model import ActiveConsent, Consent, State
from gateway.errors import NotAllowed
from gateway.policy.verdict import Site

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
REP = Principal(id="01J0000000000000000000000A", name="ada", role="rep", alias="Rep 7F3A")
ROUTER = Router(
    id="01J0000000000000000000000R", name="cpe-1", platform="ios", subscriber_ref="01J0000000000000000000000S"
)
TARGET = Target(
    router_id=ROUTER.id, name="cpe-1", platform="ios", address="192.0.2.7", port=22, host_key="ssh-ed25519 AAAA",
    credential=Credential(user="vestibule", password="secret"),
)  # fmt: skip
SITE = Site(lan=(ip_network("192.168.1.0/24"),))


def person(principal: Principal = REP, *factors: Factor) -> Authenticated:
    made = authenticate._mint(replace(principal, disabled=False), set(factors or ("key",)), "192.0.2.1", NOW)
    assert made is not None
    object.__setattr__(made, "principal", principal)
    return made


def active(rep_id: str = REP.id) -> ActiveConsent:
    consent = Consent(
        id="01J0000000000000000000000C", state=State.GRANTED, rep_id=rep_id, router_id=ROUTER.id,
        subscriber_ref=ROUTER.subscriber_ref, ticket="T", reason="R", language="en", asked=("dns.change",),
        granted=("dns.change",), minutes=30, sessions=1, requested_at=NOW, lapses_at=NOW, granted_at=NOW, starts_at=NOW,
        expires_at=NOW + timedelta(minutes=30), statement_digest="ab" * 32, channel="link", evidence_digest="cd" * 32,
        entry_index=3,
    )  # fmt: skip
    return lifecycle.activate(consent, None, replace(REP, id=rep_id), ROUTER, NOW)


def refusal(authenticated: Authenticated, consent: ActiveConsent | None = None, *, router: Router = ROUTER,
            target: Target = TARGET, now: datetime = NOW) -> str:  # fmt: skip
    with pytest.raises(NotAllowed) as caught:
        authorize(authenticated, consent or active(authenticated.principal.id), router, target, SITE, now)
    text = str(caught.value)
    assert text.endswith(".")
    return text


def test_the_grant_carries_what_the_session_needs() -> None:
    made = authorize(person(), active(), ROUTER, TARGET, SITE, NOW)
    assert (made.principal, made.target, made.router, made.site) == (REP, TARGET, ROUTER, SITE)
    assert made.consent_ref == "01J0000000000000000000000C"
    assert made.rights.scope == {"dns.change"}
    assert made.deadline == NOW + timedelta(minutes=30)
    assert made.rights.ended is None
    assert "secret" not in repr(made)


@pytest.mark.parametrize("role", get_args(Role))
def test_roles(role: Role) -> None:
    somebody = person(replace(REP, role=role))
    if role in MAY_OPEN:
        authorize(somebody, active(), ROUTER, TARGET, SITE, NOW)
    else:
        assert role in refusal(somebody)


def test_who_may_open_is_as_designed() -> None:
    assert {"rep", "supervisor", "automation"} == MAY_OPEN


def test_disabled() -> None:
    assert "suspended" in refusal(person(replace(REP, disabled=True)))


def test_the_second_factor_is_needed_once_enrolled() -> None:
    enrolled = replace(REP, totp_enrolled=True)
    assert "second factor" in refusal(person(enrolled, "key"))
    assert "second factor" in refusal(person(enrolled, "certificate"))
    for factors in (("key", "totp"), ("key", "fido2")):
        authorize(person(enrolled, *factors), active(), ROUTER, TARGET, SITE, NOW)


def test_training() -> None:
    assert "2026-03-01" in refusal(person(replace(REP, training_until=NOW)))
    authorize(person(replace(REP, training_until=NOW + timedelta(seconds=1))), active(), ROUTER, TARGET, SITE, NOW)


def test_the_consent_must_be_the_reps() -> None:
    assert "somebody else" in refusal(person(), active("01J0000000000000000000000B"))
    boss = replace(REP, id="01J0000000000000000000000B", role="supervisor")
    assert "somebody else" in refusal(person(boss), active())


def test_the_consent_must_be_for_the_router_and_the_target_too() -> None:
    other = "01J0000000000000000000000Q"
    assert "another router" in refusal(person(), router=replace(ROUTER, id=other))
    assert "another router" in refusal(person(), target=replace(TARGET, router_id=other))


def test_the_subscriber_must_be_the_same() -> None:
    moved = replace(ROUTER, subscriber_ref="01J0000000000000000000000T")
    assert "another subscriber" in refusal(person(), router=moved)


def test_time_is_looked_at_again() -> None:
    assert "over" in refusal(person(), active(), now=NOW + timedelta(minutes=30))


def test_nobody_else_makes_a_grant() -> None:
    made = authorize(person(), active(), ROUTER, TARGET, SITE, NOW)
    with pytest.raises(TypeError):
        AccessGrant(
            principal=REP, target=TARGET, router=ROUTER, consent_ref="x", rights=made.rights, site=SITE, mint=object()
        )
