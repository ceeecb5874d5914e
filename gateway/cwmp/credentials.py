"""Credentials for Connection Requests: random for each device, known to the gateway and the CPE alone.

Durable in the inventory first, then sent: if the CPE does not take them, it is told again at its next contact, and a
Connection Request that is refused asks for the same (`Rotation.again`). Source: TR-069, 3.2.2. Pure but for the random
numbers. Counterparts: `gateway.cwmp.acs` sends them, `gateway.cwmp.wake` uses them.
"""

import secrets
from dataclasses import dataclass, field
from typing import Final

from drivers.cwmp.known import KnownCpe
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import ParameterValue, SetParameterValues

BOOTSTRAP: Final = "0 BOOTSTRAP"
_STARTED: Final = frozenset({BOOTSTRAP, "1 BOOT"})
MARKER: Final = "vestibule"
"""ParameterKey of the CPE once the gateway has set it up. Empty again: it was reset (quirk 24)."""


@dataclass(frozen=True, slots=True)
class CrCredentials:
    """A user name and a password. `repr` shows neither."""

    user: str = field(repr=False)
    password: str = field(repr=False)


def fresh() -> CrCredentials:
    """Nothing about the device goes into them: 64 and 128 random bits, letters and digits that every CPE takes."""
    return CrCredentials(user=f"v{secrets.token_hex(8)}", password=secrets.token_hex(16))


def request_for(contact: Contact, credentials: CrCredentials) -> SetParameterValues:
    """The RPC that gives them to the CPE."""
    server = f"{contact.root}ManagementServer."
    return SetParameterValues(
        values=(
            ParameterValue(f"{server}ConnectionRequestUsername", credentials.user),
            ParameterValue(f"{server}ConnectionRequestPassword", credentials.password),
        ),
        key=MARKER,
    )


def was_reset(known: KnownCpe, contact: Contact) -> bool:
    """Whether the CPE lost what the gateway had set: it says BOOTSTRAP, or is of a model that does not say it and has
    no ParameterKey any more."""
    if any(event.code == BOOTSTRAP for event in contact.inform.events):
        return True
    if not contact.quirks.no_bootstrap or not known.cr_password:
        return False
    name = f"{contact.root}ManagementServer.ParameterKey"
    return any(one.name == name and not one.value.strip() for one in contact.inform.parameters)


class Rotation:
    """Which routers need new credentials, besides those that never had any."""

    def __init__(self) -> None:
        self._again: set[str] = set()
        self._refused: set[str] = set()

    def again(self, router_id: str) -> None:
        """At its next contact: an operator wishes it, the CPE refused the present ones, or did not take the new."""
        self._again.add(router_id)
        self._refused.discard(router_id)

    def confirmed(self, router_id: str) -> None:
        """The CPE has them."""
        self._again.discard(router_id)
        self._refused.discard(router_id)

    def refused(self, router_id: str) -> None:
        """The CPE answered with a fault. It is not asked at each Inform: only after its next reset or restart."""
        self._again.discard(router_id)
        self._refused.add(router_id)

    def due(self, known: KnownCpe, contact: Contact) -> bool:
        """Whether to set them in this session."""
        if known.router_id in self._refused and not any(event.code in _STARTED for event in contact.inform.events):
            return False
        return not known.cr_password or known.router_id in self._again or was_reset(known, contact)
