"""What becomes of a line and why, for a person or a program. Counterpart: `vestibule policy explain`."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from gateway.policy.capabilities import CAPABILITIES
from gateway.policy.cwmp.policy import PLATFORM
from gateway.policy.decide import decide
from gateway.policy.selftest import EVERYTHING, NOW
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Allow, Position, Rights, Site, Verdict

Word = Literal["allow", "confirm", "sensitive", "deny"]
"""How the scoring file names verdicts: by class of the heaviest capability."""


def word_of(verdict: Verdict) -> Word:
    """The verdict in one word, apart from what a consent grants."""
    if not isinstance(verdict, Allow):
        return "sensitive" if verdict.kind == "scope" else "deny"
    kinds = {CAPABILITIES[name].kind for name in verdict.capabilities}
    return "sensitive" if "scope" in kinds else "confirm" if "ask" in kinds else "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One line explained. Texts hold no secrets."""

    platform: str
    mode: str
    context: str
    line: str
    verdict: Word
    capability: str
    capabilities: tuple[str, ...]
    canonical: str | None
    """What would be sent; none if nothing would."""
    rule: str
    pattern: str | None
    """The pattern of the rule in its table."""
    row: int | None
    """Where the rule is in `commands`, from 1."""
    reason: str
    enters: str | None
    digest: str

    def as_json(self) -> dict[str, Any]:
        """All fields, ready for `json.dumps`."""
        return asdict(self)

    def text(self) -> str:
        """Several lines for a terminal."""
        lines = [
            ("verdict", self.verdict),
            ("capability", ", ".join(dict.fromkeys((self.capability, *self.capabilities)))),
            ("sends", self.canonical if self.canonical is not None else "nothing"),
            ("rule", self.rule if self.pattern is None else f"{self.rule} ({self.pattern})"),
            ("reason", self.reason),
            *([("then in", self.enters)] if self.enters else []),
            ("policy", self.digest),
        ]
        return "\n".join(f"{name:<12}{value}" for name, value in lines)


_REASONS: dict[Word, str] = {
    "allow": "Comes with every consent.",
    "confirm": "Comes with every consent; the rep confirms each use.",
    "sensitive": "Only if the subscriber ticked it.",
    "deny": "Cannot be sent.",
}


def explain(
    bundle: PolicyBundle, platform: str, mode: str, context: str, line: str, site: Site | None = None
) -> Explanation:
    """What `line` would become under a consent with every capability. Without `site`, no home prefixes are known."""
    rights: Rights = EVERYTHING
    verdict = decide(bundle, site or Site(), Position(platform, mode, context), line, rights, NOW)
    word = word_of(verdict)
    pattern, row = _origin(bundle, platform, verdict.rule_id)
    enters = verdict.enters if isinstance(verdict, Allow) else None
    return Explanation(
        platform=platform,
        mode=mode,
        context=context,
        line=verdict.typed_shown,
        verdict=word,
        capability=verdict.capability,
        capabilities=verdict.capabilities if isinstance(verdict, Allow) else (verdict.capability,),
        canonical=verdict.shown if isinstance(verdict, Allow) else None,
        rule=verdict.rule_id,
        pattern=pattern,
        row=row,
        reason=_reason(verdict, word),
        enters=None if enters is None else f"{enters.mode} {enters.context}".strip(),
        digest=verdict.policy_digest,
    )


def _reason(verdict: Verdict, word: Word) -> str:
    if not isinstance(verdict, Allow):
        return verdict.reason
    if verdict.help:
        return "A help request; the gateway answers it itself and sends nothing."
    return _REASONS[word]


def _origin(bundle: PolicyBundle, platform: str, rule_id: str) -> tuple[str | None, int | None]:
    """The pattern of a rule and its row, if the id names one. Of a row of parameters: what it says, and its number."""
    if bundle.cwmp is not None and platform == PLATFORM:
        rows = enumerate(bundle.cwmp.rows.rows, 1)
        return next(((row.why.rstrip("."), at) for at, row in rows if rule_id == f"{PLATFORM}.{row.id}"), (None, None))
    table = bundle.tables.get(platform)
    found = next((rule for rule in table.rules if rule.id == rule_id), None) if table is not None else None
    if found is None:
        return None, None
    row = rule_id.split(".")[-2]
    return found.pattern, int(row) if row.isdigit() else None
