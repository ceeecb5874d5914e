"""What is asked for: which sessions and consents, for whom, and which sealed parts are laid open. Pure."""

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from audit.errors import AuditError
from audit.keys.store import RECORDING
from audit.leaf import COMPARTMENTS

Profile = Literal["court", "subscriber", "auditor"]
"""`court`: chosen sessions, chosen parts. `subscriber`: everything about them, nobody's name. `auditor`: heads and
proofs only."""

PROFILES: Final[tuple[Profile, ...]] = get_args(Profile)
PARTS: Final = (*sorted(COMPARTMENTS), RECORDING)
"""What can be laid open: the compartments of an entry, and the recording."""

_SUBSCRIBER: Final = frozenset({"subj", "act", "out", RECORDING})
"""Everything but who acted: the copy of the person concerned names nobody."""

_SINGLE: Final = re.compile(r"([0-9]{1,15}):([a-z]{2,4})\Z")
_BASIS: Final = re.compile(r"[a-z][a-z0-9.-]{0,39}\Z")


class BadExport(AuditError):
    """What was asked for cannot be exported. The text says why, and what to ask for instead."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Which sealed parts are laid open: compartments of every entry, and single parts of single entries."""

    compartments: frozenset[str] = frozenset()
    single: frozenset[tuple[int, str]] = frozenset()

    @classmethod
    def parse(cls, words: str) -> "Disclosure":
        """`act,out,rec` and, for one entry, `1042:who`. Raises `BadExport`."""
        compartments, single = set(), set()
        for word in filter(None, (word.strip() for word in words.split(","))):
            match = _SINGLE.match(word)
            name = match[2] if match else word
            if name not in PARTS:
                raise BadExport(f"There is no part '{name}'; the parts are {', '.join(PARTS)}.")
            if match is None:
                compartments.add(name)
            elif name == RECORDING:
                raise BadExport("A recording is given as a whole: say `rec`, not the part of one entry.")
            else:
                single.add((int(match[1]), name))
        return cls(frozenset(compartments), frozenset(single))

    def allows(self, index: int, compartment: str) -> bool:
        """Whether this part of the entry at `index` is laid open."""
        return compartment in self.compartments or (index, compartment) in self.single

    @property
    def recording(self) -> bool:
        """Whether recordings are given."""
        return RECORDING in self.compartments

    def words(self) -> list[str]:
        """As `parse` reads them, sorted."""
        return [*sorted(self.compartments), *(f"{index}:{name}" for index, name in sorted(self.single))]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """One export. Sessions and consents are ids; `basis` says why, in the words of whoever answers for it."""

    profile: Profile
    sessions: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
    disclosure: Disclosure = Disclosure()
    basis: str = ""
    approvals: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.sessions and not self.consents:
            raise BadExport("Nothing was asked for; name sessions, a consent or a router.")
        if not self.basis.strip():
            raise BadExport("An export needs a basis: why is it handed out? For example gdpr-15, or a court's order.")
        if len(self.basis) > 500:
            raise BadExport("The basis is longer than 500 characters.")
        if self.profile == "auditor" and (self.disclosure.compartments or self.disclosure.single):
            raise BadExport("An auditor's bundle holds heads and proofs; what is laid open goes into one for a court.")
        if self.profile == "subscriber" and "who" in {*self.disclosure.compartments, *_names(self.disclosure)}:
            raise BadExport("A subscriber's copy names nobody: `who` stays closed. A court may be given it.")

    @property
    def basis_token(self) -> str:
        """What may stand in the open part of the log: a short word like `gdpr-15`; a sentence becomes `other`."""
        return self.basis if _BASIS.match(self.basis) else "other"


def disclosure_for(profile: Profile, words: str | None) -> Disclosure:
    """What was named, or what the profile lays open by itself: nothing but for the subscriber. Raises `BadExport`."""
    if words is not None:
        return Disclosure.parse(words)
    return Disclosure(_SUBSCRIBER) if profile == "subscriber" else Disclosure()


def _names(disclosure: Disclosure) -> set[str]:
    return {name for _, name in disclosure.single}
