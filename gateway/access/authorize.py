"""Whether somebody may open a session now: the only maker of `AccessGrant`. Pure.

It trusts nothing it is not handed as a proof: identity (`Authenticated`), consent (`ActiveConsent`), and the target as
the inventory resolves it. There is no way around the consent for any role.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from drivers.session import Target
from gateway.access._mint import KEY
from gateway.access.authenticate import needs_second_factor
from gateway.access.identity import AccessGrant, Authenticated, Principal, Role, Router
from gateway.consent.model import LIVE, ActiveConsent, Consent
from gateway.errors import NotAllowed
from gateway.policy.verdict import Rights, Site

MAY_OPEN: Final[frozenset[Role]] = frozenset({"rep", "supervisor", "automation"})
"""Roles that work on routers. The others see what happened, or run the gateway."""


def authorize(
    authenticated: Authenticated,
    consent: ActiveConsent,
    router: Router,
    target: Target,
    site: Site,
    now: datetime,
    *,
    masked: frozenset[str] = frozenset(),
) -> AccessGrant:
    """Permission to open one session under `consent`. Raises `NotAllowed` with the first reason that holds.

    `masked`: capabilities that the provider lets be used without a tick (`Rights.masked`).
    """
    principal = authenticated.principal
    _check_person(authenticated, now)
    _check_consent(principal, consent, router, target, now)
    return AccessGrant(
        principal=principal,
        target=target,
        router=router,
        consent_ref=consent.consent_id,
        rights=Rights(scope=consent.scope, deadline=consent.expires_at, masked=masked),
        site=site,
        mint=KEY,
    )


def renewed(grant: AccessGrant, consent: Consent) -> AccessGrant:
    """The grant of a live session whose consent the subscriber extended. Raises `NotAllowed` for another consent."""
    if consent.id != grant.consent_ref or consent.state not in LIVE or consent.expires_at is None:
        raise NotAllowed("This consent does not carry the session.")
    rights = replace(grant.rights, scope=frozenset(consent.granted), deadline=consent.expires_at)
    return replace(grant, rights=rights, mint=KEY)


def _check_person(authenticated: Authenticated, now: datetime) -> None:
    principal = authenticated.principal
    if principal.disabled:
        raise NotAllowed("Your access is suspended; ask your supervisor.")
    if principal.role not in MAY_OPEN:
        raise NotAllowed(f"The role of {principal.role} does not open sessions to routers.")
    if needs_second_factor(authenticated):
        raise NotAllowed("Your second factor is missing; sign in again with your one-time code.")
    if principal.training_until is not None and now >= principal.training_until:
        raise NotAllowed(
            f"Your training lapsed on {principal.training_until:%Y-%m-%d}; renew it before you open a session."
        )


def _check_consent(principal: Principal, consent: ActiveConsent, router: Router, target: Target, now: datetime) -> None:
    if consent.rep_id != principal.id:
        raise NotAllowed("This consent was given to somebody else; it cannot be passed on.")
    if consent.router_id != router.id or target.router_id != router.id:
        raise NotAllowed("This consent is for another router.")
    if consent.subscriber_ref != router.subscriber_ref:
        raise NotAllowed("The router has another subscriber since this consent was given; ask for a new one.")
    if now >= consent.expires_at:
        raise NotAllowed("The time the subscriber granted is over; ask for a new consent.")
