"""What single models of CPE do otherwise than TR-069 says, and how to get on with them. Pure; the rows are data.

The rows are in `config/quirks.yaml`: a row names models and what is to be done otherwise for them; none is for
everybody. Counterparts: `drivers.cwmp.codec.envelope` writes by them; driver, hub and Connection Requests go by them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from drivers.cwmp.device import DeviceId
from drivers.errors import DriverError


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How to speak to one model. The defaults are the protocol's."""

    boolean_form: Literal["true", "1"] = "true"
    """How true is written (false alike)."""
    strip_milliseconds: bool = False
    """Write times without fractions of a second."""
    root_path_names: bool = False
    """Ask for the names below `Device.` instead of those of the empty path."""
    next_level_walk: bool = False
    """Ask for names one level at a time: all at once is too much for it."""
    batch: int = 32
    """Names in one GetParameterValues."""
    basic_connection_request: bool = False
    """Its Connection Request takes Basic; without this Basic is never sent."""
    fresh_connection_request: bool = False
    """It closes after its challenge: the answer goes over a new connection at once."""
    no_transfer_complete_minutes: int | None = None
    """It may never tell how a transfer ended; after so many minutes that is unknown."""
    short_content_length: bool = False
    """Its Content-Length counts characters, not bytes."""
    no_bootstrap: bool = False
    """A factory reset is not told as 0 BOOTSTRAP."""


STRICT = Quirks()
"""Errors that single models make are not expected here; the reading side is tolerant for all."""

MOST_ROWS: Final = 1000
_KEYS: Final = tuple(field.name for field in fields(Quirks))


def _glob(text: str) -> str:
    """A pattern of letters as they are and `*`; matched without regard to case."""
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise ValueError(f"{text!r} holds a control character")
    if not text.replace("*", "").strip():
        raise ValueError(
            f"{text!r} matches everything; a quirk belongs to models, leave the key out if it does not matter"
        )
    return text


Glob = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_glob)]


def _oui(text: str) -> str:
    if re.fullmatch(r"[0-9A-Fa-f]{6}", text, re.ASCII) is None:
        raise ValueError(f"{text!r} is no OUI; write six hexadecimal digits in quotes")
    return text


Oui = Annotated[str, AfterValidator(_oui)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Match(_Strict):
    """Which models a row is for: all that is given must fit. `*` stands for any characters, case does not matter."""

    oui: Oui | None = None
    product_class: Glob | None = None
    software: Glob | None = None
    """Of the Inform's `DeviceInfo.SoftwareVersion`."""

    @model_validator(mode="after")
    def _names_a_model(self) -> "Match":
        if self.oui is None and self.product_class is None:
            raise ValueError("give oui, product_class or both: quirks belong to models, never to everybody")
        return self

    def fits(self, device: DeviceId, software: str) -> bool:
        """Whether `device` with that `software` (empty: not told) is meant."""
        return (
            (self.oui is None or self.oui.upper() == device.oui.upper())
            and (self.product_class is None or _fits(self.product_class, device.product_class))
            and (self.software is None or _fits(self.software, software))
        )


class Changes(_Strict):
    """What a row sets; the same keys as `Quirks`."""

    boolean_form: Literal["true", "1"] | None = None
    strip_milliseconds: bool | None = None
    root_path_names: bool | None = None
    next_level_walk: bool | None = None
    batch: int | None = Field(default=None, ge=1, le=256)
    basic_connection_request: bool | None = None
    fresh_connection_request: bool | None = None
    no_transfer_complete_minutes: int | None = Field(default=None, ge=1, le=1440)
    short_content_length: bool | None = None
    no_bootstrap: bool | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> "Changes":
        if not self.as_mapping():
            raise ValueError("set at least one of " + ", ".join(_KEYS))
        return self

    def as_mapping(self) -> Mapping[str, Any]:
        """Only what is set."""
        return {key: getattr(self, key) for key in _KEYS if getattr(self, key) is not None}


class Row(_Strict):
    """One row: for which models, what, and how that is known."""

    match: Match
    set: Changes
    why: str = Field(min_length=10, max_length=400)


class QuirkRows(_Strict):
    """The file: `quirks:` and its rows. Later rows win over earlier ones."""

    quirks: tuple[Row, ...] = Field(max_length=MOST_ROWS, strict=False)


@dataclass(frozen=True, slots=True)
class QuirkBook:
    """All rows. Immutable."""

    rows: tuple[Row, ...] = ()

    @classmethod
    def load(cls, path: Path) -> "QuirkBook":
        """From the YAML file at `path`. Raises `DriverError` that names file, row and key."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise DriverError(f"{path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise DriverError(f"{path} is not UTF-8.") from error
        return cls.parse(str(path), text)

    @staticmethod
    def shipped() -> "QuirkBook":
        """The rows that come with the gateway."""
        return _shipped()

    @classmethod
    def parse(cls, name: str, text: str) -> "QuirkBook":
        """From the YAML `text` of file `name`. Raises `DriverError` that names file, row and key."""
        try:
            return cls(QuirkRows.model_validate(yaml.safe_load(text)).quirks)
        except (yaml.YAMLError, RecursionError) as error:
            raise DriverError(f"{name} is not valid YAML.") from error
        except ValidationError as error:
            raise DriverError(f"{name}: {_first(error)}") from error

    def for_device(self, device: DeviceId, software: str = "") -> Quirks:
        """How to speak to `device`; where rows disagree, the last one that fits wins."""
        quirks = STRICT
        for row in self.rows:
            if row.match.fits(device, software):
                quirks = replace(quirks, **row.set.as_mapping())
        return quirks


@cache
def _shipped() -> QuirkBook:
    return QuirkBook.parse("quirks.yaml", files("config").joinpath("quirks.yaml").read_text(encoding="utf-8"))


def _first(error: ValidationError) -> str:
    """The first fault in words: `row 2: set.batch: ...`."""
    first = error.errors(include_url=False)[0]
    place = list(first["loc"])
    where = ""
    if place[:1] == ["quirks"] and len(place) > 1 and isinstance(place[1], int):
        where, place = f"row {place[1] + 1}: ", place[2:]
    key = ".".join(str(part) for part in place)
    if first["type"] == "extra_forbidden":
        known = ", ".join(_KEYS if place[:1] == ["set"] else ("oui", "product_class", "software"))
        return f"{where}{key} is not known here" + (
            f"; known are {known}." if place[:1] in (["set"], ["match"]) else "."
        )
    return f"{where}{key + ': ' if key else ''}{first['msg'].removeprefix('Value error, ')}."


def _fits(glob: str, text: str) -> bool:
    """Whether all of `text` is what `glob` says. The first place for each part between stars is as good as any, so
    nothing is tried twice."""
    first, *rest = glob.lower().split("*")
    text = text[:256].lower()
    if not rest:
        return text == first
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
