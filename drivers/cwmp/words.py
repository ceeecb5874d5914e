"""Words that people know (`show wifi`, `set wifi channel 11`, `diagnose ping`) as paths of the two data models. Pure.

The one table is `words.yaml`. Counterparts: the policy judges a word as the paths that it means here; the driver's
plans (`drivers.cwmp.plans`) read and write those very paths.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from drivers.cwmp.paths import ROOTS, Model
from drivers.errors import DriverError

Band = Literal["2.4", "5", "6"]
BANDS: Final[Mapping[str, Band]] = {"2.4ghz": "2.4", "5ghz": "5", "6ghz": "6"}
Form = Literal[
    "yes_no", "object", "duration", "kib", "percent", "or_auto", "kbit", "bit", "tenth_db", "ms", "dbm", "milli_dbm"
]
"""How a value is written: a boolean; paths of objects without their root; and numbers: seconds, KiB, percent, any where
less than 0 means automatic, kbit/s, bit/s, tenths of a dB, milliseconds, dBm, thousandths of a dBm."""

TYPED: Final = "@"
"""In `writes`: the value that was typed."""

_PATTERN: Final = re.compile(r"(?:Device|InternetGatewayDevice)(?:\.(?:[A-Za-z][A-Za-z0-9]*|\{i\}))+\.?\Z")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*)*\Z")


class BadWord(DriverError):
    """A word that the table does not have, or a value that it does not take."""


def _pattern(text: str) -> str:
    if _PATTERN.match(text) is None:
        raise ValueError(f"{text!r} is no path with {{i}} for instances")
    return text


def _object(text: str) -> str:
    if not _pattern(text).endswith("."):
        raise ValueError(f"{text!r} is no object; it ends in a dot")
    return text


def _leaf(text: str) -> str:
    if _NAME.match(text) is None:
        raise ValueError(f"{text!r} is no name of a parameter")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
Object = Annotated[str, AfterValidator(_object)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Column(_Strict):
    """One value: its plain name, the parameter, and how it is written."""

    title: str
    name: Annotated[str, AfterValidator(_leaf)]
    form: Form | None = Field(default=None, alias="as")


class Table(_Strict):
    """A table of `show`: one line for each instance of `each`, or one for each column if it has no `{i}`."""

    title: str
    each: Object
    columns: tuple[Column, ...] = Field(min_length=1)

    @property
    def patterns(self) -> tuple[str, ...]:
        """All parameters that it reads."""
        return tuple(self.each + column.name for column in self.columns)


class _Topic(_Strict):
    title: str
    tr181: tuple[Table, ...]
    tr098: tuple[Table, ...]


class Pick(_Strict):
    """Which instances a word means, and where their band is read."""

    each: Object
    band: tuple[Pattern, ...] = ()
    first: bool = False
    """Of each band only the first one."""


class _Writes(_Strict):
    pick: str | None = None
    one: bool = False
    writes: Mapping[str, Mapping[Pattern, str]] = Field(min_length=1)


class _Setting(_Strict):
    takes: str
    numbers: tuple[int, int] | None = None
    bytes: tuple[int, int] | None = None
    secret: bool = False
    band_of_value: bool = False
    tr181: _Writes | None = None
    tr098: _Writes | None = None

    @model_validator(mode="after")
    def _bounds(self) -> "_Setting":
        for model in (self.tr181, self.tr098):
            if model is not None and ("number" in model.writes) is (self.numbers is None):
                raise ValueError("`numbers` are the bounds of writes.number")
            if model is not None and ("text" in model.writes) is (self.bytes is None):
                raise ValueError("`bytes` are the bounds of writes.text")
        return self


class Rows(_Strict):
    """Results of a test that are many; `each` stands below the test's object."""

    each: str
    columns: tuple[Column, ...] = Field(min_length=1)


class Test(_Strict):
    """One test of one data model."""

    __test__ = False

    at: Object
    inputs: Mapping[Literal["target", "server", "count", "size"], str]
    fixed: Mapping[str, str] = Field(default_factory=dict)
    columns: tuple[Column, ...]
    rows: Rows | None = None

    @property
    def state(self) -> str:
        """Path of DiagnosticsState."""
        return f"{self.at}DiagnosticsState"

    @property
    def written(self) -> tuple[str, ...]:
        """All parameters that starting it writes."""
        return (*(self.at + name for name in (*self.inputs.values(), *self.fixed)), self.state)

    @property
    def read(self) -> tuple[str, ...]:
        """All parameters, with `{i}`, that its results are read from."""
        rows = (
            () if self.rows is None else tuple(self.at + self.rows.each + column.name for column in self.rows.columns)
        )
        return (self.state, *(self.at + column.name for column in self.columns), *rows)


