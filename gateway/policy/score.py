"""How a bundle does on a file of labelled lines. Counterpart: `vestibule policy score`; the file says its own rules.

critical: a line that must never go, or only under a scope, would go. major: a line that should go would not, or would
need a scope. minor: allow and confirm exchanged, or another capability. See `meta.scoring` of the file.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateway.policy.decide import decide
from gateway.policy.errors import PolicyError
from gateway.policy.explain import Word, word_of
from gateway.policy.load import parse_yaml
from gateway.policy.selftest import EVERYTHING, NOW
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Position, Site

Split: TypeAlias = Callable[[str], list[str]]
"""What the client types, as the lines that the line editor submits (`layer: editor`). Counterpart: mediation."""

Grade = Literal["right", "minor", "major", "critical"]
_GRADES: Final[tuple[Grade, ...]] = ("right", "minor", "major", "critical")
_WORDS: Final[tuple[Word, ...]] = ("allow", "confirm", "sensitive", "deny")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Row(BaseModel):
    """A labelled line. Keys the format may gain later are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    platform: str
    mode: str
    line: str
    expect: Word
    capability: str = ""
    why: str = ""
    context: str = ""
    layer: Literal["policy", "editor"] = "policy"
    enc: Literal["utf-8", "latin-1"] = "utf-8"
    accept: Annotated[tuple[Word, ...], BeforeValidator(_listed)] = ()
    harmless: bool = False


class _Assumptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    lan: tuple[str, ...] = ()
    approved_dns: frozenset[str] = frozenset()
    approved_firmware_hosts: frozenset[str] = frozenset()
    speedtest_hosts: frozenset[str] = frozenset()
    firmware_files: frozenset[str] = frozenset()


class _Meta(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    assumptions: _Assumptions = Field(default_factory=_Assumptions)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    meta: _Meta = Field(default_factory=_Meta)
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Corpus:
    """A scoring file, read."""

    site: Site
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One row and what became of it."""

    row: Row
    got: Word
    capability: str
    rule: str
    reason: str
    grade: Grade
    false_denial: bool
    """A line that may go (under some consent) was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformScore:
    """A line of the result table."""

    platform: str
    table: bool
    """False: there is no table, everything is refused."""
    rows: int
    critical: int
    major: int
    minor: int
    allowable: int
    """Rows that may go under some consent."""
    false_denials: int

    @property
    def false_denial_share(self) -> float:
        """0 to 1; 0 when there was nothing to allow."""
        return self.false_denials / self.allowable if self.allowable else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """The whole result: a line per platform in the file's order, and every row's outcome."""

    platforms: tuple[PlatformScore, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def critical(self) -> int:
        """Critical errors on all platforms; the exit code of the command depends on it."""
        return sum(platform.critical for platform in self.platforms)

    def table(self) -> list[tuple[str, ...]]:
        """Head and one row of texts per platform, to be printed."""
        head = ("platform", "rows", "critical", "major", "minor", "false denials", "share", "note")
        return [head, *(_table_row(platform) for platform in self.platforms)]


def _table_row(score: PlatformScore) -> tuple[str, ...]:
    counts = (score.rows, score.critical, score.major, score.minor, f"{score.false_denials} of {score.allowable}")
    return (score.platform, *map(str, counts), f"{score.false_denial_share:.1%}", "" if score.table else "no table")


def read_corpus(name: str, content: bytes) -> Corpus:
    """The file `content`. Raises `PolicyError` naming the file and the row."""
    try:
        file = _File.model_validate(parse_yaml(name, content))
        assumed = file.meta.assumptions
        site = Site(
            lan=tuple(ip_network(net) for net in assumed.lan),
            approved_dns=assumed.approved_dns,
            approved_firmware_hosts=assumed.approved_firmware_hosts,
            speedtest_hosts=assumed.speedtest_hosts,
            firmware_files=assumed.firmware_files,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ", ".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"]) or "the file"
        raise PolicyError(f"{name}: {where}: {first['msg']}.") from error
    except ValueError as error:
        raise PolicyError(f"{name}: meta, assumptions, lan: {error}.") from error
    return Corpus(site, file.rows)


def score(bundle: PolicyBundle, corpus: Corpus, split: Split) -> Score:
    """Every row of `corpus` judged."""
    outcomes = tuple(_outcome(bundle, corpus.site, row, split) for row in corpus.rows)
    platforms = dict.fromkeys(row.platform for row in corpus.rows)
    return Score(tuple(_platform(bundle, name, outcomes) for name in platforms), outcomes)


def _outcome(bundle: PolicyBundle, site: Site, row: Row, split: Split) -> Outcome:
    position = Position(row.platform, row.mode, row.context)
    verdicts = [decide(bundle, site, position, line, EVERYTHING, NOW) for line in _lines(row, split)]
    if not verdicts:
        return _graded(row, "deny", "parse.invalid", "editor", "Nothing was submitted.")
    worst = max(verdicts, key=lambda verdict: _WORDS.index(word_of(verdict)))
    reason = getattr(worst, "reason", "")
    return _graded(row, word_of(worst), worst.capability, worst.rule_id, reason)


def _lines(row: Row, split: Split) -> list[str]:
    """The lines of a row as the policy meets them. Bytes that are not UTF-8 never come so far."""
    try:
        text = row.line.encode(row.enc).decode("utf-8")
    except UnicodeError:
        return []
    if row.layer == "editor":
        return split(text if text.endswith(("\r", "\n")) else text + "\r")
    return [text]


def _graded(row: Row, got: Word, capability: str, rule: str, reason: str) -> Outcome:
    return Outcome(
        row=row,
        got=got,
        capability=capability,
        rule=rule,
        reason=reason,
        grade=_grade(row, got, capability),
        false_denial=row.expect != "deny" and got == "deny" and got not in row.accept,
    )


def _grade(row: Row, got: Word, capability: str) -> Grade:
    goes = got in {"allow", "confirm"}
    if got in row.accept and got != row.expect:
        return "right"
    if row.expect == "deny":
        return "right" if got == "deny" else "major" if row.harmless else "critical"
    if row.expect == "sensitive" and goes:
        return "critical"
    if got == "deny" or (got == "sensitive" and row.expect != "sensitive"):
        return "major"
    return "right" if got == row.expect and capability == row.capability else "minor"


def _platform(bundle: PolicyBundle, name: str, outcomes: Iterable[Outcome]) -> PlatformScore:
    mine = [outcome for outcome in outcomes if outcome.row.platform == name]
    count = {grade: sum(outcome.grade == grade for outcome in mine) for grade in _GRADES}
    return PlatformScore(
        platform=name,
        table=name in bundle.tables,
        rows=len(mine),
        critical=count["critical"],
        major=count["major"],
        minor=count["minor"],
        allowable=sum(outcome.row.expect != "deny" for outcome in mine),
        false_denials=sum(outcome.false_denial for outcome in mine),
    )
