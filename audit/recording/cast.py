"""Terminal recordings as asciicast: version 3 written and parsed, version 2 written for older players.

Formats: docs.asciinema.org/manual/asciicast/v3 and v2. Both are lines of JSON: a header, then `[time, code, data]`. In
version 3 time is the interval since the event before (so that chunks can be joined) and `#` begins a comment; in
version 2 time runs from the start. Pure.

Here time is always whole microseconds since the start of the recording, so that nothing drifts by rounding.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Final, Literal, TypeAlias, cast, get_args

from audit.recording.errors import BadRecording

Code = Literal["o", "i", "m", "r", "x"]
"""Output; approved line; marker; resize (`80x24`); exit status."""

MOST_COLUMNS: Final = 1000
MOST_ROWS: Final = 500
"""A terminal that says that it is larger is recorded as this: players set memory aside for every place."""

_CODES: Final = get_args(Code)
_SIZE: Final = re.compile(r"[1-9][0-9]{0,4}x[1-9][0-9]{0,4}\Z")
_STATUS: Final = re.compile(r"-?[0-9]{1,10}\Z")
_MICROSECONDS: Final = 1_000_000
_LONGEST: Final = 10 * 365 * 86_400 * _MICROSECONDS


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in the first line. `timestamp` is Unix time of the start, in seconds."""

    width: int
    height: int
    timestamp: int | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened `at` microseconds after the start."""

    at: int
    code: Code
    data: str


def size_text(width: int, height: int) -> str:
    """The data of a resize, for a size as a client tells it."""
    return f"{min(max(1, width), MOST_COLUMNS)}x{min(max(1, height), MOST_ROWS)}"


@dataclass(frozen=True, slots=True)
class Comment:
    """A line for the human reader of the file; version 2 has none."""

    text: str


Item: TypeAlias = Event | Comment


@dataclass(frozen=True, slots=True)
class Cast:
    """A whole recording."""

    header: Header
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class CommandMark:
    """The marker of a command: its number in the session, its verdict, and the index of its entry in the log."""

    n: int
    verdict: str
    entry_index: int | None = None

    def label(self) -> str:
        """The marker's text: `cmd 7 allow entry 1042`."""
        where = "" if self.entry_index is None else f" entry {self.entry_index}"
        return f"cmd {self.n} {self.verdict}{where}"

    @staticmethod
    def parse(label: str) -> "CommandMark | None":
        """The mark behind a marker's text; none if it marks something else."""
        match = _MARK.match(label)
        if match is None:
            return None
        return CommandMark(int(match[1]), match[2], None if match[3] is None else int(match[3]))


_MARK: Final = re.compile(r"cmd ([0-9]{1,15}) ([^ \x00-\x1f]+)(?: entry ([0-9]{1,15}))?\Z")


# --- writing ----------------------------------------------------------------------------------------------------------


def header_line(header: Header) -> str:
    """The first line of a version 3 file, with its line end."""
    fields: dict[str, object] = {"version": 3, "term": {"cols": header.width, "rows": header.height}}
    return _header(fields, header)


def event_lines(items: Iterable[Item], since: int) -> str:
    """Version 3 lines of `items`, the first interval counted from `since` (microseconds). Times MUST NOT go back."""
    lines = []
    for item in items:
        match item:
            case Event(at, code, data):
                lines.append(_event(at - since, code, data))
                since = at
            case Comment(text):
                lines.append(f"# {_one_line(text)}\n")
    return "".join(lines)


def render_v3(header: Header, items: Iterable[Item]) -> Iterator[str]:
    """The lines of a version 3 file."""
    yield header_line(header)
    since = 0
    for item in items:
        yield event_lines((item,), since)
        if isinstance(item, Event):
            since = item.at


def render_v2(header: Header, items: Iterable[Item]) -> Iterator[str]:
    """The lines of a version 2 file. Comments and the exit status are left out: that version has no place for them."""
    yield _header({"version": 2, "width": header.width, "height": header.height}, header)
    for item in items:
        if isinstance(item, Event) and item.code != "x":
            yield _event(item.at, item.code, item.data)


def _header(fields: dict[str, object], header: Header) -> str:
    if header.timestamp is not None:
        fields["timestamp"] = header.timestamp
    if header.title is not None:
        fields["title"] = header.title
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"


