"""The shape of a policy table as its YAML file has it (docs/reference/policy-tables.md). Counterpart: `load`."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from gateway.policy.capabilities import CAPABILITIES
from gateway.policy.errors import PolicyError

Mode = Literal["exec", "privileged", "config", "shell"]
MODES: Final = ("exec", "privileged", "config", "shell")
_PLACE: Final = re.compile(r"(exec|privileged|config|shell)(/(\*|[a-z0-9][a-z0-9_-]*))?\Z")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")


def _words(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


def _texts(value: Any) -> Any:
    """YAML reads `10` as a number where a word is meant; keep what was written, but refuse yes/no and the like."""
    if not isinstance(value, list):
        return value
    if any(isinstance(item, bool | float) or item is None for item in value):
        raise ValueError("put true, false, numbers with a point and the like in quotes; YAML changes them otherwise")
    return [str(item) if isinstance(item, int) else item for item in value]


def _capability(name: object) -> str:
    if not isinstance(name, str) or name not in CAPABILITIES:
        raise ValueError(f"{name!r} is not a capability; the names are in gateway/policy/capabilities.py")
    return name


def _place(place: object) -> str:
    if not isinstance(place, str) or _PLACE.match(place) is None:
        raise ValueError(f"{place!r} is not a position; write a mode, mode/context or mode/*, such as config/interface")
    return place


def _name(name: object) -> str:
    if not isinstance(name, str) or _NAME.match(name) is None:
        raise ValueError(f"{name!r} is not a name; use letters, digits, - and _, starting with a letter")
    return name


CapabilityName = Annotated[str, BeforeValidator(_capability)]
Place = Annotated[str, BeforeValidator(_place)]
Name = Annotated[str, BeforeValidator(_name)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]


class Strict(BaseModel):
    """Frozen, and without keys that do not exist."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LexerSpec(Strict):
    """How a line of this platform is cut into words."""

    kind: Literal["words", "shell-strict", "routeros"]
    case: Literal["fold", "exact"] = "exact"
    abbreviate: bool | None = None
    quotes: Literal["none", "double"] = "none"
    filter_char: str | None = Field(default=None, min_length=1, max_length=1)
    filter_chain: bool | None = None
    separators: tuple[Literal["&&", ";"], ...] = ()
    forbid: str = ""
    help: Literal["?", ""] = "?"
    max_line: int = Field(default=253, ge=16, le=8192)

    @property
    def abbreviates(self) -> bool:
        """Whether unique beginnings of keywords are understood."""
        return self.kind != "shell-strict" if self.abbreviate is None else self.abbreviate

    @property
    def chains(self) -> bool:
        """Whether several filters may follow one another."""
        return self.kind == "shell-strict" if self.filter_chain is None else self.filter_chain

    @property
    def rest_of_line(self) -> bool:
        """Whether values that may hold blanks run to the end of the line, for want of quotes."""
        return self.kind == "words" and self.quotes == "none"


class PathSpec(Strict):
    """A current path of the session (a menu, an edit level) that stands in front of what is typed."""

    kind: Literal["menu", "edit"]
    mode: Mode = Field(alias="in")
    verbs: Texts = ()
    """`edit` only: the words behind which the path belongs."""

    @model_validator(mode="after")
    def _has_verbs(self) -> "PathSpec":
        if (self.kind == "edit") != bool(self.verbs):
            raise ValueError("a path of kind edit names the verbs that it stands behind; a menu has none")
        return self


class ContextSpec(Strict):
    """A sub-mode. A prompt may end in `*` where the router shows an argument (`GigabitEthernet*`)."""

    mode: Mode
    prompts: tuple[str, ...] = ()
    parent: Name | None = None


class PrefixSpec(Strict):
    """A word that looks the rest of the line up in another mode."""

    word: Name
    places: tuple[Place, ...] = Field(alias="in", min_length=1)
    to: Mode


class IfaceSpec(Strict):
    """Interface names as Cisco writes them."""

    iface: tuple[Name, ...] = Field(min_length=1)
    number: str = r"\d{1,4}(/\d{1,4}){0,3}(\.\d{1,10})?(:\d{1,5})?"


class ListSpec(Strict):
    """Several values of one type in one word, between `by`."""

    list: str
    by: Literal[",", ":", "+"] = ","


TypeSpec = str | Annotated[tuple[str, ...], BeforeValidator(_texts)] | IfaceSpec | ListSpec


class FilterProgram(Strict):
    """A program behind a shell pipe. It gets no file operand."""

    opts: Texts = ()
    args: Texts = ()


class KnownSpec(Strict):
    """Words of the device that the table does not offer."""

    places: tuple[Place, ...] = Field(default=(), alias="in")
    after: str = ""
    words: Annotated[tuple[str, ...], BeforeValidator(_words)] = Field(min_length=1)