class _Tests(_Strict):
    seconds: int
    tr181: Test | None = None
    tr098: Test | None = None


class _Book(_Strict):
    show: Mapping[str, _Topic]
    set: Mapping[str, Mapping[str, _Setting]]
    picks: Mapping[str, Pick]
    tests: Mapping[str, _Tests]

    @model_validator(mode="after")
    def _picks_exist(self) -> "_Book":
        for settings in self.set.values():
            for word, setting in settings.items():
                for model in (setting.tr181, setting.tr098):
                    if model is not None and model.pick is not None and model.pick not in self.picks:
                        raise ValueError(f"set {word}: there is no pick {model.pick!r}")
        return self


@dataclass(frozen=True, slots=True)
class Setting:
    """What `set TOPIC WORD` writes on one data model."""

    topic: str
    word: str
    takes: str
    """What the value may be, in words."""
    secret: bool
    pick: Pick | None
    """None: the paths have no instances."""
    band: Band | None
    """Only instances of this band are meant."""
    one: bool
    """There must be exactly one such instance."""
    band_of_value: bool
    _cases: Mapping[str, Mapping[str, str]] = field(repr=False)
    _numbers: tuple[int, int] | None
    _bytes: tuple[int, int] | None

    @property
    def patterns(self) -> tuple[str, ...]:
        """Every path, with `{i}`, that it can write."""
        return tuple(dict.fromkeys(path for case in self._cases.values() for path in case))

    @property
    def choices(self) -> tuple[str, ...]:
        """Values that are words, for completion."""
        return tuple(case for case in self._cases if case not in ("number", "text"))

    def writes(self, value: str) -> tuple[tuple[str, str], ...]:
        """(path with `{i}`, value to write) for the value that was typed. Raises `BadWord`, which repeats no value."""
        case = self._case(value)
        if case is None:
            raise BadWord(f"set {self.topic} {self.word} takes {self.takes}.")
        number = str(int(value)) if case == "number" else value
        return tuple((path, number if text == TYPED else text) for path, text in self._cases[case].items())

    def band_meant(self, value: str) -> Band | None:
        """The band that the line means: the one that was named, or the one that a channel belongs to."""
        if self.band is not None or not self.band_of_value or not value.isdigit():
            return self.band
        return band_of(value)

    def _case(self, value: str) -> str | None:
        if value.lower() in self.choices:
            return value.lower()
        if self._numbers is not None and re.fullmatch(r"[0-9]{1,10}", value, re.ASCII):
            return "number" if self._numbers[0] <= int(value) <= self._numbers[1] else None
        if self._bytes is None or any(not char.isprintable() for char in value):
            return None
        return "text" if self._bytes[0] <= len(value.encode("utf-8", "replace")) <= self._bytes[1] else None


