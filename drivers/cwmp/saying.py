"""A CPE's faults as a rep is told of them. Pure.

A CPE's own text may repeat a value (`invalid value 'x' for y`), one that the rep must not see included. It is shown
only if each of its words is one of those known here, or a name that was asked for.
Counterpart: `drivers.cwmp.faults`, the meaning of the codes.
"""

import re
from collections.abc import Iterable
from typing import Final

from drivers.cwmp import faults
from drivers.cwmp.messages import Fault
from drivers.cwmp.rendering import printable

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
    """A fault's code in words, to stand within a sentence."""
    words = faults.sentence(code).removesuffix(".")
    return words[:1].lower() + words[1:]


def sentence(fault: Fault, names: Iterable[str] = ()) -> str:
    """A fault in words, with its number, and with the router's own text where that cannot hold a value.

    `names`: those that were asked for or written.
    """
    known = {name.lower() for name in names}
    own = _own_text(fault.text, known)
    return f"{plain(fault.code)} (fault {fault.code}){f'; it says: {own}' if own else ''}"


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
