"""What sessions left on CPEs and what they still expect of them, kept over a crash: `drivers.cwmp.leftovers.Leftovers`.

A session that is not live in this process is over, so what it left is due at the CPE's next contact, after a crash too.
Counterparts: the driver remembers, `gateway.state.cpes` keeps the text, `gateway.cwmp.acs` undoes and recognises.
"""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from config.clock import Clock
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import TransferComplete

MOST_EXPECTED: Final = 32
"""Of one router; the oldest is forgotten."""


class PendingTexts(Protocol):
    """Where the text of each router is kept, durably. `gateway.state.cpes.StateCpes`."""

    def pending(self, router_id: str) -> str: ...

    async def set_pending(self, router_id: str, text: str) -> None: ...


class MemoryTexts:
    """`PendingTexts` that forgets with the process."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def pending(self, router_id: str) -> str:
        return self._texts.get(router_id, "")

    async def set_pending(self, router_id: str, text: str) -> None:
        self._texts[router_id] = text


@dataclass(frozen=True, slots=True)
class Left:
    """A leftover, and the session that left it."""

    session: str
    leftover: Leftover


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A reboot or a transfer that was ordered, by its CommandKey."""

    session: str
    key: str
    what: str
    at: datetime
    told: bool = False
    """Whether the CPE has said how it ended, or it was given up."""


@dataclass(slots=True)
class _Owed:
    left: list[Left] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)


class OwedByCpes:
    """Implements `drivers.cwmp.leftovers.Leftovers` over texts, and tells the front end what is due."""

    def __init__(self, texts: PendingTexts, clock: Clock, routers: Iterable[str] = ()) -> None:
        """`routers`: those whose texts are looked at now, so that what was expected before a restart is not lost."""
        self._texts = texts
        self._clock = clock
        self._live: set[tuple[str, str]] = set()
        self._outcomes: dict[tuple[str, str], dict[str, TransferComplete]] = {}
        """Of live sessions, by router and session: what CPEs told, by CommandKey."""
        self._writing: dict[str, asyncio.Lock] = {}
        self._owed: dict[str, _Owed] = {}
        for router_id in routers:
            self._of(router_id)

    # --- the driver's side -------------------------------------------------------------------------------------------

    async def remember(self, router_id: str, session: str, leftover: Leftover) -> None:
        """Durable when it returns. Raises `Unavailable`."""
        self._live.add((router_id, session))
        owed = self._of(router_id, make=True)
        if Left(session, leftover) not in owed.left:
            owed.left.append(Left(session, leftover))
        await self._write(router_id)

    async def forget(self, router_id: str, session: str, leftover: Leftover) -> None:
        """It is over, or was undone. Raises `Unavailable`."""
        owed = self._of(router_id)
        if Left(session, leftover) in owed.left:
            owed.left.remove(Left(session, leftover))
            await self._write(router_id)

    async def expects(self, router_id: str, session: str, command_key: str, what: str) -> None:
        """Durable when it returns. Raises `Unavailable`."""
        owed = self._of(router_id, make=True)
        made = Expected(session=session, key=command_key, what=what, at=self._clock.now())
        others = [one for one in owed.expected if one.key != command_key]
        owed.expected = [*others[1 - MOST_EXPECTED :], made]
        await self._write(router_id)

    def outcome(self, router_id: str, command_key: str) -> TransferComplete | None:
        expected = self.expected(router_id, command_key)
        return None if expected is None else self._outcomes.get((router_id, expected.session), {}).get(command_key)

    def ended(self, router_id: str, session: str) -> None:
        self._live.discard((router_id, session))
        self._outcomes.pop((router_id, session), None)

    # --- the front end's side ----------------------------------------------------------------------------------------

    def due(self, router_id: str) -> tuple[Left, ...]:
        """What is to be undone now: that of sessions that are over, the last first."""
        owed = self._owed.get(router_id) or (self._of(router_id) if self._texts.pending(router_id) else None)
        if owed is None:
            return ()
        return tuple(one for one in reversed(owed.left) if (router_id, one.session) not in self._live)

    def expected(self, router_id: str, command_key: str) -> Expected | None:
        """What a CommandKey that the CPE gave belongs to. Only what was ordered of this CPE counts."""
        return next((one for one in self._of(router_id).expected if one.key == command_key), None)

    async def told(self, router_id: str, command_key: str, outcome: TransferComplete | None = None) -> None:
        """The CPE has said how it ended; the session that ordered it may look at the `outcome` while it lives.

        Raises `Unavailable`.
        """
        owed, expected = self._of(router_id), self.expected(router_id, command_key)
        if outcome is not None and expected is not None and (router_id, expected.session) in self._live:
            self._outcomes.setdefault((router_id, expected.session), {})[command_key] = outcome
        if any(one.key == command_key and not one.told for one in owed.expected):
            self._mark(owed, command_key)
            await self._write(router_id)

    def open_transfers(self) -> list[tuple[str, Expected]]:
        """Everything that was ordered and not heard of since, by router."""
        return [(router_id, one) for router_id, owed in self._owed.items() for one in owed.expected if not one.told]

    @staticmethod
    def _mark(owed: _Owed, key: str) -> None:
        owed.expected = [
            Expected(session=one.session, key=one.key, what=one.what, at=one.at, told=one.told or one.key == key)
            for one in owed.expected
        ]

    # --- texts -------------------------------------------------------------------------------------------------------

    def _of(self, router_id: str, *, make: bool = False) -> _Owed:
        owed = self._owed.get(router_id)
        if owed is None:
            text = self._texts.pending(router_id)
            owed = _read(text) if text else _Owed()
            if text or make:
                self._owed[router_id] = owed
        return owed

    async def _write(self, router_id: str) -> None:
        """One write after the other, each with the newest state."""
        async with self._writing.setdefault(router_id, asyncio.Lock()):
            await self._texts.set_pending(router_id, _spell(self._owed[router_id]))


def given_up(expected: Expected, minutes: int | None, now: datetime) -> bool:
    """Whether nothing more will be heard of a transfer at a model that may never tell (quirk 23)."""
    return minutes is not None and expected.at + timedelta(minutes=minutes) <= now


def _spell(owed: _Owed) -> str:
    if not owed.left and not owed.expected:
        return ""
    left = [{"session": one.session, **one.leftover.as_json()} for one in owed.left]
    expected = [
        {"session": one.session, "key": one.key, "what": one.what, "at": one.at.isoformat(), "told": one.told}
        for one in owed.expected
    ]
    return json.dumps({"left": left, "expected": expected})


def _read(text: str) -> _Owed:
    """What `_spell` wrote; the state is ours and sealed, so it is as we wrote it."""
    kept: dict[str, list[dict[str, Any]]] = json.loads(text)
    return _Owed(
        [Left(one.pop("session"), Leftover.from_json(one)) for one in kept["left"]],
        [Expected(**{**one, "at": datetime.fromisoformat(one["at"])}) for one in kept["expected"]],
    )
