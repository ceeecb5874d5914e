"""Numbers for the devices of a home: the same device has the same number as long as the session lives. Pure.

Counterpart: `gateway.redaction.stream`. One object serves all streams of a session.
"""

from typing import Final

MOST: Final = 4096
"""Devices that get a number; further ones are `<device>`, so that a flood of addresses fills no memory."""

_SEPARATORS: Final = str.maketrans("", "", ":-.")


def bare(address: str) -> str:
    """The twelve digits of an address, or of the one that a client identifier ends in."""
    return address.translate(_SEPARATORS).lower()[-12:]


class Devices:
    """Addresses and names seen in this session, and their numbers."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._shown: dict[str, str] = {}
        """By address as it was written: nearly every look-up ends here."""
        self._last = 0

    def address(self, written: str) -> str:
        """What is shown for a MAC address, or a client identifier that ends in one."""
        shown = self._shown.get(written)
        if shown is None:
            shown = self._of(bare(written))
            if len(self._shown) < 2 * MOST:
                self._shown[written] = shown
        return shown

    def name(self, name: str, address: str | None) -> str:
        """What is shown for a host name; that of the device with `address` where the line tells it."""
        key = f"name {name.lower()[:64]}"
        if address is None:
            return self._of(key)
        shown = self.address(address)
        number = self._numbers.get(bare(address))
        if number is not None and key not in self._numbers and len(self._numbers) < MOST:
            self._numbers[key] = number
        return shown

    def _of(self, key: str) -> str:
        number = self._numbers.get(key)
        if number is None:
            if len(self._numbers) >= MOST:
                return "<device>"
            self._last += 1
            number = self._numbers[key] = self._last
        return f"<device {number}>"
