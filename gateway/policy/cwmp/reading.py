"""Whether paths may be read and written under a consent, one at a time. Counterpart: `judge`, which takes lines."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.policy.capabilities import CAPABILITIES, weight
from gateway.policy.cwmp.rows import Row, Rows
from gateway.policy.cwmp.values import Wrong, check
from gateway.policy.verdict import DenyKind, Rights, Site


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a path is not read or written."""

    kind: DenyKind
    capability: str
    rule: str
    reason: str

    @property
    def askable(self) -> bool:
        """Whether the subscriber could still grant it."""
        return self.kind == "scope"


@dataclass(frozen=True, slots=True)
class Part:
    """What one path of a line calls for. `caps`: reading rights that go into the recorded line."""

    capability: str
    rule: str
    caps: frozenset[str] = frozenset()
    confirm: bool = False
    refused: Refusal | None = None
    value: str = field(default="", repr=False)
    """What is written, in its one spelling."""


_MASKED_BY_ROWS: Final = frozenset({"config.read"})

_SEVERITY: Final = {"never": 3, "scope": 1}


def severity(refusal: Refusal) -> int:
    """How much a refusal counts among several."""
    return _SEVERITY.get(refusal.kind, 2)


def heaviest(parts: Iterable[Part]) -> Part:
    """The refused part that counts, else the one of the heaviest capability; the first of equals."""
    listed = list(parts)
    refused = [part for part in listed if part.refused is not None]
    if refused:
        return max(refused, key=lambda part: 0 if part.refused is None else severity(part.refused))
    return max(listed, key=lambda part: weight(part.capability))


def lightest(parts: Iterable[Part]) -> Part:
    """Of parts that may all go, what the whole needs to go at all: nothing that was ticked if some of it needs none."""
    listed = list(parts)
    free = [part for part in listed if not part.caps]
    return free[0] if free else heaviest(listed)


class Reader:
    """Asks the rows on behalf of somebody with `rights`."""

    def __init__(self, rows: Rows, site: Site, rights: Rights) -> None:
        self._rows, self._site, self._rights = rows, site, rights

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, path: str) -> Part:
        """A parameter, or all below a partial path as far as it may be shown."""
        if path and not path.endswith("."):
            return self._row(self._rows.classify(path))
        below = self._rows.below(path)
        cover = self._row(below.cover)
        others = [self._row(row, asks=False) for row in (*below.inside, *below.anywhere)]
        inside = others[: len(below.inside)]
        usable = [part for part in (cover, *inside) if part.refused is None]
        if path.count(".") <= 1:  # names below the root, or below `Device.`, say nothing of anybody
            usable.insert(0, Part("diagnose.read", "cwmp.root"))
        caps = frozenset().union(*(part.caps for part in (cover, *others)))
        if usable:
            chosen = lightest(usable)
            return replace(chosen, caps=caps)
        return min((cover, *inside), key=lambda part: 0 if part.refused is None else severity(part.refused))

    def _row(self, row: Row, *, asks: bool = True) -> Part:
        """`asks`: capabilities of class `ask` are used; else only what needs no question is."""
        rule = f"cwmp.{row.id}"
        if row.read == "deny":
            return Part(row.no, rule, refused=refused(row.no, rule, row.why))
        if row.read != "consent":
            return Part(row.see[0], rule)
        for name in row.see:
            kind = CAPABILITIES[name].kind
            if kind == "always":
                return Part(name, rule)
            if (kind == "scope" and self._may_see(name)) or (kind == "ask" and asks):
                return Part(name, rule, frozenset({name}), kind == "ask")
        return Part(row.see[0], rule, refused=missing(row.see[0], rule))

    def all_rights(self) -> frozenset[str]:
        """Every reading right of class `scope` that is there."""
        named = {name for row in (*self._rows.rows, self._rows.default) for name in row.see}
        return frozenset(n for n in named if CAPABILITIES[n].kind == "scope" and self._may_see(n))

    def _may_see(self, name: str) -> bool:
        """Whether a reading right of class `scope` is there. One that the provider gives without a tick counts only
        where the rows themselves mask what it must not show: secrets, and not the devices of the home."""
        return name in self._rights.scope or (name in _MASKED_BY_ROWS and self._rights.covers(name))

    # --- writing ------------------------------------------------------------------------------------------------------

    def write(self, path: str, value: str) -> Part:
        """A value for a parameter."""
        row, spec = self._rows.classify(path), self._rows.check(path)
        rule = f"cwmp.{row.id}"
        fit = check(spec, value, self._site)
        by_value = spec is not None and spec.kind == "dns"
        if row.set is None and not by_value:
            return Part(row.no, rule, refused=refused(row.no, rule, row.why))
        if isinstance(fit, Wrong):
            if fit.never is not None:
                return Part(fit.never, rule, refused=refused(fit.never, rule, fit.reason))
            wrong = Refusal("invalid", "parse.invalid", rule, f"{fit.reason.rstrip('.')}: {_last(path)}.")
            return Part("parse.invalid", rule, refused=wrong)
        capability = row.set or "dns.change"
        if fit.needs is not None and weight(fit.needs) >= weight(capability):
            capability = fit.needs
        return self._written(capability, rule, row, fit.value)

    def change(self, path: str) -> Part:
        """An object that is added or taken away: as if everything below it were written."""
        below = self._rows.below(path)
        return heaviest(self._changed(row) for row in below.named)

    def _changed(self, row: Row) -> Part:
        rule = f"cwmp.{row.id}"
        if row.set is None:
            return Part(row.no, rule, refused=refused(row.no, rule, row.why))
        return self._written(row.set, rule, row, "")

    def _written(self, capability: str, rule: str, row: Row, value: str) -> Part:
        found = CAPABILITIES[capability]
        confirm = found.kind == "ask" or found.confirm or row.write == "approve"
        # The old value is read and shown; only what may be read anyway is.
        caps = self._row(row, asks=False).caps
        needs = None
        if found.kind == "scope" and not self._rights.covers(capability):
            needs = missing(capability, rule)
        return Part(capability, rule, caps, confirm, needs, value)


def _last(path: str) -> str:
    return path.rstrip(".").rpartition(".")[2]


def refused(capability: str, rule: str, why: str) -> Refusal:
    """A refusal that nobody can lift."""
    # What nobody has classified, or what can only be read, is no attempt at anything, and no strike.
    kind: DenyKind = "unknown" if capability == "unknown.command" else "never"
    return Refusal(kind, capability, rule, why)


def missing(capability: str, rule: str) -> Refusal:
    """A refusal that the subscriber can lift."""
    sentence = f"The subscriber has not agreed to this ({capability}): {CAPABILITIES[capability].en}"
    return Refusal("scope", capability, rule, sentence)
