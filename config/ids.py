"""Identifiers: ULIDs (26 characters, Crockford base 32). They sort by time and carry nothing personal."""

import re

from ulid import ULID

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")


def new_id() -> str:
    """A fresh ULID as text."""
    return str(ULID())


def is_id(text: str) -> bool:
    """Whether `text` is a ULID in canonical spelling."""
    return _ULID.match(text) is not None
