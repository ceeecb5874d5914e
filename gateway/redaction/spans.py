"""Where one line of output holds something to mask. Pure; positions are characters of the line.

Rules work on a shadow of the line: one byte a character, lower case, what is not Latin-1 as `?`.
Counterpart: `gateway.redaction.stream`, which cuts output into lines and puts other text in the place of spans.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.redaction.rules import Kind, Rule
from gateway.redaction.shapes import Shapes
from gateway.redaction.template import MAC

_SETTING: Final = re.compile(
    rb"(?:yes|no|on|off|true|false|enabled?|disabled?|none|null|unset|set|not|required|optional|any|auto|default|unknown|"
    rb"never|always|ok|failed|success\w*|accepted|rejected|expired|valid|invalid|n/a|n\.a\.|-+|\[\]?|\{\}?|\\n.*|"
    rb"\.+|[?]|nil|absent|present|configured|\([a-z ]+\)?|0)[.,;)}\]]*"
)
"""Words that say something about a secret instead of being one."""

_HIDDEN: Final = re.compile(
    rb"\\|\*+|[x.]{6,}|<(?:redacted|removed|hidden|masked|secret|device [0-9]+)>.*|<device|"
    rb"\((?:hidden|null|not set)\).*"
)
"""Masked already, by the router or by us."""

_NO_NAME: Final = re.compile(
    rb"[*?-]+|unknown|\(?(?:none|null)\)?|n/a|localhost|[0-9.]+|[0-9a-f]*:[0-9a-f:]*|true|false|on|off|yes|no"
)

ADDRESS: Final = re.compile(rb"(?<![0-9a-f])(?<![0-9a-f][:.-])" + MAC.encode())
IDENTIFIER: Final = re.compile(rb"(?<![0-9a-f:])(?:00:0[1-4]|ff:[0-9a-f]{2})(?::[0-9a-f]{2}){8,17}(?![0-9a-f:])")
"""A DHCP unique identifier, or a client identifier that holds one."""

_NOBODY: Final = re.compile(
    rb"(?:00[:.-]?){5}00|(?:ff[:.-]?){5}ff|01[:.-]?00[:.-]?5e.*|01[:.-]?80[:.-]?c2.*|33[:.-]?33.*", re.DOTALL
)
"""Addresses that are no device's: none, broadcast, multicast."""

_ANNOUNCING: Final = frozenset({b" ", b"\t", b'"', b"'", b":", b"=", b"("})

_REACH: Final = 40
"""Characters before something that say what it is."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` are to be masked. `form` is the group of `gateway.redaction.template.ELEMENTS`."""

    start: int
    end: int
    kind: Kind
    form: str
    is_name: bool = False
    address: str | None = None
    """The one address on the line of a name."""


def find(rules: Iterable[Rule], low: bytes) -> Iterator[Span]:
    """What `rules` mask in the line `low`."""
    for rule in rules:
        at = 0
        look = rule.pattern.match if rule.anchored else rule.pattern.search
        while (match := look(low, at)) is not None:
            form = match.lastgroup or "w"
            start, end = match.span(form)
            span = _span(rule, low, match.start(), start, end, form)
            if span is not None:
                yield span
            if rule.anchored:
                break
            at = max(start if span is None else span.end, match.start() + 1)


def _span(rule: Rule, low: bytes, at: int, start: int, end: int, form: str) -> Span | None:
    value = low[start:end]
    if rule.not_behind is not None and rule.not_behind.search(low[max(0, at - _REACH) : at]) is not None:
        return None
    if form == "w":
        value = value.rstrip(b";,\"'")
        end = start + len(value)
    if not value.strip() or _HIDDEN.fullmatch(value) or (rule.refuse is not None and rule.refuse.fullmatch(value)):
        return None
    if rule.kind == "device":
        return None if _NO_NAME.fullmatch(value) else Span(start, end, rule.kind, form, is_name=True)
    if rule.checked and _SETTING.fullmatch(value):
        return None
    if form == "r":
        end = len(low.rstrip())
    return Span(start, end, rule.kind, form)


def addresses(low: bytes, own: frozenset[bytes]) -> Iterator[Span]:
    """MAC addresses of devices, and identifiers that hold one. `own`: words that announce one of the router's."""
    shapes = Shapes(low)
    at = shapes.next(0)
    while at >= 0:
        match = IDENTIFIER.match(low, at) or ADDRESS.match(low, at)
        if match is not None and not no_device(match[0]) and not _is_own(low, at, own):
            yield Span(at, match.end(), "device", "w")
        at = shapes.next(at + 1 if match is None else match.end())


def no_device(address: bytes) -> bool:
    """Whether the address is nobody's: none, broadcast or multicast."""
    return _NOBODY.match(address) is not None


def _is_own(low: bytes, start: int, own: frozenset[bytes]) -> bool:
    """Whether the address at `start` is announced as the router's own."""
    words = low[max(0, start - _REACH) : start].rstrip(b" \t\"'(:=").rsplit(None, 1)
    return bool(words) and words[-1].strip(b"\"'(,") in own and low[start - 1 : start] in _ANNOUNCING


def masks_value(value: str, kind: Kind) -> bool:
    """Whether the cell of a table is a secret or the name of a device."""
    low = value.lower().encode("latin-1", "replace")
    if not low or _HIDDEN.fullmatch(low):
        return False
    return _NO_NAME.fullmatch(low) is None if kind == "device" else re.fullmatch(rb"[-=]+", low) is None
