"""What a scripted router says and does, as data (`drivers/lab/consoles/*.yaml`). Counterpart: `drivers.lab.scripted`.

A line is looked at by `rules` first, in their order, then among `answers`; what fits neither is an error of the
platform. Lines of a menu platform are spelled from the root, without slashes, before they are looked up.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from drivers.errors import DriverError


def _pattern(text: str) -> str:
    re.compile(text)
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ask(_Strict):
    """A question before a rule is carried out; an answer that does not begin with `agree` stops it."""

    text: str
    agree: str = "y"
    key: bool = False
    """One key answers, without Enter."""
    stay: str = ""
    """What is said after another answer."""


class Rule(_Strict):
    """Something that a line does. All of `line` must match; groups of it may stand in `push` and `say` as `\\1`."""

    mode: tuple[str, ...] = ()
    """Modes in which it holds; none: all."""
    line: Pattern
    changed: bool | None = None
    """Only if the candidate configuration was changed, or was not."""
    inside: bool | None = None
    """Only below the top of the mode, or only there."""
    ask: Ask | None = None
    say: str = ""
    to: str | None = None
    """Go to this mode, to its top."""
    top: bool = False
    """Leave all levels of the mode, before `push`."""
    push: str | None = None
    """Go one level down: the words of it."""
    pop: bool = False
    """Go back to where the level was entered from."""
    up: bool = False
    """Drop the last word of the path."""
    change: bool | None = None
    """Mark the candidate as changed, or as not changed any more."""
    page: bool | None = None
    """Switch paging."""
    again: str | None = None
    """Do this line instead, in the mode `start`: `run show version`."""
    wait: bool = False
    """Run until it is interrupted."""
    cut: bool = False
    """Cut all connections, as a reboot does."""
    ends: bool = False
    """End the session."""


class More(_Strict):
    """A pager."""

    text: str
    lines: int = 24
    quit: str = "qQ"


class Script(_Strict):
    """One router."""

    platform: str
    user: str = "admin"
    version: str
    """What the SSH server says it is."""
    console_options: bool = False
    """Options may follow the user's name behind a plus."""
    ignores: str = ""
    """Characters that the terminal takes for nothing."""
    banner: str = ""
    start: str = "exec"
    prompts: dict[str, str]
    """By mode. `{path}` stands for the path, `{star}` for a star if the candidate was changed."""
    lead: str = " "
    """Put before the path where there is one."""
    joint: str = " "
    last_only: bool = False
    """The prompt shows the last level only."""
    menus: tuple[str, ...] = ()
    """Menus, spelled from the root; makes it a menu platform."""
    more: More | None = None
    rules: tuple[Rule, ...] = ()
    before: str = ""
    """Printed before each answer."""
    unknown: str
    """The error; `{line}` and `{word}` stand for what was typed."""
    answers: dict[str, str] = Field(default_factory=dict)
    """By the line in full. A line that ends in ` *` stands for all that begin so."""


FOLDER: Final = files("drivers.lab").joinpath("consoles")


@cache
def scripts() -> tuple[str, ...]:
    """Platforms with a script, sorted."""
    return tuple(sorted(entry.name[:-5] for entry in FOLDER.iterdir() if entry.name.endswith(".yaml")))


@cache
def load_script(platform: str) -> Script:
    """The script of `platform`. Raises `DriverError` if there is none."""
    if platform not in scripts():
        raise DriverError(f"There is no simulated {platform!r}; there are {', '.join(scripts())}.")
    return Script.model_validate(yaml.safe_load(FOLDER.joinpath(f"{platform}.yaml").read_text(encoding="utf-8")))
