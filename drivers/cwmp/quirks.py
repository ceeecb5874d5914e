"""What single models of CPE do otherwise than TR-069 says, and how to get on with them. Pure; the rows are data."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How to speak to one model. The defaults are the protocol's."""

    boolean_form: Literal["true", "1"] = "true"
    strip_milliseconds: bool = False
    root_path_names: bool = False
    """Ask for the names below `Device.` instead of those of the empty path."""
    next_level_walk: bool = False
    batch: int = 32
    """Names in one GetParameterValues."""
    ignore_writable: bool = False
    basic_connection_request: bool = False
    no_transfer_complete_minutes: int | None = None
    short_content_length: bool = False
    no_bootstrap: bool = False


STRICT = Quirks()
