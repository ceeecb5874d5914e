"""Strict lexers: a line into commands, filters and words, or a refusal. What is odd is refused, never guessed.

`words` cuts router command lines, `shell-strict` a small subset of the POSIX shell in which nothing is expanded. Both
are built from the table's `lexer` entry. Counterpart: `resolver`, which never looks at quotes or separators again.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.policy.schema import LexerSpec


@dataclass(frozen=True, slots=True)
class Word:
    """A word without its quotes, and where it stood in the typed line."""

    text: str
    start: int
    end: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One command with its filters. `end` is where it stops in the typed line, blanks after it left out."""

    words: tuple[Word, ...]
    filters: tuple[tuple[Word, ...], ...]
    end: int
    absolute: bool = False
    """Spelled from the top (`/ip address`), whatever menu the session is in."""


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line. `joins[i]` stands between commands i and i+1. Blank lines have no commands."""

    text: str
    """As typed, with blanks for tabs and without a help character."""
    commands: tuple[Command, ...]
    joins: tuple[str, ...]
    help: bool = False


class LineRefused(ValueError):
    """The line cannot be read; the text says why, as one sentence, and repeats nothing of the line."""


Lexer: TypeAlias = Callable[[str], Line]


def make_lexer(spec: LexerSpec) -> Lexer:
    """The lexer for one platform. It raises `LineRefused`."""
    scan = _SCANNERS[spec.kind](spec)

    def lex(line: str) -> Line:
        # Before anything else looks at it: quotes and blanks never make more than this out of a line that fits.
        if len(line) > 2 * spec.max_line:
            raise LineRefused(f"The line is too long; the router takes {spec.max_line} bytes.")
        checked = line.replace("\t", " ")
        if not checked.isprintable():
            raise LineRefused("The line holds a character that cannot be printed.")
        if (spec.kind == "words" or _completes(spec)) and not checked.isascii():
            # Bytes above 127 are keys to a line editor that knows seven bits: IOS drops the top one by default, so that
            # Õ (C3 95) is C and Ctrl-U, which wipes the line; readline takes them for Meta keys outside a UTF-8 locale
            # (® ends in Meta-Full-stop, the last word of the line before). What runs would not be what was judged.
            raise LineRefused("The line holds a character that is not ASCII; routers of this kind read such as keys.")
        body, wants_help = _cut_help(checked, spec)
        return _assemble(body, scan(body), spec, help=wants_help)

    return lex


def _cut_help(line: str, spec: LexerSpec) -> tuple[str, bool]:
    """The line without a trailing help character. In a plain shell it must stand alone: `a?` is a file name there."""
    stripped = line.rstrip(" ")
    if not spec.help or not stripped.endswith(spec.help):
        return line, False
    body = stripped[: -len(spec.help)]
    alone = not body or body.endswith(" ")
    return (body, True) if alone or spec.kind != "shell-strict" or _completes(spec) else (line, False)


def _completes(spec: LexerSpec) -> bool:
    """Whether this is a router's own shell (VyOS, EdgeOS): readline completes words; the help character is a key."""
    return spec.kind == "shell-strict" and spec.abbreviates


_Token: TypeAlias = Word | tuple[str, int]
"""A word, or an operator (separator or filter character) with its position."""


def _word_scanner(spec: LexerSpec) -> Callable[[str], list[_Token]]:
    # The help character acts as it is typed; inside a value it would cut what the router gets.
    forbidden = frozenset(spec.forbid) | frozenset(spec.help if spec.quotes == "none" else "")
    marks = "|".join(re.escape(mark) for mark in [*spec.separators, *([spec.filter_char] if spec.filter_char else [])])
    stop = re.escape("".join({m for mark in spec.separators for m in mark} | {spec.filter_char or ""}))
    quote = '"' if spec.quotes == "double" else ""
    token = re.compile(
        rf"(?P<blank> +)|(?P<mark>{marks or '(?!)'})|"
        rf"(?P<quoted>{quote and chr(34) + '[^' + chr(34) + chr(92) * 2 + ']*' + chr(34)})|(?P<bare>[^ {quote}{stop}]+)"
        if quote
        else rf"(?P<blank> +)|(?P<mark>{marks or '(?!)'})|(?P<quoted>(?!))|(?P<bare>[^ {stop}]+)"
    )

    def scan(line: str) -> list[_Token]:
        if not quote and not forbidden.isdisjoint(line):
            raise LineRefused(f"The line holds a character that is not taken here ({_shown(forbidden & set(line))}).")
        tokens: list[_Token] = []
        at = 0
        glue = False  # whether the previous token was a word that touches this one
        while at < len(line):
            found = token.match(line, at)
            if found is None:
                raise LineRefused("Quotes in the line do not match.")
            kind = found.lastgroup
            if kind == "mark":
                tokens.append((found[0], at))
            elif kind != "blank":
                if glue:
                    raise LineRefused("Quotes stand inside a word; put blanks around a quoted value.")
                quoted = kind == "quoted"
                if not quoted and not forbidden.isdisjoint(found[0]):
                    odd = _shown(forbidden & set(found[0]))
                    raise LineRefused(f"A character is not taken here ({odd}); put the value in quotes.")
                tokens.append(Word(found[0][1:-1] if quoted else found[0], at, found.end(), quoted))
            glue = kind in {"quoted", "bare"}
            at = found.end()
        return tokens

    return scan


