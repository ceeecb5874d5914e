"""Lines that the gateway answers itself. Pure; also used by `gateway.session.lines` for the help key."""

import re
from typing import Final

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def help_request(line: str) -> str | None:
    """The part before a help character at the end of `line`; none if it asks for no help.

    A `?` inside quotes, or in the argument of an output filter, is an ordinary character.
    """
    text = line.rstrip()
    if not text.endswith("?"):
        return None
    before = text[:-1]
    return None if in_quotes(before) or "|" in before else before


def in_quotes(text: str) -> bool:
    """Whether a quotation is open at the end of `text`."""
    quote = ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
    return bool(quote)


def holds_control_characters(line: str) -> bool:
    """Whether `line` holds C0 or C1 controls, or characters that break a line."""
    return _CONTROL.search(line) is not None
