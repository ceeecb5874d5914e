"""Platforms as data: how one kind of router prompts, pages, asks back and reports errors (`drivers/platforms/*.yaml`).

Counterparts: `drivers.prompt` and `drivers.transcript` read output by it, `gateway.mediation` acts on it. What may be
sent is not said here but in the policy tables (`gateway/policy/tables`).
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from drivers.errors import DriverError

Mode = Literal["exec", "privileged", "config", "shell"]
SECRETS: Final = ("enable",)
"""Names of secrets that an answer may stand for; the inventory holds them."""

MOST_DIAGNOSTICS: Final = 32
"""Lines of one script of diagnostics."""

_PLATFORM: Final = re.compile(r"[a-z][a-z0-9_]{1,31}\Z")


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from error
    return text


def _one_line(text: str) -> str:
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text):
        raise ValueError(f"{text!r} holds a control character; the line end is added when it is sent")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
Line = Annotated[str, AfterValidator(_one_line)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModePrompt(_Strict):
    """A prompt and the mode it stands for.

    `prompt` matches the whole last line of output without blanks at its end. Group `host` is the part that stays the
    same in one session; group `tag`, if there is one, names the sub-mode (`config-if`; the mode's own name at its top).
    """

    mode: Mode
    prompt: Pattern
    banner: Pattern | None = None
    """What the line before the prompt is, where a platform's prompt takes two lines: `[edit interfaces ge-0/0/0]`.

    It begins with one of `[ { ( * !`. If it has a group `tag`, that names the sub-mode instead of the prompt's own, and
    a prompt without such a line before it stands at a place that nobody knows.
    """

    @model_validator(mode="after")
    def _names_a_host(self) -> "ModePrompt":
        if "host" not in self._groups():
            raise ValueError(f"the prompt {self.prompt!r} has no group named host")
        return self

    @model_validator(mode="after")
    def _has_one_tag(self) -> "ModePrompt":
        if self.banner is not None and "tag" in re.compile(self.banner).groupindex and "tag" in self._groups():
            raise ValueError(f"the prompt {self.prompt!r} and the line before it both have a group named tag")
        return self

    def _groups(self) -> Mapping[str, int]:
        return re.compile(self.prompt).groupindex


class Pager(_Strict):
    """What a pager prints when it waits, and the keys that make it go on."""

    pattern: Pattern
    answer: str = Field(min_length=1, max_length=4)


class SubPrompt(_Strict):
    """A question that a running command may ask, and its one answer."""

    pattern: Pattern
    answer: str = Field("", max_length=64)
    """Exact bytes to send, line end included."""
    secret: Literal["enable"] | None = None
    """Send this secret and a line end instead of `answer`."""
    cancel: bool = False
    """Leave the question at once: no answer to it is ever allowed."""
    after: Pattern | None = None
    """Answer only if the running command's canonical text matches this from its start."""

    @model_validator(mode="after")
    def _secrets_are_narrow(self) -> "SubPrompt":
        if sum((self.answer != "", self.secret is not None, self.cancel)) != 1:
            raise ValueError("a sub-prompt has one of answer, secret and cancel")
        if self.secret is not None and self.after is None:
            raise ValueError("a secret is given only after a named command; add after")
        return self


class ExecSpec(_Strict):
    """Single commands in exec channels of their own."""

    usable: bool = False
    """Whether one exec request is one command line of the same language as the terminal's. Without it the gateway
    runs single commands in a terminal."""
    mode: Mode | None = None
    """Mode in which such a command runs."""


class PlatformDefinition(_Strict):
    """One kind of router. `line_end`, `interrupt` and `cancel` are exact characters."""

    platform: str
    title: str
    netmiko: str
    """netmiko's `device_type`."""
    line_end: str = "\n"
    interrupt: str = "\x03"
    """Stops a running command."""
    cancel: str = "\x03"
    """Leaves a question that has no answer here."""
    modes: tuple[ModePrompt, ...] = Field(min_length=1)
    host_cut: int | None = Field(default=None, ge=1)
    """Sub-mode prompts show no more than so many characters of a long host name, or more; none: always all of it."""
    whole_context: bool = False
    """The prompt shows all of the sub-mode (a menu, an edit path): where it says something else than was expected,
    the prompt is right."""
    login_suffix: Line = ""
    """Put behind the user's name at login, where that is how a router is told what the terminal can do."""
    echoes: bool = True
    """The terminal repeats each line before its output."""
    prepare: tuple[Line, ...] = ()
    """Lines sent after login, in order. An error in answer to one does not matter."""
    pagers: tuple[Pager, ...] = ()
    subprompts: tuple[SubPrompt, ...] = ()
    questions: tuple[Pattern, ...] = (r"[:?>#$\])] *\Z",)
    """What the unfinished last line of a command ends in when it waits for an answer that is not known here."""
    errors: tuple[Pattern, ...] = ()
    """How a line begins by which the router says that it did not do what it was told."""
    refusal: str = Field(default="", max_length=40)
    """How the router itself begins to say no, as programs that log in to it know it; put before the gateway's no."""
    exec: ExecSpec = ExecSpec()
    diagnostics: tuple[Line, ...] = Field(default=(), max_length=MOST_DIAGNOSTICS)
    """Lines that only read, for scripted diagnostics. They are judged like any other: nothing is allowed here."""


def login_name(platform: str, user: str) -> str:
    """The name to log in with as `user` on a router of `platform`; one without a definition has its plain name."""
    if platform not in platforms():
        return user
    suffix = load_definition(platform).login_suffix
    return user if "+" in user and suffix.startswith("+") else user + suffix


def load_definition(platform: str) -> PlatformDefinition:
    """The definition of `platform`. Raises `DriverError` if there is none."""
    if _PLATFORM.match(platform) is None or platform not in platforms():
        raise DriverError(f"There is no platform named {platform!r}; known are {', '.join(platforms())}.")
    return _load(platform)


@cache
def platforms() -> tuple[str, ...]:
    """Names of all platforms that ship, sorted."""
    folder = files("drivers").joinpath("platforms")
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".yaml")))


@cache
def _load(platform: str) -> PlatformDefinition:
    text = files("drivers").joinpath("platforms", f"{platform}.yaml").read_text(encoding="utf-8")
    return read_definition(f"{platform}.yaml", text)


def read_definition(name: str, text: str) -> PlatformDefinition:
    """The definition in the YAML `text` of file `name`. Raises `DriverError` naming the file, the key and the fault."""
    try:
        definition = PlatformDefinition.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise DriverError(f"{name} is not valid YAML.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DriverError(f"{name}: {where}: {first['msg'].removeprefix('Value error, ')}.") from error
    if name != f"{definition.platform}.yaml":
        raise DriverError(f"{name}: platform: {definition.platform!r} belongs in a file of its own name.")
    return definition
