"""The one spelling of base64, numbers and key names in C2SP texts; any other is refused. Pure.

A text that could be spelled in two ways could be signed in one and shown in the other. Raises `BadEntry`, naming the
place and never the content.
"""

import base64
import binascii

from audit.errors import BadEntry

MAX_SIZE = (1 << 63) - 1
"""Largest tree size, index and timestamp (C2SP tlog-cosignature sets it for timestamps; x/mod for sizes)."""


def canonical_base64(text: str, what: str) -> bytes:
    """The bytes behind standard base64 (RFC 4648 section 4) in its only spelling. Raises `BadEntry`, naming `what`."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadEntry(f"The base64 of {what} is damaged.") from error
    if base64.b64encode(raw).decode() != text:
        raise BadEntry(f"The base64 of {what} is not in its canonical spelling.")
    return raw


def hash_base64(text: str, what: str) -> bytes:
    """32 bytes in canonical base64. Raises `BadEntry`, naming `what`."""
    raw = canonical_base64(text, what)
    if len(raw) != 32:
        raise BadEntry(f"There are {len(raw)} bytes in {what}; a SHA-256 hash has 32.")
    return raw


def canonical_number(text: str, what: str) -> int:
    """A decimal number 0..2^63-1 without leading zeros, signs or other digits than ASCII. Raises `BadEntry`."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or (text[0] == "0" and text != "0"):
        raise BadEntry(f"There is no decimal number without leading zeros in {what}.")
    number = int(text)
    if number > MAX_SIZE:
        raise BadEntry(f"The number in {what} is beyond 2^63 - 1.")
    return number


def is_name(name: str) -> bool:
    """Whether a key may have this name (C2SP signed-note): not empty, UTF-8, no spaces, no plus sign, no controls."""
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
