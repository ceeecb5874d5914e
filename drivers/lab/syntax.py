"""The command language of the simulated OpenWrt router: what BusyBox ash makes of a line, as a tree.

Counterpart: `drivers.lab.ash` runs the tree. Covered are words with all quotings, `$name`, `$(…)`, backquotes,
redirections, pipes, `&&`, `||`, `;`, `&`, groups, subshells and functions: enough that the tricks which reach a home
computer on a real router reach it here. Loops and conditions are not; they are a syntax error.
"""

import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

_NAME = re.compile(r"[A-Za-z_]\w*")
_FUNCTION = re.compile(r"([A-Za-z_][\w-]*)[ \t]*\([ \t]*\)\s*")
_REDIRECT = re.compile(r"(\d?)(>>|>&|>|<)")
_BLANK = " \t"
_STOP = " \t\n;&|<>()"
_RESERVED = frozenset({"if", "then", "else", "fi", "for", "while", "until", "do", "done", "case", "esac"})


class ShellSyntaxError(Exception):
    """What ash would refuse to parse; the text is its message."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a word: text, a variable's name or the source of a substitution."""

    kind: Literal["text", "variable", "command"]
    value: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Word:
    """One word before expansion."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """`fd op word`; for `>&` the word is the number of the copied stream."""

    fd: int
    operator: str
    word: Word


@dataclass(frozen=True, slots=True)
class Simple:
    """Assignments, words, redirections."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """`{ …; }` or `( … )`, run as one command."""

    body: "Sequence"
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """`name() { …; }`"""

    name: str
    body: Group


Command: TypeAlias = Simple | Group | Function


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by `|`."""

    commands: tuple[Command, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """Pipelines with what joins each to the one before: `;`, `&&` or `||`."""

    items: tuple[tuple[str, Pipeline], ...] = field(default=())


def parse(source: str) -> Sequence:
    """Parse a whole line (or several). Raises `ShellSyntaxError`."""
    reader = _Reader(source)
    sequence = reader.sequence(until="")
    if not reader.at_end():
        raise ShellSyntaxError(f'syntax error: unexpected "{reader.peek()}"')
    return sequence


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def at_end(self) -> bool:
        """Whether everything was read."""
        return self._at >= len(self._source)

    def peek(self) -> str:
        """The next character; empty at the end."""
        return "" if self.at_end() else self._source[self._at]

    def _skip(self, characters: str) -> None:
        while not self.at_end() and self.peek() in characters:
            self._at += 1

    def _take(self, text: str) -> bool:
        if self._source.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _skip_blank(self) -> None:
        while True:
            self._skip(_BLANK)
            if self._take("\\\n"):
                continue
            if self.peek() == "#":
                while not self.at_end() and self.peek() != "\n":
                    self._at += 1
            return

    def sequence(self, until: str) -> Sequence:
        """Pipelines up to a closing `)` or `}`, which is taken."""
        items: list[tuple[str, Pipeline]] = []
        joint = ";"
        while True:
            self._skip_blank()
            if joint == ";":
                while self.peek() in {"\n", ";"} and self.peek():
                    if self.peek() == ";" and not items:
                        raise ShellSyntaxError('syntax error: unexpected ";"')
                    self._at += 1
                    self._skip_blank()
            if until and self.peek() == until:
                self._at += 1
                return Sequence(tuple(items))
            if self.at_end():
                if until or joint != ";":
                    raise ShellSyntaxError("syntax error: unexpected end of file")
                return Sequence(tuple(items))
            items.append((joint, self._pipeline()))
            joint = self._joint()
            if not joint:
                if until and self.peek() == until:
                    self._at += 1
                    return Sequence(tuple(items))
                if self.at_end() and not until:
                    return Sequence(tuple(items))
                raise ShellSyntaxError(f'syntax error: unexpected "{self.peek() or "end of file"}"')

    def _joint(self) -> str:
        self._skip_blank()
        for text, joint in (("&&", "&&"), ("||", "||"), (";", ";"), ("\n", ";"), ("&", ";")):
            if self._take(text):
                return joint
        return ""

    def _pipeline(self) -> Pipeline:
        self._skip_blank()
        negated = self._take("! ")
        commands = [self._command()]
        while True:
            self._skip_blank()
            if self._source.startswith("||", self._at) or not self._take("|"):
                return Pipeline(tuple(commands), negated)
            self._skip(_BLANK + "\n")
            commands.append(self._command())

    def _command(self) -> Command:
        self._skip_blank()
        function = _FUNCTION.match(self._source, self._at)
        if function:
            self._at = function.end()
            return Function(function[1], self._group())
        if self.peek() == "(" or self._source.startswith(("{ ", "{\n"), self._at):
            return self._group()
        return self._simple()

    def _group(self) -> Group:
        opening = self.peek()
        if opening not in {"(", "{"} or not opening:
            raise ShellSyntaxError(f'syntax error: unexpected "{opening or "end of file"}"')
        self._at += 1
        body = self.sequence(until=")" if opening == "(" else "}")
        return Group(body, tuple(self._redirects()))

    def _redirects(self) -> list[Redirect]:
        found: list[Redirect] = []
        while True:
            self._skip_blank()
            redirect = self._redirect()
            if redirect is None:
                return found
            found.append(redirect)

    def _redirect(self) -> Redirect | None:
        match = _REDIRECT.match(self._source, self._at)
        if match is None:
            return None
        self._at = match.end()
        self._skip_blank()
        word = self._word()
        if not word.parts:
            raise ShellSyntaxError("syntax error: unexpected redirection")
        return Redirect(int(match[1] or (0 if match[2] == "<" else 1)), match[2], word)

    def _simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            self._skip_blank()
            redirect = self._redirect()
            if redirect is not None:
                redirects.append(redirect)
                continue
            name = _NAME.match(self._source, self._at)
            if not words and name and self._source.startswith("=", name.end()):
                self._at = name.end() + 1
                assignments.append((name[0], self._word()))
                continue
            word = self._word()
            if not word.parts:
                break
            words.append(word)
        if not (assignments or words or redirects):
            raise ShellSyntaxError(f'syntax error: unexpected "{self.peek() or "end of file"}"')
        if words and any(words[0].parts == (Part("text", word, False),) for word in _RESERVED):
            raise ShellSyntaxError("syntax error: this simulated shell has no loops and no conditions")
        return Simple(tuple(assignments), tuple(words), tuple(redirects))

    def _word(self) -> Word:
        parts: list[Part] = []
        while not self.at_end() and self.peek() not in _STOP:
            character = self.peek()
            self._at += 1
            if character == "'":
                parts.append(Part("text", self._up_to("'"), True))
            elif character == '"':
                parts.extend(self._double_quoted())
            elif character == "\\":
                parts.append(Part("text", self._one(), True))
            elif character in "$`":
                parts.append(self._expansion(character, quoted=False))
            else:
                parts.append(Part("text", character, False))
        return Word(_joined(parts))

    def _one(self) -> str:
        character = self.peek()
        self._at += 1
        return "" if character == "\n" else character

    def _up_to(self, end: str) -> str:
        stop = self._source.find(end, self._at)
        if stop < 0:
            raise ShellSyntaxError("syntax error: unterminated quoted string")
        text = self._source[self._at : stop]
        self._at = stop + 1
        return text

    def _double_quoted(self) -> list[Part]:
        parts = [Part("text", "", True)]
        while True:
            if self.at_end():
                raise ShellSyntaxError("syntax error: unterminated quoted string")
            character = self.peek()
            self._at += 1
            if character == '"':
                return parts
            if character == "\\":
                following = self._one()
                parts.append(Part("text", following if following in '$`"\\' else "\\" + following, True))
            elif character in "$`":
                parts.append(self._expansion(character, quoted=True))
            else:
                parts.append(Part("text", character, True))

    def _expansion(self, opening: str, *, quoted: bool) -> Part:
        if opening == "`":
            return Part("command", self._up_to("`"), quoted)
        if self._take("("):
            return Part("command", self._balanced(), quoted)
        if self._take("{"):
            return Part("variable", self._up_to("}"), quoted)
        name = _NAME.match(self._source, self._at)
        if name:
            self._at = name.end()
            return Part("variable", name[0], quoted)
        if self.peek() and self.peek() in "?$#*@!0123456789":
            return Part("variable", self._one(), quoted)
        return Part("text", "$", quoted)

    def _balanced(self) -> str:
        depth, start = 1, self._at
        while depth:
            if self.at_end():
                raise ShellSyntaxError("syntax error: unterminated substitution")
            depth += {"(": 1, ")": -1}.get(self.peek(), 0)
            self._at += 1
        return self._source[start : self._at - 1]


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    """Put neighbouring text of the same quoting together."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last is not None and last.kind == part.kind == "text" and last.quoted == part.quoted:
            joined[-1] = Part("text", last.value + part.value, part.quoted)
        else:
            joined.append(part)
    return tuple(joined)
