"""The seam to routers that speak TR-069, for front ends that only look. `gateway.cwmp` stands behind it.

Counterparts: `gateway.api.cpes` and `vestibule cpe`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from drivers.cwmp.known import KnownCpe


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """A device that calls and is not in the inventory. Nothing of it is proved but for `certificate`."""

    device: str
    address: str
    user: str
    certificate: bool
    first: datetime
    last: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Turned:
    """A router of the inventory was turned away: when, and why in one word (`credentials`, `certificate`, `weak`)."""

    at: datetime
    why: str


class CpeDesk(Protocol):
    """What operators see of CPEs."""

    @property
    def acs_url(self) -> str | None:
        """What a router is told to call; none if nothing listens."""
        ...

    def turned_away(self, router_id: str) -> Turned | None:
        """When somebody last failed to sign in as this router, if that was after its last good call."""
        ...

    def known(self) -> list[KnownCpe]:
        """The inventory's, by name."""
        ...

    def strangers(self) -> list[Stranger]:
        """Newest first."""
        ...

    def in_session(self, router_id: str) -> bool:
        """Whether the CPE has a session open now."""
        ...


class NoCpes:
    """Where nothing of TR-069 runs."""

    acs_url = None

    def turned_away(self, router_id: str) -> Turned | None:  # noqa: ARG002 the protocol's
        """Never."""
        return None

    def known(self) -> list[KnownCpe]:
        """None."""
        return []

    def strangers(self) -> list[Stranger]:
        """None."""
        return []

    def in_session(self, router_id: str) -> bool:  # noqa: ARG002 the protocol's
        """Never."""
        return False
