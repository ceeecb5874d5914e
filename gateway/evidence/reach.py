"""What a hold reaches: of a subscriber also their consents, of a consent also its sessions, those to come included.

Keys are held by the subject that they belong to, and a session's belong to the session. So whoever holds a consent or a
subscriber holds what belongs to it too, by name; and before anything is destroyed, what came since is held as well.
Counterparts: `gateway.evidence.holds` sets, `gateway.evidence.erasure` and `gateway.evidence.retention` ask before they
look.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final

from audit.entry import Json, Kind, NewEntry
from audit.erased import pieces
from audit.journal import Journal
from audit.keys.store import HeldThing
from gateway.evidence.persons import Persons, Subject

FACTS: Final = {"session": "sessions", "consent": "consents", "subscriber": "subscribers", "ks": "ks"}
"""Kind of a held thing to the fact of `hold.set` that lists it."""
SCHEDULE: Final = "schedule"
"""Stands for nobody in `by`: what a hold that somebody set reaches by itself."""


class Reach:
    """Over one log, and the state that knows whose consents are whose."""

    def __init__(self, journal: Journal, persons: Persons) -> None:
        self._journal = journal
        self._persons = persons
        self.turn = asyncio.Lock()
        """Setting, widening and releasing, one at a time: nothing widens a hold that was released meanwhile."""

    async def of(self, things: Iterable[HeldThing]) -> list[HeldThing]:
        """These, and what belongs to them by now."""
        reached = dict.fromkeys(things)
        for name in [name for kind, name in reached if kind == "subscriber"]:
            found = await self._persons.find(Subject("subscriber", name))
            reached |= dict.fromkeys(("consent", one.id) for one in (found.consents if found is not None else ()))
        consents = frozenset(name for kind, name in reached if kind == "consent")
        if consents:
            reached |= dict.fromkeys(("session", name) for name in await asyncio.to_thread(self._sessions, consents))
        return list(reached)

    async def widen(self) -> int:
        """Hold what came to standing holds since they were set, and record that; how many things it was.

        Raises `RecordFailed`, `KeyUnavailable`.
        """
        async with self.turn:
            standing = await asyncio.to_thread(self._standing)
            return sum([await self._widen(hold, things) for hold, things in standing.items()])

    async def _widen(self, hold: str, things: Sequence[HeldThing]) -> int:
        known = frozenset(things)
        more = [thing for thing in await self.of(things) if thing not in known]
        if more:
            await asyncio.to_thread(self._mark, hold, more)
            for facts in facts_of(hold, SCHEDULE, more):
                await self._journal.append(NewEntry(kind=Kind.HOLD_SET, facts=facts))
        return len(more)

    def _standing(self) -> Mapping[str, Sequence[HeldThing]]:
        """Those that can reach further than they did."""
        holds = self._journal.between(lambda _, keys, __: keys.holds())
        return {
            hold: things for hold, things in holds.items() if any(k in {"subscriber", "consent"} for k, _ in things)
        }

    def _mark(self, hold: str, things: Sequence[HeldThing]) -> None:
        self._journal.between(lambda _, keys, __: keys.hold(hold, things))

    def _sessions(self, consents: frozenset[str]) -> list[str]:
        with closing(self._journal.reader()) as reader:
            return [row.session for row in reader.rows.sessions() if row.consent_ref in consents]


def facts_of(hold: str, by: str, things: Sequence[HeldThing]) -> Iterator[dict[str, Json]]:
    """Facts of the `hold.set` entries that name these things."""
    lists = [
        (fact, piece)
        for kind, fact in FACTS.items()
        if (names := [name for of, name in things if of == kind])
        for piece in pieces(names)
    ]
    for part, (fact, names) in enumerate(lists):
        yield {"hold": hold, "by": by, fact: [*names], "part": part, "parts": len(lists)}
