"""Whom an erasure is about, and what stands about them beside the log. `gateway.state` implements `Persons`.

The log's own rows are found by key sets; here are the operational state's: contacts, routers, the texts of consents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

SubjectKind = Literal["subscriber", "router", "consent", "session"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What somebody asks to have erased: an id (ULID), or for a router its name or id."""

    kind: SubjectKind
    id: str


@dataclass(frozen=True, slots=True)
class StoredConsent:
    """A consent of the state, as far as an erasure must know it."""

    id: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the state knows of a subject."""

    subscriber: str | None = None
    """Their reference, if all their data is asked for."""
    routers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Id and name."""
    consents: tuple[StoredConsent, ...] = ()
    contacts: int = 0


class Persons(Protocol):
    """The operational state's side of an erasure."""

    async def find(self, subject: Subject) -> Found | None:
        """What is known of a subscriber, router or consent; none if nothing is."""
        ...

    async def erase(self, *, consents: Sequence[str], subscriber: str | None) -> int:
        """Blank the texts of consents, keeping who asked whom when and what became of it; with `subscriber` delete
        their contacts and routers. How many rows changed. Safe to repeat; no copy is left in side files."""
        ...

    async def reconciled_to(self) -> int:
        """Up to which entry of the log the state is known to be in line."""
        ...
