"""Which CPE somebody is: the three parts of TR-069's DeviceIdStruct, and the one spelling that the inventory knows."""

import re
from dataclasses import dataclass
from typing import Final

from drivers.errors import DriverError

_PLAIN: Final = re.compile(r"[A-Za-z0-9_]")
_ALL_PLAIN: Final = re.compile(r"[A-Za-z0-9_]*")
_ESCAPED: Final = re.compile(r"%([0-9A-F]{2})")
MOST_CHARACTERS: Final = 64
"""Of each part, by the CWMP schema; OUI has 6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceId:
    """`Inform.DeviceId` without the manufacturer's name. Source: TR-069, A.3.3.1 (DeviceIdStruct)."""

    oui: str
    product_class: str
    serial: str

    @property
    def key(self) -> str:
        """`OUI-ProductClass-Serial`, or `OUI-Serial` without a product class; in each part everything but letters,
        digits and `_` is percent-encoded UTF-8, so that the dashes between the parts are the only ones."""
        parts = [self.oui, self.product_class, self.serial] if self.product_class else [self.oui, self.serial]
        return "-".join(_escape(part) for part in parts)

    @property
    def model(self) -> str:
        """`OUI-ProductClass`: what quirks go by."""
        return f"{_escape(self.oui)}-{_escape(self.product_class)}"

    @classmethod
    def parse(cls, text: str) -> "DeviceId":
        """From the spelling of `key`; lower-case escapes are taken too. Raises `DriverError`."""
        parts = text.strip().split("-")
        if len(parts) not in (2, 3) or not all(parts):
            raise DriverError(
                f"'{text[:80]}' is no device id; write OUI-ProductClass-Serial, for example 00D09E-DSL2800-ABC123, "
                "with %2D for a dash inside a part."
            )
        oui, serial = _unescape(parts[0]), _unescape(parts[-1])
        return cls(oui=oui, product_class=_unescape(parts[1]) if len(parts) == 3 else "", serial=serial)


def _escape(text: str) -> str:
    if _ALL_PLAIN.fullmatch(text):
        return text
    return "".join(
        char if _PLAIN.match(char) else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for char in text
    )


def _unescape(text: str) -> str:
    upper = re.sub(r"%[0-9a-fA-F]{2}", lambda found: found.group().upper(), text)
    raw = _ESCAPED.sub(lambda found: bytes([int(found.group(1), 16)]).decode("latin-1"), upper)
    return raw.encode("latin-1", "replace").decode("utf-8", "replace") if _ESCAPED.search(upper) else text
