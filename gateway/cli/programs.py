"""What the command line starts but may not build itself: the gateway, its set-up, the demo.

`gateway.__main__` hands them in. Front ends stand below `gateway.assembly`, so the command line cannot name it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    # Only names here: what a command does not use is not loaded, so that help and `verify` start quickly.
    import httpx

    from config.settings import Settings
    from gateway.evidence.rotating import Rotated


def _nothing_more(_: "Settings") -> None:
    """Nothing else is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Each is called with settings that were read and checked. Errors are `VestibuleError`s."""

    initialise: "Callable[[Settings], None]"
    """Make directories, keys and empty state. Safe to repeat."""
    first_operator: "Callable[[Settings, str, int], bool]"
    """Register `name` with a Unix user id as operator, on record; false if that person is there already."""
    serve: "Callable[[Settings], int]"
    """Run the gateway to its end; the exit status."""
    demo: Callable[[bool, TextIO], int]
    """Play the story to the stream, and keep it running if asked; the exit status."""
    rotate: "Callable[[Settings, str | None, Path | None], Rotated] | None" = field(default=None)
    """End the log of a stopped gateway and begin the next: approval, socket of the new log's signer."""
    usable: "Callable[[Settings], None]" = field(default=_nothing_more)
    """Read what only front ends know that the command line cannot name: files of `[cwmp]`. Raises `ConfigError`."""
    transport: "httpx.BaseTransport | None" = field(default=None)
    """How the REST API is reached; none: by socket or URL. A seam for tests."""
