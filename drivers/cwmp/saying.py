"""Faults of a CPE in plain words. Pure.

A CPE's own text may repeat a value (`invalid value 'x' for y`), one that the rep must not see included. It is shown
only if each of its words is one of those known here, or a name that was asked for.
Source: TR-069, A.5.1 and A.5.2.
"""

import re
from collections.abc import Iterable
from typing import Final

from drivers.cwmp.messages import Fault
from drivers.cwmp.rendering import printable

PLAIN: Final = {
    9000: "the router does not know this kind of request",
    9001: "the router denied it",
    9002: "the router had an internal error",
    9003: "the router did not accept what it was given",
    9004: "the router has no room for that now",
    9005: "the router has no parameter of this name",
    9006: "the value is of the wrong type",
    9007: "the value is not allowed here",
    9008: "it can only be read",
    9009: "the router cannot report changes of this",
    9010: "the file could not be loaded",
    9011: "the file could not be sent",
    9012: "the file server did not accept the router's name and password",
    9013: "the router does not speak the file server's protocol",
    9014: "the multicast group of the file could not be joined",
    9015: "the file server could not be reached",
    9016: "the file could not be read on its server",
    9017: "the file did not come completely",
    9018: "the file is damaged",
    9019: "the file is not one that this router trusts",
    9020: "the file could not be loaded in the time that was set",
    9021: "the transfer cannot be cancelled any more",
    9022: "the router cannot do this with its software modules",
}

_KNOWN_TEXT: Final = """
    a an and argument arguments at be boolean busy by can cannot cwmp denied does error exceeded exist exists failed
    fault for format found from in internal invalid is it length maximum method minimum missing must name names no
    non not object of on only or out parameter parameters path permission permitted range read readonly refused
    reject rejected request resource resources router rpc set setting settings size string supported system table the
    this to too type unknown unsigned unsupported value values was with writable write wrong
"""
_KNOWN: Final = frozenset(_KNOWN_TEXT.split())
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.\-]+")


def plain(code: int) -> str:
    """A fault's code in words."""
    if 9800 <= code <= 9899:
        return f"the router gave an error of its maker's own ({code})"
    return PLAIN.get(code, f"the router gave fault {code}")


def sentence(fault: Fault, names: Iterable[str] = ()) -> str:
    """A fault in words, with its number, and with the router's own text where that cannot hold a value.

    `names`: those that were asked for or written.
    """
    known = {name.lower() for name in names}
    words = plain(fault.code)
    own = _own_text(fault.text, known)
    end = f" (fault {fault.code})" if str(fault.code) not in words else ""
    return f"{words}{end}{f'; it says: {own}' if own else ''}"


def by_parameter(fault: Fault, names: Iterable[str]) -> list[tuple[str, str]]:
    """(name, what is wrong) for each parameter that a CPE named and that was written."""
    known = {name.lower(): name for name in names}
    return [
        (known[entry.name.lower()], f"{plain(entry.code)} (fault {entry.code})")
        for entry in fault.parameters
        if entry.name.lower() in known
    ]


def _own_text(text: str, names: set[str]) -> str:
    """The CPE's text if nothing in it can be a value; empty if it can, or says nothing."""
    if not text or len(text) > 256 or text.lower() == "cwmp fault":
        return ""
    tokens = [token.rstrip(".").lower() for token in _TOKEN.findall(text)]
    rest = _TOKEN.sub("", text)
    if any(char not in " ,:;'\"()[]!" for char in rest):
        return ""
    allowed = all(token in _KNOWN or token in names or f"{token}." in names for token in tokens if token)
    return printable(text) if allowed else ""