def _shell_scanner(spec: LexerSpec) -> Callable[[str], list[_Token]]:
    """POSIX words without any expansion: adjacent quoted and bare runs make one word, as a shell joins them."""
    forbidden = frozenset(spec.forbid)
    operators = {*spec.separators, *([spec.filter_char] if spec.filter_char else [])}
    token = re.compile(
        r"""(?P<blank> +)|(?P<mark>[&;|]+)|'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<bare>[^ '"&;|]+)"""
    )
    active: Final = frozenset("$`\\!")

    def literal(found: re.Match[str]) -> str:
        """The text of one run of a word. Raises `LineRefused` for what a shell would not take literally."""
        kind, text = found.lastgroup or "", found[found.lastgroup or 0]
        active_here = {"double": active, "bare": forbidden}.get(kind, frozenset())
        wrong = active_here.intersection(text)
        if wrong:
            raise LineRefused(f"The shell would not take {_shown(wrong)} literally; use single quotes.")
        return text

    def scan(line: str) -> list[_Token]:
        if _completes(spec) and spec.help and spec.help in line:
            # It acts as it is typed, within quotes too; the value would arrive without it.
            raise LineRefused(f"The line holds a character that is not taken here ({spec.help}).")
        tokens: list[_Token] = []
        runs: list[str] = []  # of the word that is being read
        start, quoted, at = 0, False, 0
        while at < len(line):
            found = token.match(line, at)
            if found is None:
                raise LineRefused("Quotes in the line do not match.")
            kind = found.lastgroup
            if kind in {"blank", "mark"}:
                if runs:
                    tokens.append(Word("".join(runs), start, at, quoted))
                    runs, quoted = [], False
                if kind == "mark":
                    if found[0] not in operators:
                        raise LineRefused(f"The shell operator {found[0]} is not taken here.")
                    tokens.append((found[0], at))
            else:
                start = start if runs else at
                quoted = quoted or kind != "bare"
                runs.append(literal(found))
            at = found.end()
        return [*tokens, Word("".join(runs), start, at, quoted)] if runs else tokens

    return scan


_PATH_WORD: Final = re.compile(r"/?(?:[A-Za-z][A-Za-z0-9-]*|\.\.)?(?:/(?:[A-Za-z][A-Za-z0-9-]*|\.\.))*/?\Z", re.ASCII)
_ROUTEROS_TOKEN: Final = re.compile(
    r"""(?P<blank> +)|(?P<mark>[;\[\]])|(?P<word>(?:[^ ;"\[\](){}$`\\#?\x80-\U0010ffff]+|"(?:[^"\\$]|\\.)*")+)"""
)
_ROUTEROS_ESCAPE: Final = re.compile(r"\\([0-9A-Fa-f]{2}|.)")
_ROUTEROS_PLAIN: Final = {'"': '"', "\\": "\\", "$": "$", "?": "?", "_": " "}


