"""Who is there: the only maker of `Authenticated`. Counterpart: `gateway.access.authorize`, which demands it.

Each function returns None for unknown, disabled and wrong alike, so a front end cannot tell the caller which it was.
`by_…` MUST be called after the front end has checked the signature; before it, `knows_key` and `named_by` say whether
there is anything to check. `now` comes in as an argument.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pyotp

from gateway.access._mint import KEY
from gateway.access.identity import Authenticated, Directory, Factor, Principal

TOTP_SECONDS: Final = 30
TOTP_SKEW: Final = 1
"""Steps by which a phone's clock may be off, each way."""


async def knows_key(directory: Directory, public_key: str) -> bool:
    """Whether a signature by this key would be anybody's. Says nothing about who is there."""
    return _counts(await directory.principal_by_key(bare_key(public_key)))


async def named_by(directory: Directory, principals: Sequence[str]) -> Principal | None:
    """Whom a certificate with these principals would be for. One that fits several people fits nobody."""
    known = [p for name in dict.fromkeys(principals) if (p := await directory.principal_by_name(name)) is not None]
    return known[0] if len(known) == 1 and _counts(known[0]) else None


async def by_key(
    directory: Directory, public_key: str, source: str, now: datetime, *, fido2: bool = False
) -> Authenticated | None:
    """By an OpenSSH public key whose possession was proved. `fido2`: an `sk-` key, which counts as both factors."""
    factors: set[Factor] = {"key", "fido2"} if fido2 else {"key"}
    return _mint(await directory.principal_by_key(bare_key(public_key)), factors, source, now)


async def by_certificate(
    directory: Directory, principals: Sequence[str], source: str, now: datetime
) -> Authenticated | None:
    """By the names in a certificate of a trusted CA whose key has signed."""
    return _mint(await named_by(directory, principals), {"certificate"}, source, now)


async def by_token(directory: Directory, token: str, source: str, now: datetime) -> Authenticated | None:
    """By a service-account token; for machine identities only."""
    principal = await directory.principal_by_token(token)
    if principal is not None and principal.role != "automation":
        return None
    return _mint(principal, {"token"}, source, now)


async def by_peer(directory: Directory, uid: int, now: datetime) -> Authenticated | None:
    """By the Unix user id at the other end of the local socket, as the kernel tells it."""
    return _mint(await directory.principal_by_uid(uid), {"peer"}, "local", now)


async def add_totp(directory: Directory, proved: Authenticated, code: str, now: datetime) -> Authenticated | None:
    """The same identity with the second factor (RFC 6238, 30 s, 6 digits, one step of skew); each step counts once."""
    secret = await directory.totp_secret(proved.principal.id)
    if secret is None:
        return None
    step = _matching_step(secret, code, now)
    if step is None or not await directory.accept_totp_step(proved.principal.id, step):
        return None
    return _mint(proved.principal, {*proved.factors, "totp"}, proved.source, now)


def needs_second_factor(proved: Authenticated) -> bool:
    """Whether this identity counts only once `add_totp` has succeeded. Machines and the local socket have no second."""
    return proved.principal.totp_enrolled and not proved.factors & {"totp", "fido2", "token", "peer"}


def bare_key(public_key: str) -> str:
    """Type and base 64 of an OpenSSH public key line, without its comment."""
    return " ".join(public_key.split()[:2])


def _matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is. Every candidate is compared, so that the time taken tells nothing."""
    digits = "".join(code.split()).encode("utf-8", "surrogatepass")
    totp = pyotp.TOTP(secret, interval=TOTP_SECONDS)
    current = int(now.timestamp()) // TOTP_SECONDS
    found = None
    for step in range(current - TOTP_SKEW, current + TOTP_SKEW + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), digits):
            found = step
    return found


async def still(directory: Directory, proved: Authenticated) -> Authenticated | None:
    """The same identity as it stands now: a connection may outlive a suspension, a new role or a new second factor."""
    current = await directory.principal_by_name(proved.principal.name)
    if current is None or current.id != proved.principal.id:
        return None
    return _mint(current, set(proved.factors), proved.source, proved.when)


def _counts(principal: Principal | None) -> bool:
    return principal is not None and not principal.disabled


def _mint(principal: Principal | None, factors: set[Factor], source: str, now: datetime) -> Authenticated | None:
    if principal is None or principal.disabled:
        return None
    return Authenticated(principal=principal, factors=frozenset(factors), when=now, source=source, mint=KEY)
