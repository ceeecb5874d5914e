"""One line of a router's output, as a rule writes it, compiled to a pattern over lower-case bytes. Pure.

Counterparts: `gateway.redaction.rules`, which reads the files; docs/reference/redaction.md, which lists the elements.
Everything compiled here takes time linear in the line: repetitions are possessive or bounded by a small number.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gateway.redaction.errors import RedactionError

_BLANKS: Final = r"[ \t]++"
_QUOTED: Final = r'"(?P<q>(?:[^"\\\r\n]|\\[^\r\n])*+)'
_APOSTROPHES: Final = r"'(?P<a>(?:[^'\r\n]|'\\'')*+)"
_ESCAPED: Final = r'\\"(?P<e>[^"\\\r\n]*+)'
_VALUE: Final = rf"(?:{_QUOTED}|{_APOSTROPHES}|{_ESCAPED}|(?P<w>[^\s\"'][^\s]*+))"

MAC: Final = (
    r"(?:[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5,6}|[0-9a-f]{4}[.-][0-9a-f]{4}[.-][0-9a-f]{4}(?:[.-][0-9a-f]{2})?)"
    r"(?![0-9a-f]|[:.-][0-9a-f])"
)

ELEMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "n": r"[0-9]++",
        "word": r"[^\s]{1,128}+",
        "is": r"(?:\\?[\"'])?[ \t]*+(?:=>|[:=])[ \t]*+",
        "is_": r"(?:\\?[\"'])?[ \t]*+(?:=>|[:=])[ \t]++(?![\"'])",
        "ip": r"[0-9]{1,3}+(?:\.[0-9]{1,3}+){3}",
        "mac": MAC,
        "hex": r"(?P<w>[0-9a-f]{6,}+)(?![^\s,;\"'])",
        "long": r"[\"']?(?P<w>[^\s\"',;]{8,}+)",
        "secret": _VALUE,
        "value": _VALUE,
        "quoted": rf"(?:{_QUOTED}|{_APOSTROPHES}|{_ESCAPED})",
        "name": _VALUE,
        "rest": r"(?P<r>[^\s]++)",
        "text": r"(?P<x>[^<\r\n]++)",
    }
)
"""What stands between `<` and `>`. Named groups are what is masked: `q a e` end at their quote, `w` with the word, `r`
is the rest of the line, `x` ends at the next `<`."""

_WORDS: Final = r"(?:[^\s]{1,64}+[ \t]++){0,8}?"
_LINE_START: Final = r"\A[ \t]*+(?:[+\-!>|][ \t]*+)?(?:(?:no|undo|set|delete)[ \t]++)?"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template. `literals` are word lists: a line that fits holds one of each list."""

    pattern: str
    anchored: bool
    """Only at the start of the line."""
    checked: bool
    """The value may be a setting (`enabled`) and is looked at."""
    literals: tuple[frozenset[str], ...]


@dataclass(slots=True)
class _Parts:
    pattern: list[str] = field(default_factory=list)
    literal: str = ""
    literals: list[frozenset[str]] = field(default_factory=list)

    def close(self) -> None:
        if self.literal:
            self.literals.append(frozenset({self.literal}))
            self.pattern.append(re.escape(self.literal))
            self.literal = ""

    def add(self, pattern: str) -> None:
        self.close()
        self.pattern.append(pattern)


def compile_template(text: str) -> Compiled:
    """The pattern of `text`. Raises `RedactionError` for what is no template."""
    anchored, any_prefix = text.startswith("^"), text.startswith("*")
    parser = _Parser(text[1:] if anchored or any_prefix else text)
    parts = parser.sequence("")
    if parser.at < len(parser.text):
        raise RedactionError(f"{text!r}: there is a closing bracket too many.")
    boundary = _LINE_START if anchored else "" if any_prefix else r"(?<![a-z0-9_-])"
    return Compiled(
        boundary + "".join(parts.pattern), anchored, "<value>" in text or "<is_>" in text, tuple(parts.literals)
    )


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def sequence(self, ends: str) -> _Parts:
        """Up to one of the characters `ends`, which is left."""
        parts = _Parts()
        while self.at < len(self.text) and self.text[self.at] not in ends:
            self._step(parts)
        parts.close()
        return parts

    def _step(self, parts: _Parts) -> None:
        char = self.text[self.at]
        if char == "<":
            parts.add(self._element())
        elif char == "{":
            self._choice(parts)
        elif char == "[":
            self._optional(parts)
        elif self.text.startswith("... ", self.at):
            self.at += 4
            parts.add(_WORDS)
        elif char == " ":
            self.at += 1
            parts.add(_BLANKS)
        elif char in "]}>":
            raise RedactionError(f"{self.text!r}: there is a closing bracket too many.")
        else:
            self.at += 1
            parts.literal += char.lower()

    def _element(self) -> str:
        end = self.text.find(">", self.at)
        name = self.text[self.at + 1 : end]
        if end < 0 or name not in ELEMENTS:
            raise RedactionError(f"{self.text!r}: <{name}> is not known; there are {', '.join(ELEMENTS)}.")
        self.at = end + 1
        return ELEMENTS[name]

    def _choice(self, parts: _Parts) -> None:
        branches: list[_Parts] = []
        while not branches or self.text[self.at : self.at + 1] == "|":
            self.at += 1
            branches.append(self.sequence("|}"))
        self._expect("}")
        patterns = ["".join(branch.pattern) for branch in branches]
        parts.add(f"(?:{'|'.join(patterns)})")
        if all(branch.literals for branch in branches):
            parts.literals.append(frozenset[str]().union(*(_said(branch.literals) for branch in branches)))

    def _optional(self, parts: _Parts) -> None:
        self.at += 1
        inner = "".join(self.sequence("]").pattern)
        self._expect("]")
        blank = self.text[self.at : self.at + 1] == " "
        self.at += blank
        parts.add(f"(?:{inner}{_BLANKS if blank else ''})?")

    def _expect(self, char: str) -> None:
        if self.text[self.at : self.at + 1] != char:
            raise RedactionError(f"{self.text!r}: a bracket is not closed; {char!r} is missing.")
        self.at += 1


def _said(literals: list[frozenset[str]]) -> frozenset[str]:
    """What a branch says: its words as one text, or those of a choice inside of it."""
    single = [word for words in literals if len(words) == 1 for word in words]
    return frozenset({" ".join(single)}) if single else literals[0]
