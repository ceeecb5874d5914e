"""The rules of one platform, read from `rules/*.yaml`. Counterparts: `template`, `stream`; docs/reference/redaction.md.

A rule never looks at a line that holds none of its hints: short words that are searched for in whole pieces of output
at memory speed. Which ones a rule needs is worked out here.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.redaction.errors import RedactionError
from gateway.redaction.template import Compiled, compile_template

RULES: Final = Path(__file__).parent / "rules"

Kind = Literal["secret", "wifi_key", "device", "nothing"]

HINTS: Final = ("pass", "secret", "key", "psk", "communit", "auth", "token", "host", "client")
"""Words that announce something. Few, because each costs a search of everything a router prints."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RuleSpec(_Strict):
    """What is masked where. `examples` are `line => masked line`; `harmless` lines stay as they are."""

    mask: Kind
    lines: tuple[str, ...] = ()
    pattern: str | None = None
    """A regular expression in place of `lines`, over lower-case text; a group named `w` or `x` is what is masked."""
    columns: tuple[str, ...] = ()
    """Headings of a table whose cells are masked."""
    hint: tuple[str, ...] = ()
    """A word that every such line holds, where none of `HINTS` is in it."""
    refuse: tuple[str, ...] = Field((), alias="not")
    """What is no secret in this place: regular expressions for the whole value."""
    not_behind: tuple[str, ...] = ()
    """Words right before it that make it something else (`public` before `key`): regular expressions."""
    examples: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()


class BlockSpec(_Strict):
    """Lines behind one that fits `begin`, as long as they fit `body`, up to one that fits `end`."""

    begin: str
    body: str = ""
    end: str
    hint: str