class Words:
    """The table. `root` is `Device.` or `InternetGatewayDevice.`."""

    def __init__(self, book: _Book) -> None:
        self._book = book

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics of `show`."""
        return tuple(self._book.show)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of tests."""
        return tuple(self._book.tests)

    def settable(self) -> tuple[tuple[str, str, str], ...]:
        """Every (topic, word, what it takes) of `set`."""
        return tuple(
            (topic, word, setting.takes)
            for topic, settings in self._book.set.items()
            for word, setting in settings.items()
        )

    def title(self, topic: str) -> str:
        """What a topic is about, in plain words."""
        return self._topic(topic).title

    def tables(self, topic: str, root: str) -> tuple[Table, ...]:
        """What `show TOPIC` prints. Raises `BadWord`."""
        found = self._topic(topic)
        return found.tr181 if _model(root) == "tr181" else found.tr098

    def show(self, topic: str, root: str) -> tuple[str, ...]:
        """Every path, with `{i}`, that `show TOPIC` reads. Raises `BadWord`."""
        return tuple(dict.fromkeys(path for table in self.tables(topic, root) for path in table.patterns))

    def setting(self, topic: str, word: str, root: str) -> Setting:
        """What `set TOPIC WORD` means; `wifi-5ghz` is the topic `wifi` in one band. Raises `BadWord`."""
        plain, _, named = topic.partition("-")
        settings = self._book.set.get(plain)
        band = BANDS.get(named)
        if settings is None or (named and (band is None or plain != "wifi")):
            raise BadWord(f"There is no set {topic[:40]}; there are: {', '.join(self._book.set)}.")
        setting = settings.get(word)
        if setting is None:
            raise BadWord(f"There is no set {plain} {word[:40]}; there are: {', '.join(settings)}.")
        writes = setting.tr181 if _model(root) == "tr181" else setting.tr098
        if writes is None:
            raise BadWord(f"Routers of this kind ({_model(root)}) have no common way to set {plain} {word}.")
        return Setting(
            topic=topic,
            word=word,
            takes=setting.takes,
            secret=setting.secret,
            pick=None if writes.pick is None else self._book.picks[writes.pick],
            band=band,
            one=writes.one,
            band_of_value=setting.band_of_value,
            _cases=writes.writes,
            _numbers=setting.numbers,
            _bytes=setting.bytes,
        )

    def test(self, kind: str, root: str) -> Test:
        """How `diagnose KIND` is done. Raises `BadWord`."""
        tests = self._book.tests.get(kind)
        if tests is None:
            raise BadWord(f"There is no test {kind[:40]}; there are: {', '.join(self._book.tests)}.")
        test = tests.tr181 if _model(root) == "tr181" else tests.tr098
        if test is None:
            raise BadWord(f"Routers of this kind ({_model(root)}) have no test {kind}.")
        return test

    def seconds(self, kind: str) -> int:
        """How long a test may take."""
        return self._book.tests[kind].seconds

    def typed(self, words: tuple[str, ...]) -> tuple[str, str, str, int | None]:
        """(topic, word, value, instance) of what people type behind `set`: `wifi channel 11`, `wifi 5ghz channel 36`,
        `wifi 2 power 80`, `wifi off`, `wan reconnect`. Raises `BadWord`."""
        if not words or words[0].lower() not in self._book.set:
            raise BadWord(f"set takes a path and its value, or one of: {', '.join(self._book.set)}.")
        topic, rest, instance = words[0].lower(), list(words[1:]), None
        if topic == "wifi" and rest and rest[0].lower() in BANDS:
            topic = f"{topic}-{rest.pop(0).lower()}"
        elif len(rest) > 1 and re.fullmatch(r"[1-9][0-9]{0,4}", rest[0], re.ASCII):
            instance = int(rest.pop(0))
        if topic.startswith("wifi") and len(rest) == 1 and rest[0].lower() in ("on", "off"):
            rest = ["radio", rest[0]]
        if topic == "wan" and [word.lower() for word in rest] == ["reconnect"]:
            rest.append("now")
        if len(rest) != 2:
            found = self._book.set[words[0].lower()]
            if rest and rest[0].lower() in found:
                raise BadWord(f"set {topic} {rest[0].lower()} takes {found[rest[0].lower()].takes}.")
            known = "; ".join(f"set {topic} {word}: {setting.takes}" for word, setting in found.items())
            raise BadWord(f"There are: {known}.")
        return topic, rest[0].lower(), rest[1], instance

    def _topic(self, topic: str) -> _Topic:
        found = self._book.show.get(topic)
        if found is None:
            raise BadWord(f"There is no show {topic[:40]}; there are: {', '.join(self._book.show)}.")
        return found


def band_of(text: str) -> Band | None:
    """The band in what a router says of itself: `5GHz`, or the number of a channel. None: it does not tell."""
    named = re.search(r"(2\.4|5|6)\s*GHz", text, re.IGNORECASE)
    if named is not None:
        return BANDS[f"{named[1]}ghz"]
    if re.fullmatch(r"[0-9]{1,3}", text.strip(), re.ASCII) is None or int(text) == 0:
        return None
    return "2.4" if int(text) <= 14 else "5"


def _model(root: str) -> Model:
    model = ROOTS.get(root)
    if model is None:
        raise BadWord(f"{root[:40]!r} is no data model that is known here.")
    return model


def read_words(text: str) -> Words:
    """The table in `text`. Raises `DriverError` naming the place and the fault."""
    try:
        return Words(_Book.model_validate(yaml.safe_load(text)))
    except yaml.YAMLError as error:
        raise DriverError("words.yaml is not valid YAML.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DriverError(f"words.yaml: {where}: {first['msg'].removeprefix('Value error, ')}.") from error


@cache
def words() -> Words:
    """The table that ships."""
    return read_words(files("drivers.cwmp").joinpath("words.yaml").read_text(encoding="utf-8"))
