"""Whether a CPE is the device it says it is: by certificate, else Digest, else (inside TLS) Basic. TR-069, 3.4.4.

A device that is not in the inventory gets the same answer after the same work as one with a wrong password, so nobody
learns which devices there are. Pure; `now` is seconds of a clock that goes on evenly. Counterpart:
`gateway.cwmp.reception`.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from drivers.cwmp.device import DeviceId
from drivers.cwmp.known import KnownCpe, without_product_class
from drivers.cwmp.wire.digest import Challenger, Stale, Verified, Wrong, read_challenges

Identity = Literal["tls-certificate", "tls-password", "plain-digest", "plain-basic"]
"""From the strongest to the weakest; a session's record says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a request shows of who sent it."""

    address: str
    tls: bool
    names: frozenset[str]
    """Of its verified client certificate; empty: it has none."""
    authorization: str | None
    method: str
    target: str
    again: str = ""
    """What its connection was signed in with before (`SignedIn.response`), and may be again."""

    @property
    def something(self) -> bool:
        """Whether there is anything to be judged."""
        return bool(self.names) or self.authorization is not None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """It is the device."""

    identity: Identity
    response: str = field(default="", compare=False, repr=False)
    """Of a digest, good for once; empty: it was none."""


@dataclass(frozen=True, slots=True)
class NotSignedIn:
    """It is not, as far as can be told. `why` is for the record, never for the answer."""

    why: Literal["unknown", "credentials", "certificate", "stale", "weak"]
    """`weak`: a password that anybody on the way can read, where that is not taken."""


Outcome: TypeAlias = SignedIn | NotSignedIn


class Doorkeeper:
    """The rules of one gateway: its digest secret, and whether Basic is taken without TLS."""

    REALM: Final = "vestibule"

    def __init__(self, secret: bytes, *, plain_basic: bool = False) -> None:
        """`secret`: at least 16 random bytes, of this process alone."""
        self._challenger = Challenger(secret, self.REALM, without_qop=True)
        self._plain_basic = plain_basic

    def challenge(self, shown: Shown, now: float, *, stale: bool = False) -> tuple[tuple[str, str], ...]:
        """`WWW-Authenticate` fields of a 401."""
        basic = self._takes_basic(shown)
        values = self._challenger.challenge(now, shown.address, stale=stale, basic=basic)
        return tuple([("WWW-Authenticate", value) for value in values])

    def judge(self, known: KnownCpe | None, device: DeviceId, shown: Shown, now: float) -> Outcome:
        """Whether the sender, who says it is `device`, is `known` (None: there is no such device in the inventory)."""
        if known is not None and shown.names and shown.names & certificate_names(known, device):
            return SignedIn("tls-certificate")
        if shown.authorization is None:
            return NotSignedIn("unknown" if known is None else "certificate")
        verdict = self._challenger.verify(
            shown.authorization,
            shown.method,
            shown.target,
            lambda user: _password_of(known, user),
            now,
            shown.address,
            basic=self._takes_basic(shown),
            again=shown.again,
        )
        match verdict:
            case Verified(scheme=scheme, response=response):
                plain: Identity = "plain-basic" if scheme == "basic" else "plain-digest"
                return SignedIn("tls-password" if shown.tls else plain, response)
            case Stale():
                return NotSignedIn("stale")
            case Wrong():
                if known is None:
                    return NotSignedIn("unknown")
                weak = shown.authorization.strip(" \t")[:6].lower() == "basic " and not self._takes_basic(shown)
                return NotSignedIn("weak" if weak else "credentials")

    def _takes_basic(self, shown: Shown) -> bool:
        return shown.tls or self._plain_basic


def certificate_names(known: KnownCpe, device: DeviceId) -> frozenset[str]:
    """Which names in a certificate prove that it is this one: the registered one, else those made of the device id."""
    if known.certificate_name:
        return frozenset({known.certificate_name})
    # Without escapes, `OUI-A-1` would be both the serial A-1 and the serial 1 of the product class A.
    return frozenset({known.device_key, device.key, without_product_class(device.key)})


def user_of(authorization: str | None) -> str:
    """The user name in an `Authorization` field, which proves nothing yet; empty if there is none to be seen."""
    if authorization is None:
        return ""
    scheme, _, rest = authorization.strip(" \t").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).partition(b":")[0].decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return ""
    said = read_challenges(authorization)
    return (said[0].get("username") or "") if len(said) == 1 else ""


def _password_of(known: KnownCpe | None, user: str) -> str | None:
    """An empty user or password in the inventory means: by certificate only."""
    return known.password if known is not None and user and user == known.user and known.password else None
