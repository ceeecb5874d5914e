"""The command lines of a CWMP router as values, and their one spelling. Pure.

Counterparts: `gateway.policy.cwmp`, which makes them of what a rep typed, and `drivers.cwmp.driver`, which carries out
what was recorded.

`spell` and `parse_canonical` are exact inverses. A canonical line ends in ` with cap,cap` if reading rights went into
it: what the driver may show is part of the record. A rep cannot type that.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, assert_never, get_args

from drivers.cwmp.paths import BadPath, canonical
from drivers.errors import DriverError

Kind = Literal["ping", "trace", "dns", "download", "upload", "wifi"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

LONGEST_VALUE: Final = 4096
"""Bytes of a value."""
LONGEST_LINE: Final = 8192
"""Characters of a line, as it is typed and as it is sent."""


class BadLine(DriverError):
    """A line that is not in the one spelling, or that nothing here understands."""


@dataclass(frozen=True, slots=True)
class Get:
    """Values of parameters, or of all below partial paths."""

    paths: tuple[str, ...]
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Set:
    """Values to write, all or none."""

    pairs: tuple[tuple[str, str], ...] = field(repr=False)
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetWord:
    """`set wifi channel 11`: `topic` and `word` of the table of words, and the value. `instance` picks one of several
    (`set wifi 2 channel 11`), None all that the table means."""

    topic: str
    word: str
    value: str = field(repr=False)
    instance: int | None = None
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """Names below a path, with what can be written; an empty path is the root."""

    path: str = ""
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attributes:
    """Notification settings of parameters."""

    paths: tuple[str, ...]
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Add:
    """A new instance of an object. `pairs`: parameters below the instance and their values."""

    path: str
    pairs: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """An instance of an object, gone."""

    path: str
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Show:
    """A topic of the table of words."""

    topic: str
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnose:
    """A test that the router runs. `target`: a host, a name to look up, a URL; empty for `wifi`."""

    kind: Kind
    target: str = ""
    server: str = ""
    """`dns` alone: the name server to ask."""
    count: int | None = None
    """`ping` alone: packets."""
    size: int | None = None
    """`ping`: bytes of a packet; `upload`: bytes of the file."""
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Firmware:
    """Software by its name in the provider's approved list."""

    file: str
    caps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plain:
    """A command of one word."""

    word: Literal["reboot", "factory-reset", "undo", "methods", "exit"]
    caps: tuple[str, ...] = ()


Command: TypeAlias = Get | Set | SetWord | Names | Attributes | Add | Delete | Show | Diagnose | Firmware | Plain
PLAIN: Final = ("reboot", "factory-reset", "undo", "methods", "exit")

# --- words ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line. `start` and `end` are where it stood, quotes included."""

    text: str = field(repr=False)
    quoted: bool
    start: int
    end: int


_BARE: Final = re.compile(r"[A-Za-z0-9._:/-]+", re.ASCII)
_TYPED: Final = re.compile(r"""[^\s"'\\]+""")
_CAP: Final = re.compile(r"[a-z_]+(?:\.[a-z_]+)+\Z", re.ASCII)
_TOPIC: Final = re.compile(r"[a-z]+(?:-[0-9.]+ghz)?\Z", re.ASCII)
_WITH: Final = "with"


def words_of(text: str) -> tuple[Word, ...]:
    """`text` cut at blanks. Quotes begin and end with a word; in double ones a backslash stands before a quote or a
    backslash, in single ones every character is itself. Raises `BadLine`."""
    if len(text) > LONGEST_LINE:
        raise BadLine(f"The line is longer than {LONGEST_LINE} characters.")
    if not text.isprintable() and any(not char.isprintable() for char in text.replace("\t", " ")):
        raise BadLine("The line holds a character that cannot be printed; type it again.")
    found: list[Word] = []
    at = 0
    while True:
        while at < len(text) and text[at] in " \t":
            at += 1
        if at == len(text):
            return tuple(found)
        word = _quoted(text, at) if text[at] in "\"'" else _unquoted(text, at)
        if word.end < len(text) and text[word.end] not in " \t":
            raise BadLine("Quotes go around a whole word, with a blank after them; a backslash stands in quotes only.")
        found.append(word)
        at = word.end


def _unquoted(text: str, at: int) -> Word:
    match = _TYPED.match(text, at)
    if match is None:
        raise BadLine("A backslash stands in quotes only.")
    return Word(match[0], False, at, match.end())


