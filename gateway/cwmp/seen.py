"""Devices that call and are not in the inventory, for the operator who wants to register one: in memory, bounded.

They are never given a session, and never learn that they are not known. Counterparts: `gateway.cwmp.reception` notes
them; `vestibule cwmp seen` shows them.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

MOST_SEEN: Final = 500
MOST_OF_ADDRESS: Final = 20
"""One address cannot push the others out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenDevice:
    """An unknown device key, as somebody at `address` gave it. Nothing of it is proved, but for `certificate`."""

    device_key: str
    address: str
    user: str
    """With which it tried to sign in; empty: with a certificate only."""
    certificate: bool
    """Whether it has a certificate of the provider's own authority."""
    first: datetime
    last: datetime
    times: int = 1


class SeenDevices:
    """The last ones. Used from the event loop only."""

    def __init__(self, most: int = MOST_SEEN, most_of_address: int = MOST_OF_ADDRESS) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._seen: OrderedDict[tuple[str, str], SeenDevice] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def note(self, device_key: str, address: str, user: str, now: datetime, *, certificate: bool) -> None:
        """One more call of a device that is not in the inventory."""
        key = (address, device_key)
        before = self._seen.pop(key, None)
        if before is not None:
            self._seen[key] = replace(before, user=user[:64], certificate=certificate, last=now, times=before.times + 1)
            return
        self._make_room(address)
        self._seen[key] = SeenDevice(
            device_key=device_key[:600], address=address, user=user[:64], certificate=certificate, first=now, last=now
        )

    def forget(self, device_key: str) -> None:
        """It was registered."""
        for key in [key for key in self._seen if key[1] == device_key]:
            del self._seen[key]

    def newest_first(self) -> tuple[SeenDevice, ...]:
        """All of them."""
        return tuple(reversed(self._seen.values()))

    def _make_room(self, address: str) -> None:
        """Of an address that has its share the oldest goes, else the oldest of all if there are too many."""
        own = [key for key in self._seen if key[0] == address]
        if len(own) >= self._most_of_address:
            del self._seen[own[0]]
        elif len(self._seen) >= self._most:
            self._seen.popitem(last=False)
