"""Patterns of parameter paths, compiled. Counterparts: `rows`, `machine`, which say what matches.

`{i}` is one instance, `*` stands within one segment, `.**` is an object and everything below, `**` elsewhere is
anything. Compared without case, with the generic form of a path. What a router lists below a parameter, where nothing
can be, counts as the parameter.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.cwmp.paths import INSTANCE

_PATTERN: Final = re.compile(r"(?:[A-Za-z0-9_.-]|\*|\{i\})+\Z", re.ASCII)
_TOKEN: Final = re.compile(r"\*\*|\*|\{i\}|[^*{]+")
_SERVICES: Final = ("storageservice.", "voiceservice.")
_BELOW: Final = ("", "device.services.", "internetgatewaydevice.services.")

Cover = Literal["none", "some", "all"]
"""How much of what is below an object a pattern matches."""


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern. `text` is in small letters."""

    text: str
    whole: re.Pattern[str] = field(repr=False)
    segments: tuple[re.Pattern[str], ...] = field(repr=False)
    """Of the part before a `.**` at the end; empty if `**` stands elsewhere."""

    @property
    def anchored(self) -> bool:
        """Whether it begins with the names of objects, and `**` stands at most at its end."""
        return bool(self.segments)

    @property
    def head(self) -> tuple[str, ...]:
        """The fixed names it begins with, two at most."""
        names = self.text.split(".")[:2]
        fixed = [name for name in names if name and not set(name) & set("*{")]
        return tuple(fixed) if len(fixed) == len(names) else tuple(fixed[:1]) if names[:1] == fixed[:1] else ()

    def matches(self, key: str) -> bool:
        """Whether the generic path `key`, in small letters, is meant."""
        return self.whole.match(key) is not None

    def covers(self, prefix: tuple[str, ...]) -> Cover:
        """How much it matches below the object with the generic segments `prefix`."""
        if not self.anchored:
            return "all" if self.matches(".".join(prefix) + ".") else "some"
        both = zip(prefix, self.segments, strict=False)
        if not all(pattern.match(segment) for segment, pattern in both):
            return "none"
        return "all" if len(prefix) >= len(self.segments) else "some"


def glob(pattern: str) -> tuple[Glob, ...]:
    """`pattern` compiled; several for a service, which stands below `Services.` too. Raises ValueError."""
    if _PATTERN.match(pattern) is None or "***" in pattern or ".." in pattern:
        raise ValueError(f"{pattern!r} is no pattern of a path; write it like Device.WiFi.Radio.{{i}}.Channel")
    low = pattern.lower()
    if low.startswith(_SERVICES):
        return tuple(_compiled(before + low) for before in _BELOW)
    return (_compiled(low),)


def _compiled(text: str) -> Glob:
    body = text.removesuffix(".**").removesuffix(".")
    whole = _regex(body, any_depth=True) + r"(?:\..*)?\Z"
    fixed = "**" not in body
    segments = tuple(re.compile(_regex(part, any_depth=False) + r"\Z") for part in body.split(".")) if fixed else ()
    return Glob(text, re.compile(whole, re.DOTALL), segments)


def _regex(text: str, *, any_depth: bool) -> str:
    meant = {"**": ".*" if any_depth else "[^.]*", "*": r"[^.]*", INSTANCE: re.escape(INSTANCE)}
    return "".join(meant.get(token, re.escape(token)) for token in _TOKEN.findall(text))
