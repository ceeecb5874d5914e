"""Argument types: what a typed argument accepts and how it is spelled when sent. Counterpart: `types:` of a table.

A type sees one value without its quotes and answers with the canonical text or none. Rules that need to know the
subscriber (home, approved servers) are not decided here: `check` names them for `gateway.policy.decide`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from gateway.policy import hosts
from gateway.policy.schema import IfaceSpec, ListSpec, TypeSpec, compiled

Match: TypeAlias = Callable[[str], str | None]
Check = Literal["none", "host", "dns", "fwurl"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArgType:
    """One type. Compared by identity, so that equal slots of several rows are the same edge."""

    label: str
    """What help shows, such as `<1-100>`."""
    match: Match
    fragment: str = ".+"
    """Regular expression of the values, for words made of fixed text and arguments."""
    check: Check = "none"
    secret: bool = False
    blank: bool = False
    """May hold blanks: takes the rest of the line where the platform has no quotes."""
    values: tuple[str, ...] = ()
    """All values of an enumeration, for completion."""
    split: bool = False
    """May be written with a blank before its number (`Gi 0/1`)."""
    by: str = ""
    """Several values of the type stand in one word between this; what `check` says holds for each of them."""
    minus: bool = False
    """Names values that begin with `-`; any other such value could be read as an option and is refused."""


def pattern_type(label: str, pattern: str) -> ArgType:
    """Values that match `pattern` as a whole. Raises ValueError when it is no regular expression."""
    whole = compiled(rf"(?:{pattern})\Z")

    def match(text: str) -> str | None:
        return text if whole.match(text) and text.isascii() and text.isprintable() and " " not in text else None

    return ArgType(label=label, match=match, fragment=pattern, minus=pattern.startswith("-"))


_STAR: Final = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.:@-]+"


def enumeration(label: str, values: tuple[str, ...]) -> ArgType:
    """One of `values`; `*` in a value stands for one path component or a part of it."""
    if not values or any(not v or not v.isascii() or not v.isprintable() or " " in v for v in values):
        raise ValueError("an enumeration lists one or more printable ASCII values without blanks")
    plain = frozenset(v for v in values if "*" not in v)
    wild = [_STAR.join(re.escape(part) for part in v.split("*")) for v in values if "*" in v]
    whole = re.compile(rf"(?:{'|'.join(wild)})\Z", re.ASCII) if wild else None

    def match(text: str) -> str | None:
        return text if text in plain or (whole is not None and text[0:1] != "-" and whole.match(text)) else None

    dashes = any(value.startswith("-") for value in plain)
    fragment = "|".join([*map(re.escape, sorted(plain)), *wild])
    return ArgType(label=label, match=match, fragment=fragment, values=tuple(sorted(plain)), minus=dashes)


def interface(label: str, spec: IfaceSpec) -> ArgType:
    """Interface names with abbreviated kinds (`te0/0/0`, `Gi 0/1`), expanded. An ambiguous beginning does not match."""
    names = {name.lower(): name for name in spec.iface}
    whole = compiled(rf"(?P<kind>[A-Za-z][A-Za-z0-9-]*?) ?(?P<number>{spec.number})\Z")

    def match(text: str) -> str | None:
        found = whole.match(text)
        if found is None:
            return None
        kind = found["kind"].lower()
        fits = [kind] if kind in names else [name for name in names if name.startswith(kind)]
        return names[fits[0]] + found["number"] if len(fits) == 1 else None

    return ArgType(label=label, match=match, split=True)


def listed(label: str, one: ArgType, by: str) -> ArgType:
    """Up to 16 values of `one` between `by`. Raises ValueError for types whose values could hold `by` themselves."""
    if one.blank or one.split or one.by:
        raise ValueError(f"{label} cannot be a list: its values may hold blanks")

    def match(text: str) -> str | None:
        values = [one.match(value) for value in text.split(by)[:17]]
        whole = [value for value in values if value is not None and by not in value]
        return by.join(whole) if len(whole) == len(values) <= 16 else None

    return ArgType(label=label, match=match, check=one.check, secret=one.secret, by=by, minus=one.minus)


def integer(low: int, high: int) -> ArgType:
    """A whole number from `low` to `high`, sent without leading zeros."""
    if low > high:
        raise ValueError(f"the range {low}-{high} is empty")

    def match(text: str) -> str | None:
        if _NUMBER.match(text) is None or (text.startswith("-") and low >= 0):
            return None
        return str(int(text)) if low <= int(text) <= high else None

    return ArgType(label=f"<{low}-{high}>", match=match, fragment=r"-?\d{1,12}", minus=low < 0)


_NUMBER: Final = re.compile(r"-?\d{1,12}\Z", re.ASCII)


def text(label: str, low: int, high: int, *, secret: bool = False, ascii_only: bool = False) -> ArgType:
    """Printable text of `low` to `high` bytes of UTF-8, blanks inside but not around it."""

    def match(value: str) -> str | None:
        fits = value.isprintable() and value == value.strip() and (value.isascii() or not ascii_only)
        return value if fits and low <= len(value.encode("utf-8", "surrogatepass")) <= high else None

    return ArgType(label=label, match=match, secret=secret, blank=True)


def _psk(value: str) -> str | None:
    whole_key = len(value) == 64 and re.fullmatch(r"[0-9A-Fa-f]{64}", value)
    fits = value.isascii() and value.isprintable() and value == value.strip() and 8 <= len(value) <= 63
    return value if whole_key or fits else None


def _regex(value: str) -> str | None:
    fits = value.isprintable() and value == value.strip() and 1 <= len(value) <= 128 and not value.startswith("-")
    return value if fits else None


_MAC: Final = re.compile(
    r"(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})\Z"
)


def _mac(value: str) -> str | None:
    low = value.lower() if value.isascii() else ""
    return low if _MAC.match(low) else None


_BUILT_IN: Final[Mapping[str, ArgType]] = {
    "host": ArgType(label="<host>", match=hosts.host, check="host"),
    "ip": ArgType(label="<address>", match=hosts.any_address),
    "ipv4": ArgType(label="<IPv4 address>", match=lambda v: hosts.any_address(v, 4)),
    "ipv6": ArgType(label="<IPv6 address>", match=lambda v: hosts.any_address(v, 6)),
    "mask": ArgType(label="<netmask>", match=hosts.netmask),
    "prefix": ArgType(label="<prefix>", match=hosts.prefix),
    "mac": ArgType(label="<MAC address>", match=_mac),
    "dns": ArgType(label="<name server>", match=hosts.any_address, check="dns"),
    "fwurl": ArgType(label="<firmware URL>", match=hosts.firmware_url, check="fwurl"),
    "int": replace(integer(0, 4294967295), label="<number>"),
    "word": pattern_type("<word>", r"[A-Za-z0-9_./:@+,%=-]{1,64}"),
    "name": pattern_type("<name>", r"[A-Za-z0-9_.-]{1,64}"),
    "text": text("<text>", 1, 80),
    "utf8": text("<text>", 1, 32),
    "print": text("<secret>", 8, 63, secret=True, ascii_only=True),
    "ssid": text("<network name>", 1, 32),
    "psk": ArgType(label="<wifi password>", match=_psk, secret=True, blank=True),
    "secret": text("<secret>", 1, 128, secret=True, ascii_only=True),
    "regex": ArgType(label="<regular expression>", match=_regex, blank=True),
}

_RANGE: Final = re.compile(r"(-?\d{1,12})-(-?\d{1,12})\Z", re.ASCII)


def built_in(spec: str) -> ArgType | None:
    """The built-in type `name` or `name:a-b`, or none. Raises ValueError for a range where none belongs."""
    name, colon, limits = spec.partition(":")
    found = _BUILT_IN.get(name)
    if found is None or not colon:
        return found
    span = _RANGE.match(limits)
    if span is None:
        raise ValueError(f"{spec!r}: limits are written as {name}:1-100")
    low, high = int(span[1]), int(span[2])
    if name == "int":
        return integer(low, high)
    if name not in {"text", "utf8", "print", "secret"} or low > high:
        raise ValueError(f"{spec!r}: this type takes no such limits")
    return text(found.label, low, high, secret=found.secret, ascii_only=found.secret)


_REFERENCE: Final = re.compile(r"@[a-z0-9]+(?::.*)?\Z", re.ASCII)


def make_type(name: str, spec: str | tuple[str, ...] | IfaceSpec) -> ArgType:
    """The type a table declares; lists are made by `Types`. Raises ValueError with a sentence."""
    label = f"<{name}>"
    if isinstance(spec, IfaceSpec):
        return interface(label, spec)
    if not isinstance(spec, str):
        return enumeration(label, spec)
    if _REFERENCE.match(spec) is None:
        return pattern_type(label, spec)
    found = built_in(spec[1:])
    if found is None:
        raise ValueError(f"{spec!r} is not a built-in type; they are listed in docs/reference/policy-tables.md")
    return found


class Types:
    """The types of one table by name; the same name and limits always give the same object."""

    def __init__(self, declared: Mapping[str, TypeSpec]) -> None:
        """Raises ValueError with a sentence."""
        self._known: dict[str, ArgType] = {}
        for name, spec in declared.items():
            if not isinstance(spec, ListSpec):
                self._known[name] = make_type(name, spec)
        for name, spec in declared.items():
            if isinstance(spec, ListSpec):
                self._known[name] = listed(f"<{name}>", self.find(spec.list), spec.by)

    def find(self, name: str) -> ArgType:
        """The type called `name`: declared, built in, `a-b`, or `name:a-b`. Raises ValueError."""
        found = self._known.get(name)
        if found is None:
            span = _RANGE.match(name)
            found = integer(int(span[1]), int(span[2])) if span else built_in(name)
            if found is None:
                raise ValueError(f"there is no type {name!r}; declare it under types")
            self._known[name] = found
        return found