def _event(time: int, code: Code, data: str) -> str:
    # The C functions behind `json.dumps`: alone they are several times cheaper for short events, and the one for ASCII
    # is nearly twice as fast as the other. The code needs no escaping.
    text = encode_basestring_ascii(data) if data.isascii() else encode_basestring(data)
    return f'[{_seconds(time)},"{code}",{text}]\n'


def _seconds(microseconds: int) -> str:
    whole, rest = divmod(microseconds, _MICROSECONDS)
    assert whole >= 0, "time went back"
    return f"{whole}.{rest:06d}".rstrip("0") if rest else f"{whole}.0"


def _one_line(text: str) -> str:
    return " ".join(text.split())


# --- parsing ----------------------------------------------------------------------------------------------------------


def parse_v3(text: str) -> Cast:
    """The recording in a version 3 file. Raises `BadRecording`, naming the line, for anything the format lacks."""
    first, _, rest = text.partition("\n")
    return Cast(parse_header(first), tuple(parse_events(rest, 0, first_line=2)))


def parse_header(line: str) -> Header:
    """The header in the first line of a version 3 file. Raises `BadRecording`."""
    value = _json(line, 1)
    if not isinstance(value, dict) or value.get("version") != 3:
        raise BadRecording("Line 1 is not the header of an asciicast version 3.")
    if unknown := value.keys() - {"version", "term", "timestamp", "title"}:
        raise BadRecording(f"The header has keys that no recording of this gateway has: {', '.join(sorted(unknown))}.")
    term = value.get("term")
    if not isinstance(term, dict) or term.keys() != {"cols", "rows"}:
        raise BadRecording("The header needs `term` with `cols` and `rows`.")
    timestamp, title = value.get("timestamp"), value.get("title")
    if timestamp is not None and (not _is_int(timestamp) or timestamp < 0):
        raise BadRecording("The header's `timestamp` is not a whole number of seconds.")
    if title is not None and not isinstance(title, str):
        raise BadRecording("The header's `title` is not a text.")
    return Header(_dimension(term["cols"]), _dimension(term["rows"]), timestamp, title)


def parse_events(text: str, since: int, *, first_line: int = 1) -> Iterator[Item]:
    """The items in version 3 lines that follow a header or another chunk, which ended at `since` microseconds.

    Raises `BadRecording` at the first line that is not one.
    """
    if text and not text.endswith("\n"):
        raise BadRecording("The recording breaks off in the middle of a line.")
    # Not `splitlines`, which would cut at U+2028 and others that JSON leaves unescaped.
    for number, line in enumerate(text.split("\n")[:-1], first_line):
        if line.startswith("#"):
            yield Comment(line[1:].strip())
            continue
        event = _parse_event(_json(line, number), number, since)
        since = event.at
        yield event


def _parse_event(value: object, number: int, since: int) -> Event:
    if not isinstance(value, list) or len(value) != 3:
        raise BadRecording(f"Line {number} is not an event of three parts.")
    interval, code, data = value
    if code not in _CODES:
        raise BadRecording(f"Line {number} has an event code that is none of {', '.join(_CODES)}.")
    if not isinstance(data, str):
        raise BadRecording(f"Line {number} has event data that is not a text.")
    if (code == "r" and not _SIZE.match(data)) or (code == "x" and not _STATUS.match(data)):
        raise BadRecording(f"Line {number} has event data that does not fit its code.")
    return Event(since + _microseconds(interval, number), cast("Code", code), data)


def _microseconds(interval: object, number: int) -> int:
    if not _is_int(interval) and not isinstance(interval, Decimal):
        raise BadRecording(f"Line {number} has an interval that is not a number.")
    scaled = Decimal(cast("int | Decimal", interval)) * _MICROSECONDS
    if not 0 <= scaled <= _LONGEST:
        raise BadRecording(f"Line {number} has an interval that is negative or absurdly long.")
    return int(scaled)


def _json(line: str, number: int) -> object:
    try:
        value: object = json.loads(line, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise BadRecording(f"Line {number} is not JSON.") from error
    return value


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _dimension(value: object) -> int:
    if not _is_int(value) or not 1 <= cast("int", value) <= 99_999:
        raise BadRecording("The header's terminal size is not a pair of positive numbers.")
    return cast("int", value)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
