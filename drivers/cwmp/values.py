"""Values of parameters: checked against the type that the CPE gave, and written in the form that it takes. Pure.

Source: TR-106, 3.2 (data types); TR-069, A.3.2.1. Quirks 11 and 12.
"""

import base64
import binascii
import re
from datetime import datetime
from typing import Final

from drivers.cwmp.quirks import Quirks
from drivers.errors import DriverError

_TRUE: Final = frozenset({"true", "1", "on", "yes"})
_FALSE: Final = frozenset({"false", "0", "off", "no"})
_RANGES: Final = {
    "int": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedLong": (0, 2**64 - 1),
}
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?\Z", re.ASCII)


class BadValue(DriverError):
    """A value that does not fit its parameter. The text names the parameter and what it takes, never the value."""


def local_type(type_name: str) -> str:
    """`unsignedInt` of `xsd:unsignedInt`."""
    return type_name.rpartition(":")[2] or "string"


def written(name: str, value: str, type_name: str, quirks: Quirks) -> str:
    """`value`, as it was typed, in the form in which this CPE takes it. Raises `BadValue`."""
    kind = local_type(type_name)
    if kind == "boolean":
        return _boolean(name, value, quirks)
    if kind in _RANGES:
        return _number(name, value, kind)
    if kind == "dateTime":
        return _date(name, value, quirks)
    if kind == "base64":
        _check_base64(name, value)
    elif kind == "hexBinary" and re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", value, re.ASCII) is None:
        raise BadValue(f"{name} takes pairs of hexadecimal digits, for example 00ff.")
    return value


def same(one: str, other: str, type_name: str) -> bool:
    """Whether two spellings are the same value."""
    kind = local_type(type_name)
    if kind == "boolean":
        return (one.strip().lower() in _TRUE and other.strip().lower() in _TRUE) or (
            one.strip().lower() in _FALSE and other.strip().lower() in _FALSE
        )
    if kind in _RANGES and _is_number(one) and _is_number(other):
        return int(one) == int(other)
    return one == other


def _boolean(name: str, value: str, quirks: Quirks) -> str:
    word = value.strip().lower()
    if word not in _TRUE | _FALSE:
        raise BadValue(f"{name} takes true or false.")
    if quirks.boolean_form == "1":
        return "1" if word in _TRUE else "0"
    return "true" if word in _TRUE else "false"


def _is_number(value: str) -> bool:
    return re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value, re.ASCII) is not None


def _number(name: str, value: str, kind: str) -> str:
    low, high = _RANGES[kind]
    if not _is_number(value) or not low <= int(value) <= high:
        raise BadValue(f"{name} takes a whole number from {low} to {high}.")
    return str(int(value))


def _date(name: str, value: str, quirks: Quirks) -> str:
    text = re.sub(r"\.\d+", "", value) if quirks.strip_milliseconds else value
    try:
        fits = _DATE.match(text) is not None and datetime.fromisoformat(text) is not None
    except ValueError:
        fits = False
    if not fits:
        raise BadValue(f"{name} takes a time such as 2026-01-31T12:00:00Z.")
    return text


def _check_base64(name: str, value: str) -> None:
    try:
        base64.b64decode(value.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise BadValue(f"{name} takes base64 text.") from error