class RowSpec(Strict):
    """Commands that mean the same to the policy."""

    cmd: tuple[str, ...] = Field(min_length=1)
    cap: CapabilityName
    places: tuple[Place, ...] = Field(default=(), alias="in")
    filters: Literal["all"] | tuple[str, ...] = ()
    lan: CapabilityName | None = None
    secret: tuple[Name, ...] = ()
    where: dict[Name, Texts] = Field(default_factory=dict)
    refuse: dict[Name, Texts] = Field(default_factory=dict, alias="not")
    enter: Literal["parent", "path", "up", "top"] | Place | None = None
    leaves: bool = False
    resync: bool = False
    prompts: dict[str, str] = Field(default_factory=dict)
    send: str | None = None
    say: str | None = None
    hint: str | None = None
    help: str | None = None

    @property
    def never(self) -> bool:
        """Whether this row only refuses."""
        return CAPABILITIES[self.cap].kind == "never"

    @model_validator(mode="after")
    def _belongs_together(self) -> "RowSpec":
        if self.never and (self.enter or self.leaves or self.filters or self.prompts or self.send or self.lan):
            wrong = "enter, leaves, filters, prompts, send or lan"
            raise ValueError(f"{self.cap} is never allowed, so the row can have no {wrong}")
        if not self.never and self.say:
            raise ValueError("say is for refusals; use help to describe an allowed command")
        if self.lan is not None and CAPABILITIES[self.lan].kind == "always":
            raise ValueError(f"lan: {self.lan} comes with every consent; name one that the subscriber must grant")
        for pattern in self.prompts:
            compiled(pattern)
        return self


class TestSpec(Strict):
    """A line and what must become of it."""

    __test__ = False  # not a test class, whatever its name makes pytest think

    line: str
    mode: Mode | None = Field(default=None, alias="in")
    context: str = ""
    sends: str | None = None
    cap: CapabilityName | None = None
    deny: str | Literal[True] | None = None
    enters: str | None = None
    ask: bool | None = None

    @model_validator(mode="after")
    def _expects_something(self) -> "TestSpec":
        if (self.deny is None) == (self.cap is None and self.sends is None):
            raise ValueError("say what is expected: either deny, or cap and sends")
        if self.deny is not None and (self.cap or self.sends or self.enters):
            raise ValueError("a line cannot both be refused (deny) and sent (cap, sends, enters)")
        words = ("ambiguous", "invalid", "unknown")
        if isinstance(self.deny, str) and self.deny not in words and self.deny not in CAPABILITIES:
            raise ValueError(f"deny is true, one of {', '.join(words)}, or a capability; {self.deny!r} is none")
        return self


class TableSpec(Strict):
    """A whole file."""

    platform: str = Field(pattern=r"^[a-z][a-z0-9_]{1,31}$")
    title: str = ""
    lexer: LexerSpec
    modes: tuple[Mode, ...] = Field(min_length=1)
    start: Mode | None = None
    contexts: dict[Name, ContextSpec] = Field(default_factory=dict)
    path: PathSpec | None = None
    prefixes: tuple[PrefixSpec, ...] = ()
    types: dict[Name, TypeSpec] = Field(default_factory=dict)
    filters: dict[Name, str | FilterProgram] = Field(default_factory=dict)
    known: tuple[KnownSpec, ...] = ()
    commands: tuple[RowSpec, ...] = Field(min_length=1)
    tests: tuple[TestSpec, ...] = ()


def compiled(pattern: str) -> re.Pattern[str]:
    """`pattern` ready to match ASCII. Raises ValueError with a sentence when it is no regular expression."""
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error


def read_table(file: str, document: object) -> TableSpec:
    """The table in `document` (what YAML parsing gave). Raises `PolicyError` naming `file` and the row."""
    try:
        return TableSpec.model_validate(document)
    except ValidationError as error:
        raise PolicyError(f"{file}: {told(error)}.") from error


_PLAIN_WORDS: Final = {
    "tuple_type": "write a list here, such as [a, b]",
    "dict_type": "write keys and values here, such as {a: b}",
    "model_type": "write keys and values here, such as {a: b}",
    "string_type": "write text here",
    "bool_type": "write true or false here",
}
"""What pydantic says in its own words, by its name for the fault."""


def told(error: ValidationError) -> str:
    """The first fault in `error` and where it is, as people count, without a full stop."""
    first = error.errors(include_url=False)[0]
    message = _PLAIN_WORDS.get(first["type"], first["msg"].removeprefix("Value error, "))
    if first["type"] == "extra_forbidden":
        message = "this key does not exist; see docs/reference/policy-tables.md"
    return f"{_where(first['loc'])}: {message}"


def _where(loc: tuple[int | str, ...]) -> str:
    """`commands`, 3, `cmd` as people count: `commands row 4, cmd`."""
    parts: list[str] = []
    for item in loc:
        if isinstance(item, int):
            text = f"row {item + 1}" if len(parts) == 1 else f"item {item + 1}"
            parts[-1:] = [f"{parts[-1]} {text}"] if parts else [text]
        else:
            parts.append(item)
    return ", ".join(parts) or "the file"
