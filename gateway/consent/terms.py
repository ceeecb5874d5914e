"""Checks of what people enter about a consent: scope, numbers, free text. Pure; each raises `BadRequest`.

Counterpart: `gateway.consent.lifecycle`, which calls them before it decides.
"""

from collections.abc import Iterable
from typing import Final

from gateway.errors import BadRequest

MAX_TEXT: Final = 1000
"""Characters of a reason, question or answer; an entry with its sealed parts stays small."""


def check_scope(scope: tuple[str, ...], grantable: frozenset[str]) -> None:
    """Only capabilities of class `scope` are asked for; all others are given or refused to everybody."""
    unknown = sorted(set(scope) - grantable)
    if unknown:
        raise BadRequest(
            f"{listed(unknown)}: not something a subscriber is asked for. Possible are {listed(sorted(grantable))}."
        )


def check_range(what: str, value: int, most: int) -> None:
    """From 1 to `most`."""
    if not 1 <= value <= most:
        raise BadRequest(f"The number of {what} must be from 1 to {most}.")


def free_text(what: str, text: str, most: int = MAX_TEXT) -> str:
    """Text without surrounding blanks, line ends as LF; no other control characters, and nothing invisible."""
    cleaned = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not cleaned:
        raise BadRequest(f"The {what} must not be empty.")
    if len(cleaned) > most:
        raise BadRequest(f"The {what} is longer than {most} characters.")
    if any(not (c.isprintable() or c == "\n") for c in cleaned):
        raise BadRequest(f"The {what} holds characters that cannot be shown.")
    return cleaned


def listed(words: Iterable[str]) -> str:
    """Words as a person reads them."""
    return ", ".join(words)