def _quoted(text: str, at: int) -> Word:
    mark, start, value = text[at], at, list[str]()
    at += 1
    while at < len(text):
        char = text[at]
        if char == mark:
            return Word("".join(value), True, start, at + 1)
        if char == "\\" and mark == '"':
            at += 1
            if at == len(text) or text[at] not in '"\\':
                raise BadLine('In double quotes a backslash stands before " or another backslash only.')
            char = text[at]
        value.append(char)
        at += 1
    raise BadLine("A quotation mark is missing at the end.")


def spell_value(value: str) -> str:
    """A value as it stands in a line."""
    if _BARE.fullmatch(value) and value != _WITH:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


# --- spelling ---------------------------------------------------------------------------------------------------------


def spell(command: Command, *, hide: frozenset[int] = frozenset(), hidden: str = "<redacted>") -> str:
    """The line of `command`. For the record: values of the pairs numbered in `hide` (0 of a SetWord) as `hidden`."""
    words = _spelled(command, hide, hidden)
    return " ".join([*words, *([_WITH, ",".join(command.caps)] if command.caps else [])])


def _spelled(command: Command, hide: frozenset[int], hidden: str) -> list[str]:
    match command:
        case Get():
            return ["get", *command.paths]
        case Attributes():
            return ["attributes", *command.paths]
        case Set():
            return ["set", *_spelled_pairs(command.pairs, hide, hidden)]
        case SetWord():
            which = [] if command.instance is None else [str(command.instance)]
            return ["set", command.topic, *which, command.word, hidden if 0 in hide else spell_value(command.value)]
        case Names():
            return ["names", command.path] if command.path else ["names"]
        case Add():
            return ["add", command.path, *_spelled_pairs(command.pairs, hide, hidden)]
        case Delete():
            return ["delete", command.path]
        case Show():
            return ["show", command.topic]
        case Diagnose():
            return _spelled_test(command)
        case Firmware():
            return ["firmware", command.file]
        case Plain():
            return [command.word]
    assert_never(command)


def _spelled_pairs(pairs: tuple[tuple[str, str], ...], hide: frozenset[int], hidden: str) -> Iterator[str]:
    for n, (name, value) in enumerate(pairs):
        yield name
        yield hidden if n in hide else spell_value(value)


def _spelled_test(command: Diagnose) -> list[str]:
    said = [command.target] if command.target else []
    said += ["server", command.server] if command.server else []
    said += [] if command.count is None else ["count", str(command.count)]
    said += [] if command.size is None else ["size", str(command.size)]
    return ["diagnose", command.kind, *said]


# --- reading ----------------------------------------------------------------------------------------------------------


def parse_canonical(text: str) -> Command:
    """The command of a recorded line. Raises `BadLine` unless `spell` would write exactly `text`."""
    words = words_of(text)
    caps: tuple[str, ...] = ()
    if len(words) > 2 and words[-2].text == _WITH and not words[-2].quoted and not words[-1].quoted:
        caps = tuple(words[-1].text.split(","))
        if not all(_CAP.match(cap) for cap in caps) or list(caps) != sorted(set(caps)):
            raise BadLine("The reading rights at the end of the line are not in their one spelling.")
        words = words[:-2]
    command = read(words, caps)
    if spell(command) != text:
        raise BadLine("The line is not in its one spelling.")
    return command


def read(words: tuple[Word, ...], caps: tuple[str, ...] = ()) -> Command:
    """The command of `words`, whose paths are read strictly. Raises `BadLine`, `BadPath`."""
    if not words:
        raise BadLine("The line is empty.")
    head, rest = words[0].text, words[1:]
    texts = tuple(word.text for word in rest)
    if words[0].quoted:
        raise BadLine("The first word is a command and stands without quotes.")
    match head:
        case "get" | "attributes":
            if not rest:
                raise BadLine(f"{head} needs a path.")
            paths = tuple(canonical(text).text for text in texts)
            return Get(paths, caps) if head == "get" else Attributes(paths, caps)
        case "set":
            return _read_set(rest, caps)
        case "names":
            return Names(canonical(texts[0]).text if _at_most(head, rest, 1) else "", caps)
        case "add":
            return _read_add(texts, caps)
        case "delete":
            return Delete(canonical(_one(head, texts, "the path of an object")).text, caps)
        case "show" | "firmware":
            what = _one(head, texts, "a topic" if head == "show" else "the name of a file")
            return Show(what, caps) if head == "show" else Firmware(what, caps)
        case "diagnose":
            return _read_test(texts, caps)
        case "reboot" | "factory-reset" | "undo" | "methods" | "exit":
            if rest:
                raise BadLine(f"{head} stands alone.")
            return Plain(head, caps)
    raise BadLine(f"There is no command {head[:40]!r}.")


