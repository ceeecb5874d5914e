"""The rows of parameters, compiled: what a path is, whether it may be read and written, what lies below an object.

The first row that matches decides. Counterparts: `params.yaml` beside this file, `judge`, `gate`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from pydantic import Field, ValidationError, field_validator, model_validator

from drivers.cwmp.paths import generic
from gateway.policy.capabilities import CAPABILITIES
from gateway.policy.cwmp.glob import Glob, glob
from gateway.policy.errors import PolicyError
from gateway.policy.schema import CapabilityName, Strict, told

Read = Literal["allow", "consent", "redact", "deny"]
Write = Literal["consent", "approve", "deny"]
CheckKind = Literal[
    "host", "dns", "url", "int", "boolean", "choice", "true", "ssid", "passphrase", "hex", "encryption", "time",
    "object", "plain", "never",
]  # fmt: skip
_REMEMBERED: Final = 65_536
"""Paths whose row is remembered; a CPE has a few thousand."""


class _Judged(Strict):
    read: Read
    see: tuple[CapabilityName, ...] = ()
    write: Write
    set: CapabilityName | None = None
    no: CapabilityName | None = None
    why: str = Field(min_length=1, pattern=r"^[^\n]+\.$")

    @model_validator(mode="after")
    def _belongs_together(self) -> "_Judged":
        if (self.read == "deny") == bool(self.see):
            raise ValueError("a row that can be read names in see what for; one that cannot has none")
        if (self.set is None) == (self.no is None) or (self.write == "deny" and self.set is not None):
            raise ValueError("a row names set where it can be written, else no")
        if self.read == "deny" and self.no is None:
            raise ValueError("a row that cannot be read names in no what reading it would be")
        grantable = [*self.see, *([self.set] if self.set else [])]
        if any(CAPABILITIES[name].kind == "never" for name in grantable):
            raise ValueError("see and set name capabilities that can be granted")
        if self.no is not None and CAPABILITIES[self.no].kind != "never":
            raise ValueError(f"no: {self.no} can be granted; name a capability that never is")
        return self


class RowSpec(_Judged):
    """One row of the file."""

    id: str = Field(pattern=r"^[a-z0-9]+-[0-9]+$")
    headline: Literal["read-ok", "read-personal", "write-sensitive", "forbidden"] = Field(alias="class")
    models: tuple[str, ...] = ()
    src: str = ""
    paths: tuple[str, ...] = Field(min_length=1)

    @field_validator("paths")
    @classmethod
    def _paths(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            glob(path)
        return paths


class ValueSpec(Strict):
    """What values of some paths must be."""

    kind: CheckKind
    paths: tuple[str, ...] = Field(min_length=1)
    low: int = 0
    high: int = 0
    of: tuple[str, ...] = ()
    no: CapabilityName | None = None
    why: str = ""

    @model_validator(mode="after")
    def _belongs_together(self) -> "ValueSpec":
        if (self.kind in {"int", "hex"}) != (self.high > 0) or self.low > self.high:
            raise ValueError("low and high belong to int and hex, and low is not above high")
        if (self.kind == "choice") != bool(self.of) or (self.kind == "never") != bool(self.no and self.why):
            raise ValueError("of belongs to choice; no and why to never")
        for path in self.paths:
            glob(path)
        return self


class RowsSpec(Strict):
    """The whole file."""

    defaults: _Judged
    rows: tuple[RowSpec, ...] = Field(min_length=1)
    values: tuple[ValueSpec, ...] = ()

    @model_validator(mode="after")
    def _ids_differ(self) -> "RowsSpec":
        names = [row.id for row in self.rows]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two rows have the id {twice}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a path is."""

    id: str
    read: Read
    see: tuple[str, ...]
    """Capabilities of which one is needed for reading."""
    write: Write
    set: str | None
    """The capability needed for writing, or none if nobody can."""
    no: str
    """The capability that a refusal names."""
    why: str
    paths: tuple[str, ...] = field(default=(), repr=False)

    def readable(self, caps: Iterable[str]) -> bool:
        """Whether values may be shown to somebody who may use the scope capabilities `caps`."""
        if self.read == "allow":
            return True
        return self.read == "consent" and any(CAPABILITIES[c].kind == "always" or c in caps for c in self.see)

    @property
    def secret(self) -> bool:
        """Whether its values are never shown, though its names are."""
        return self.read == "redact"


