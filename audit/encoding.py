"""Canonical JSON (RFC 8785): one value, one spelling, so that bytes can be hashed and compared.

Narrower than the RFC on purpose: floats are refused, integers stay within ±(2^53-1), strings and keys must be valid
Unicode without lone surrogates, and keys stay in the Basic Multilingual Plane. There, sorting by code point and by
UTF-16 code unit is the same, so orjson gives the canonical bytes; tests compare it with the `rfc8785` package. Pure: no
I/O.
"""

import json
from collections.abc import Mapping
from typing import NoReturn

import orjson

from audit.entry import Json
from audit.errors import BadEntry

MAX_INT = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 7493)."""

MAX_DEPTH = 16

_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


def encode(value: "Json | Mapping[str, Json]") -> bytes:
    """The canonical UTF-8 bytes of `value`. Raises `BadEntry`, naming the offending place but not its content."""
    _check(value, "value", 0)
    return encode_checked(value)


def encode_checked(value: "Json | Mapping[str, Json]") -> bytes:
    """`encode` for a value whose every part was checked by the caller; half the time. Raises `BadEntry`."""
    try:
        return orjson.dumps(value, option=_CANONICAL)
    except orjson.JSONEncodeError as error:
        raise BadEntry("A text in the entry holds half of a surrogate pair and has no UTF-8 form.") from error


def decode(data: bytes) -> Json:
    """The value behind canonical bytes. Raises `BadEntry` for anything `encode` would not have written."""
    try:
        value: Json = _decoder.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadEntry("The bytes are not JSON.") from error
    # What `_check` would look for cannot be in plain ASCII with few brackets: most heads take this short way.
    plain = data.isascii() and data.count(b"[") + data.count(b"{") <= MAX_DEPTH
    if (encode_checked(value) if plain else encode(value)) != data:
        raise BadEntry("The bytes are JSON, but not in the canonical spelling (RFC 8785).")
    return value


def _check(value: object, where: str, depth: int) -> None:
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if not -MAX_INT <= value <= MAX_INT:
            raise BadEntry(f"The number at {where} is larger than 2^53-1.")
        return
    if depth >= MAX_DEPTH:
        raise BadEntry(f"The entry is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or (not key.isascii() and max(key) > "\uffff"):
                raise BadEntry(f"A key in {where} is not a plain text.")
            _check(item, where, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, where, depth + 1)
    else:
        raise BadEntry(
            f"A {type(value).__name__} at {where} has no place in an entry; use text, integer, list, object."
        )


def _small_int(text: str) -> int:
    value = int(text)
    if not -MAX_INT <= value <= MAX_INT:
        raise ValueError("larger than 2^53-1")
    return value


def _no_float(_text: str) -> NoReturn:
    raise ValueError("floats are refused")


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result


_decoder = json.JSONDecoder(
    parse_int=_small_int, parse_float=_no_float, parse_constant=_no_float, object_pairs_hook=_unique
)
