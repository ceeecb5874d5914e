"""Identifiers: ULIDs (26 characters, Crockford base 32). They sort by time and carry nothing personal."""

import re
from datetime import datetime

from ulid import ULID

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")


def new_id(now: datetime | None = None) -> str:
    """A fresh ULID as text; its time is `now`, where that matters, else the machine's."""
    return str(ULID() if now is None else ULID.from_datetime(now))


def time_of(identifier: str) -> datetime:
    """When a ULID was made: UTC, milliseconds. Raises ValueError for what is none."""
    return ULID.from_str(identifier).datetime


def is_id(text: str) -> bool:
    """Whether `text` is a ULID in canonical spelling."""
    return _ULID.match(text) is not None
