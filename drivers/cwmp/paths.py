"""Parameter paths in one spelling, and in the generic one that rules are written in. Pure.

A path that a person or an ACS gives is read strictly (`canonical`); a name that a CPE prints is only compared
(`generic`). Source: TR-106, 3.1; TR-069, A.2.3.
Counterpart: `gateway.policy.cwmp`, which classifies the generic form.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from drivers.errors import DriverError

Model = Literal["tr181", "tr098"]
TR181: Final = "Device."
TR098: Final = "InternetGatewayDevice."
ROOTS: Final[dict[str, Model]] = {TR181: "tr181", TR098: "tr098"}
"""Root object to the name of its data model, as prompts and positions give it."""

LONGEST: Final = 256
"""Characters of a path, by the CWMP schema."""

INSTANCE: Final = "{i}"
_SEGMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z", re.ASCII)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}\Z", re.ASCII)
_LOOSE: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?\Z", re.ASCII)
_ODD: Final = re.compile(r"[^A-Za-z0-9_.*\[\]-]", re.ASCII)
_ALIAS: Final = re.compile(r"\[[A-Za-z0-9_-]{1,64}\]\Z", re.ASCII)


class BadPath(DriverError):
    """A path that is not one, or not in the one spelling. The text says what to write."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path that was read. Its root is as the model spells it, other letters are as they were typed."""

    text: str
    """Empty for the whole tree."""

    @property
    def partial(self) -> bool:
        """Whether it stands for everything below: it ends in a dot, or is empty."""
        return not self.text or self.text.endswith(".")

    @property
    def root(self) -> str:
        """`Device.` or `InternetGatewayDevice.`; empty for the empty path."""
        return f"{self.text.partition('.')[0]}." if self.text else ""

    @property
    def generic(self) -> str:
        """With `{i}` for every instance."""
        return generic(self.text)

    @property
    def segments(self) -> tuple[str, ...]:
        """Without dots."""
        return tuple(part for part in self.text.split(".") if part)

    def __str__(self) -> str:
        return self.text


def canonical(text: str, *, wild: bool = False, empty: bool = False) -> Path:
    """The path in `text`. `wild` takes `*` and `[alias]` for an instance, `empty` takes no path at all.

    Raises `BadPath` for every other spelling than the one: look-alike letters, escapes, blanks, empty parts, leading
    zeros, another root, more than 256 characters.
    """
    if not text and empty:
        return Path("")
    if not text or len(text) > LONGEST:
        raise BadPath(f"A path has 1 to {LONGEST} characters, such as Device.DeviceInfo.UpTime.")
    found = _ODD.search(text)
    if found is not None:
        odd = found[0]
        shown = odd if odd.isprintable() and odd.isascii() else f"U+{ord(odd):04X}"
        raise BadPath(f"A path has letters, digits, _, - and dots only; {shown!r} cannot stand in it.")
    first, *rest = (text.removesuffix(".")).split(".")
    root = next((root for root in ROOTS if root[:-1].lower() == first.lower()), None)
    if root is None:
        raise BadPath(f"The first name of a path is {TR181[:-1]} or {TR098[:-1]}.")
    if not rest and not text.endswith("."):
        raise BadPath(f"End an object with a dot: {root}")
    for segment in rest:
        _check(segment, wild=wild)
    return Path(root + ".".join(rest) + ("." if rest and text.endswith(".") else ""))


def _check(segment: str, *, wild: bool) -> None:
    if not segment:
        raise BadPath("A path has no empty parts: write one dot between two names.")
    if _SEGMENT.match(segment) or _NUMBER.match(segment):
        return
    if segment == "*" or _ALIAS.match(segment):
        if wild:
            return
        raise BadPath(f"Write the instance's number instead of {segment}, or a path that ends in a dot before it.")
    if segment[0].isdigit():
        raise BadPath(f"{segment} is no instance number; they are written 1, 2, 3.")
    raise BadPath(f"{segment} is no name of a parameter or object.")


@lru_cache(maxsize=65_536)
def generic(text: str) -> str:
    """`text` with `{i}` for every instance number, `*` and `[alias]`; its letters stay as they are. Never fails."""
    if not text:
        return ""
    return ".".join(INSTANCE if _is_instance(part) else part for part in text.split("."))


def _is_instance(segment: str) -> bool:
    return (segment.isascii() and segment.isdigit()) or segment == "*" or bool(_ALIAS.match(segment))


def readable(name: str) -> bool:
    """Whether a name that a CPE gave can be compared at all; what cannot is shown to nobody."""
    return 0 < len(name) <= LONGEST and _LOOSE.match(name) is not None


def model_of(root: str) -> Model | None:
    """`tr181` or `tr098` of a root object, or none."""
    return ROOTS.get(root)


def root_of_model(model: str) -> str | None:
    """The root object of `tr181` or `tr098`, or none."""
    return next((root for root, name in ROOTS.items() if name == model), None)


def parent(path: str) -> str:
    """The object that holds a parameter or an object; empty above the root."""
    head, dot, _ = path.rstrip(".").rpartition(".")
    return f"{head}{dot}"