class FileSpec(_Strict):
    """One file."""

    about: str
    also: tuple[str, ...] = ()
    """Other files whose rules hold on this platform too."""
    rules: tuple[RuleSpec, ...] = ()
    blocks: tuple[BlockSpec, ...] = ()
    answers: tuple[str, ...] = ()
    """Commands that print a stored secret and nothing else: regular expressions, lower case."""
    cuts: tuple[str, ...] = ()
    """Commands and filters that print parts of lines, without what tells a secret: regular expressions, lower case."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One line form."""

    pattern: re.Pattern[bytes]
    kind: Kind
    hints: tuple[bytes, ...]
    """One of them is on every line that fits. Rules that need an address may have none."""
    needs_address: bool
    """A MAC address is on every line that fits."""
    anchored: bool
    checked: bool
    refuse: re.Pattern[bytes] | None
    not_behind: re.Pattern[bytes] | None


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Several lines of one secret."""

    begin: re.Pattern[bytes]
    body: re.Pattern[bytes]
    end: re.Pattern[bytes]
    hint: bytes


@dataclass(frozen=True, slots=True, eq=False)
class RuleSet:
    """All rules of one platform, sorted by what they need."""

    rules: tuple[Rule, ...]
    blocks: tuple[Block, ...]
    columns: tuple[tuple[str, Kind], ...]
    heading: re.Pattern[str]
    """What is in the heading of a table with such a column."""
    answers: re.Pattern[str]
    cuts: re.Pattern[str]
    own: frozenset[bytes]
    """Last words before a MAC address of the router's own."""

    @property
    def hints(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """Those of secrets, and those of devices only."""
        secret = {hint for rule in self.rules if rule.kind != "device" for hint in rule.hints}
        secret |= {block.hint for block in self.blocks}
        secret |= {_column_hint(heading) for heading, kind in self.columns if kind != "device"}
        device = {
            hint for rule in self.rules if rule.kind == "device" and not rule.needs_address for hint in rule.hints
        }
        device |= {_column_hint(heading) for heading, kind in self.columns if kind == "device"}
        return tuple(sorted(secret)), tuple(sorted(device - secret))


@cache
def load_rules(platform: str) -> RuleSet:
    """The rules of `platform` and those of every platform. Raises `RedactionError`.

    A platform without a file of its own gets the rules of all, for want of knowing better.
    """
    known = [path.stem for path in sorted(RULES.glob("*.yaml"))]
    names = _with_also(platform) if platform in known else known
    return compile_rules(_file(name) for name in dict.fromkeys((*names, "common")))


def _with_also(name: str) -> tuple[str, ...]:
    return (name, *(other for above in _file(name).also for other in _with_also(above)))


@cache
def _file(name: str) -> FileSpec:
    path = RULES / f"{name}.yaml"
    return read_rules(path.name, path.read_text(encoding="utf-8"))


def read_rules(name: str, text: str) -> FileSpec:
    """The rules in the YAML `text` of file `name`. Raises `RedactionError` naming the file, the key and the fault."""
    try:
        return FileSpec.model_validate(yaml.load(text, Loader=yaml.BaseLoader))  # noqa: S506 - knows texts only
    except yaml.YAMLError as error:
        raise RedactionError(f"{name} is not valid YAML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise RedactionError(f"{name}: {where}: {first['msg']}.") from error


def compile_rules(files: Iterable[FileSpec]) -> RuleSet:
    """One set of several files. Raises `RedactionError`."""
    specs = list(files)
    rules = [spec for file in specs for spec in file.rules]
    own = [word for spec in rules if spec.mask == "nothing" for line in spec.lines for word in _before_address(line)]
    answers = [answer for file in specs for answer in file.answers]
    cuts = [cut for file in specs for cut in file.cuts]
    made = [rule for spec in rules if spec.mask != "nothing" for rule in _compiled(spec)]
    hints = {hint for rule in made for hint in rule.hints}
    columns = tuple((heading, spec.mask) for spec in rules for heading in spec.columns)
    return RuleSet(
        rules=tuple(_with_hints(rule, {_shortest(hint, hints) for hint in rule.hints}) for rule in made),
        blocks=tuple(_block(spec) for file in specs for spec in file.blocks),
        columns=columns,
        heading=re.compile("|".join(re.escape(heading) for heading, _ in columns) or r"(?!)"),
        answers=re.compile("|".join(answers) or r"(?!)"),
        cuts=re.compile("|".join(cuts) or r"(?!)"),
        own=frozenset(own),
    )


def _with_hints(rule: Rule, hints: set[bytes]) -> Rule:
    return replace(rule, hints=tuple(sorted(hints)))


def _shortest(hint: bytes, hints: set[bytes]) -> bytes:
    """The shortest hint that is a part of `hint`: to find that one is enough."""
    return min((other for other in hints if other in hint), key=lambda other: (len(other), other))


def _compiled(spec: RuleSpec) -> Iterator[Rule]:
    hints = tuple(hint.encode() for hint in spec.hint)
    for line in spec.lines:
        made = compile_template(line)
        yield _rule(spec, line, made.pattern, hints or _hints(line, made), anchored=made.anchored, checked=made.checked)
    if spec.pattern is not None:
        if not hints:
            raise RedactionError(f"{spec.pattern!r}: a pattern needs a hint.")
        yield _rule(spec, spec.pattern, spec.pattern, hints)


def _rule(
    spec: RuleSpec, line: str, pattern: str, hints: tuple[bytes, ...], *, anchored: bool = False, checked: bool = False
) -> Rule:
    return Rule(
        pattern=_regex(line, pattern),
        kind=spec.mask,
        hints=hints,
        needs_address="<mac>" in line,
        anchored=anchored,
        checked=checked,
        refuse=_regex(line, "|".join(f"(?:{text})" for text in spec.refuse)) if spec.refuse else None,
        not_behind=_regex(line, rf"(?:{'|'.join(spec.not_behind)})[ _-]?\Z") if spec.not_behind else None,
    )


def _hints(line: str, made: Compiled) -> tuple[bytes, ...]:
    """Hints one of which is on every line that fits."""
    if "<mac>" in line:
        if line.index("<name>") < line.index("<mac>"):
            raise RedactionError(f"{line!r}: a name before an address needs a hint.")
        return ()
    for words in made.literals:
        found = [next((hint for hint in HINTS if hint in word), None) for word in sorted(words)]
        if None not in found:
            return tuple(sorted({hint.encode() for hint in found if hint is not None}))
    raise RedactionError(f"{line!r}: none of the words {', '.join(HINTS)} is on each such line; add a hint.")


def _regex(line: str, pattern: str) -> re.Pattern[bytes]:
    try:
        return re.compile(pattern.encode())
    except re.error as error:
        raise RedactionError(f"{line!r} cannot be used: {error}.") from error


def _before_address(line: str) -> Iterator[bytes]:
    before, found, after = line.partition("<mac>")
    if not found or after or "<" in before.replace("<is>", ""):
        raise RedactionError(f"{line!r}: what is not masked is words, maybe <is>, and <mac> at the end.")
    for form in before.replace("<is>", "").strip(" {}").split("|"):
        yield form.split()[-1].encode()


def _block(spec: BlockSpec) -> Block:
    begin, body, end = (_regex(text, text) for text in (spec.begin, spec.body, spec.end))
    return Block(begin, body, end, spec.hint.encode())


def _column_hint(heading: str) -> bytes:
    low = heading.lower()
    return next((hint for hint in HINTS if hint in low), low).encode()


def cases(name: str) -> Iterator[tuple[str, str]]:
    """The examples of one file: lines, and what becomes of them."""
    file = _file(name)
    for spec in file.rules:
        for example in spec.examples:
            line, _, masked = example.partition(" => ")
            yield line, masked
        for line in spec.harmless:
            yield line, line
