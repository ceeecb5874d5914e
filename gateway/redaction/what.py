"""What is to be masked in one output. Counterpart: `gateway.redaction.stream`, which does it."""

from dataclasses import dataclass
from typing import Final

REDACTED: Final = "<redacted>"


@dataclass(frozen=True, slots=True)
class What:
    """Which of the maskers work."""

    secrets: bool = True
    """Stored passwords, keys and hashes."""
    wifi_key: bool = True
    """The key of a Wi-Fi."""
    devices: bool = True
    """Names and MAC addresses of what is in the home."""


EVERYTHING: Final = What()