class Below(NamedTuple):
    """What an object may contain. `cover`: the row of all that no other row names. `inside`: rows of single things in
    it, weighed by the object's judges; `anywhere`: rows of names that may stand anywhere."""

    cover: Row
    inside: tuple[Row, ...]
    anywhere: tuple[Row, ...]

    @property
    def named(self) -> tuple[Row, ...]:
        """The rows that this object is about."""
        return (*self.inside, self.cover)


class Rows:
    """All rows. Total: every path has one."""

    def __init__(self, spec: RowsSpec) -> None:
        self.spec = spec
        self.rows = tuple(_row(row.id, row, row.paths) for row in spec.rows)
        self.default = _row("default", spec.defaults, ())
        self._globs: list[tuple[Glob, Row]] = [
            (one, row) for row in self.rows for path in row.paths for one in glob(path)
        ]
        self._checks = [(one, check) for check in spec.values for path in check.paths for one in glob(path)]
        self._near = self._indexed()
        self._by_key = lru_cache(maxsize=_REMEMBERED)(self._find)
        self._contents = lru_cache(maxsize=8192)(self._inside)
        self._wanted = lru_cache(maxsize=8192)(self._check)

    def classify(self, path: str) -> Row:
        """The row of `path`, which may be a parameter or an object."""
        return self._by_key(generic(path).lower())

    def below(self, path: str) -> Below:
        """What may stand below the partial path `path`; the empty one is the whole tree."""
        return self._contents(generic(path).lower())

    def check(self, path: str) -> ValueSpec | None:
        """What a value written there must be."""
        return self._wanted(generic(path).lower())

    def _indexed(self) -> Mapping[tuple[str, ...], tuple[tuple[Glob, Row], ...]]:
        """By the first two names of a path: what may match it, in order. Shorter keys for all other names."""
        heads = {(), *(one.head for one, _ in self._globs), *(one.head[:1] for one, _ in self._globs)}
        return {
            head: tuple((one, row) for one, row in self._globs if head[: len(one.head)] == one.head) for head in heads
        }

    def _find(self, key: str) -> Row:
        first, second, *_ = (*key.split(".", 2), "", "")
        near = self._near.get((first, second)) or self._near.get((first,)) or self._near[()]
        for one, row in near:
            if one.matches(key):
                return row
        return self.default

    def _inside(self, key: str) -> Below:
        prefix = tuple(part for part in key.split(".") if part)
        inside: dict[str, Row] = {}
        anywhere: dict[str, Row] = {}
        for one, row in self._globs:
            cover = one.covers(prefix)
            if cover == "all":
                return Below(row, tuple(inside.values()), tuple(anywhere.values()))
            if cover == "some":
                (inside if one.anchored else anywhere).setdefault(row.id, row)
        return Below(self.default, tuple(inside.values()), tuple(anywhere.values()))

    def _check(self, key: str) -> ValueSpec | None:
        return next((check for one, check in self._checks if one.matches(key)), None)


def _row(name: str, spec: _Judged, paths: tuple[str, ...]) -> Row:
    no = spec.no or "unknown.command"
    return Row(id=name, read=spec.read, see=spec.see, write=spec.write, set=spec.set, no=no, why=spec.why, paths=paths)


def read_rows(file: str, document: object) -> Rows:
    """The rows in `document` (what YAML parsing gave). Raises `PolicyError` naming `file` and the row."""
    try:
        return Rows(RowsSpec.model_validate(document))
    except ValidationError as error:
        raise PolicyError(f"{file}: {told(error)}.") from error