def _routeros_scanner(spec: LexerSpec) -> Callable[[str], list[_Token]]:
    """Words of the RouterOS console: menus between slashes, `key="value"`, brackets as words of their own.

    Nothing that the console would work out is taken: no variables, no expressions, no blocks. Source: MikroTik's manual
    of the scripting language, "Line structure" and "Constant escape sequences".
    """
    forbidden = frozenset(spec.forbid)

    def scan(line: str) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        path = True  # whether words may still name menus
        glue = False
        while at < len(line):
            found = _ROUTEROS_TOKEN.match(line, at)
            if found is None:
                raise LineRefused("The line holds something that only a script may: quotes, brackets or variables.")
            text, start, at = found[0], at, found.end()
            if found.lastgroup == "mark" and text == ";":
                tokens.append((";", start))
                path = True
            elif found.lastgroup == "mark":
                tokens.append(Word(text, start, at))
                path = False
            elif found.lastgroup == "word":
                if glue:
                    raise LineRefused("Quotes stand inside a word; put blanks around a quoted value.")
                if '"' not in text and not forbidden.isdisjoint(text):
                    raise LineRefused(f"A character is not taken here ({_shown(forbidden & set(text))}); use quotes.")
                if text[0] == "/" and tokens and isinstance(tokens[-1], Word):
                    raise LineRefused("A path that begins with a slash can only stand first.")
                path = path and _PATH_WORD.match(text) is not None
                tokens += _menu_words(text, start) if path else [_routeros_word(text, start)]
            glue = found.lastgroup == "word"
        return tokens

    return scan


def _menu_words(text: str, start: int) -> list[_Token]:
    """The words of `/ip/address`; an empty first one says that the path begins at the top."""
    words: list[_Token] = []
    for index, word in enumerate(text.split("/")):
        if word or index == 0:
            words.append(Word(word, start, start + len(word)))
        start += len(word) + 1
    return words


def _routeros_word(text: str, start: int) -> Word:
    """A word without its quotes. What follows the first quote must be all there is to it: `key="value"`."""
    head, quote, rest = text.partition('"')
    if not quote:
        return Word(text, start, start + len(text))
    if not rest.endswith('"') or (head and head[-1] not in "=~<>") or _inner_quote(rest[:-1]):
        raise LineRefused('Quotes stand inside a word; write key="value".')
    return Word(head + _unescaped(rest[:-1]), start, start + len(text), quoted=not head)


def _inner_quote(text: str) -> bool:
    return '"' in _ROUTEROS_ESCAPE.sub("", text)


def _unescaped(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) == 2:
            return chr(0xDC00 + int(code, 16)) if int(code, 16) > 0x7F else chr(int(code, 16))
        if code not in _ROUTEROS_PLAIN:
            raise LineRefused(f"The escape \\{code} is not taken here.")
        return _ROUTEROS_PLAIN[code]

    value = _ROUTEROS_ESCAPE.sub(plain, text)
    try:
        value = value.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError as error:
        raise LineRefused("An escaped character is not UTF-8.") from error
    if not value.isprintable():
        raise LineRefused("The line holds a character that cannot be printed.")
    return value


_SCANNERS: Final[dict[str, Callable[[LexerSpec], Callable[[str], list[_Token]]]]] = {
    "words": _word_scanner,
    "shell-strict": _shell_scanner,
    "routeros": _routeros_scanner,
}


def _shown(characters: set[str] | frozenset[str]) -> str:
    return " ".join(sorted(characters))


def _assemble(text: str, tokens: list[_Token], spec: LexerSpec, *, help: bool) -> Line:  # noqa: A002 - the field's name
    commands: list[Command] = []
    joins: list[str] = []
    segments: list[list[Word]] = [[]]
    end = 0
    for token in tokens:
        if isinstance(token, Word):
            segments[-1].append(token)
            end = token.end
        elif token[0] == spec.filter_char:
            segments.append([])
            end = token[1] + 1
        else:
            commands.append(_command(segments, end, spec))
            joins.append(token[0])
            segments = [[]]
    if segments == [[]] and joins[-1:] == [";"] and spec.kind != "words":
        joins.pop()  # shells and RouterOS end a command with ; as well
    elif segments != [[]] or commands:
        commands.append(_command(segments, end, spec))
    return Line(text, tuple(commands), tuple(joins), help)


def _command(segments: list[list[Word]], end: int, spec: LexerSpec) -> Command:
    if not segments[0] or not all(segments[1:]):
        raise LineRefused("A command is missing beside a separator or filter sign.")
    words = tuple(segments[0])
    absolute = spec.kind == "routeros" and not words[0].quoted and (not words[0].text or words[0].text[0] == ":")
    if absolute and not words[0].text:
        words = words[1:]
    return Command(words, tuple(map(tuple, segments[1:])), end, absolute)