def _one(head: str, texts: tuple[str, ...], what: str) -> str:
    if len(texts) != 1 or not texts[0]:
        raise BadLine(f"{head} takes {what}, and nothing else.")
    return texts[0]


def _at_most(head: str, rest: tuple[Word, ...], count: int) -> int:
    if len(rest) > count:
        raise BadLine(f"{head} takes one path at most.")
    return len(rest)


def _read_set(rest: tuple[Word, ...], caps: tuple[str, ...]) -> Command:
    if rest and is_topic(rest[0]):
        return _read_word(rest, caps)
    if not rest or len(rest) % 2:
        raise BadLine("set takes a path and its value, or several such pairs; put a value with blanks into quotes.")
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return Set(tuple((canonical(path.text).text, _value(value.text)) for path, value in pairs), caps)


def _read_add(texts: tuple[str, ...], caps: tuple[str, ...]) -> Add:
    if len(texts) % 2 == 0:
        raise BadLine("add takes the path of an object, and then names and values in pairs; quote values with blanks.")
    path = canonical(texts[0]).text
    pairs = zip(texts[1::2], texts[2::2], strict=True)
    return Add(path, tuple((_below(path, name), _value(text)) for name, text in pairs), caps)


def _below(path: str, name: str) -> str:
    """A name as it stands below a new instance of `path`."""
    if not name or name.lower() == _WITH:  # `with` would be taken for the word before the rights
        raise BadLine("After the object, add takes names of parameters, each with its value.")
    new = f"{path.removesuffix('.')}.1."
    return canonical(new + name).text[len(new) :]


def _read_word(rest: tuple[Word, ...], caps: tuple[str, ...]) -> SetWord:
    numbered = len(rest) == 4 and re.fullmatch(r"[1-9][0-9]{0,9}", rest[1].text, re.ASCII) is not None
    if len(rest) != 3 and not numbered:
        raise BadLine("set takes a path and its value, or words such as set wifi channel 11.")
    instance = int(rest[1].text) if numbered else None
    return SetWord(rest[0].text, rest[-2].text, _value(rest[-1].text), instance, caps)


def is_topic(word: Word) -> bool:
    """Whether a word behind `set` is a topic (`wifi`, `wifi-2.4ghz`) and no path."""
    return not word.quoted and _TOPIC.match(word.text.lower()) is not None


def _value(text: str) -> str:
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_VALUE:
        raise BadLine(f"A value has at most {LONGEST_VALUE} bytes.")
    return text


def _read_test(texts: tuple[str, ...], caps: tuple[str, ...]) -> Diagnose:
    kind = next((kind for kind in KINDS if texts and kind == texts[0]), None)
    if kind is None:
        raise BadLine(f"diagnose takes one of {', '.join(KINDS)}.")
    rest = texts[1:]
    target = ""
    if kind != "wifi":
        if not rest:
            raise BadLine(f"diagnose {kind} needs {'a URL' if kind in {'download', 'upload'} else 'a host'}.")
        target, rest = rest[0], rest[1:]
    options = dict(zip(rest[::2], rest[1::2], strict=False))
    known = {"ping": ("count", "size"), "dns": ("server",), "upload": ("size",)}.get(kind, ())
    if len(rest) % 2 or len(options) * 2 != len(rest) or not set(options) <= set(known):
        takes = " and ".join(f"{name} {'HOST' if name == 'server' else 'NUMBER'}" for name in known) or "nothing"
        raise BadLine(f"After that, diagnose {kind} takes {takes}.")
    return Diagnose(
        kind=kind,
        target=target,
        server=options.get("server", ""),
        count=_number(options.get("count")),
        size=_number(options.get("size")),
        caps=caps,
    )


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text, re.ASCII):
        raise BadLine(f"{text[:20]!r} is no number.")
    return int(text)


__all__ = [
    "KINDS",
    "Add",
    "Attributes",
    "BadLine",
    "BadPath",
    "Command",
    "Delete",
    "Diagnose",
    "Firmware",
    "Get",
    "Kind",
    "Names",
    "Plain",
    "Set",
    "SetWord",
    "Show",
    "Word",
    "is_topic",
    "parse_canonical",
    "read",
    "spell",
    "spell_value",
    "words_of",
]
