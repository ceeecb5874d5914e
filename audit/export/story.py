"""What happened in a session, line by line, as far as the heads and the parts laid open tell. Pure.

For README and player page. Texts are what a stranger typed or a router printed: they are spelled out
(`audit.recording.terminal.visible`), never passed on raw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from audit.entry import Json, Kind
from audit.exchanges import Exchange, exchanges, lines_of
from audit.export.playback import Playback
from audit.export.selection import SelectedSession
from audit.reader import StoredEntry
from audit.recording.terminal import visible

Opened = Mapping[tuple[int, str], Mapping[str, Json]]
"""Contents laid open, by index and compartment."""

_LONGEST = 400
_MOST_LINES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc:
    """One RPC of TR-069. `asked`, `came`: a line for each name or value; none if not laid open."""

    exchange: Exchange
    asked: tuple[str, ...] | None
    came: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a rep: sent or refused. `typed`, `result`: none if not laid open; `at`: seconds in the player."""

    n: int
    index: int
    time: datetime
    verdict: Literal["allow", "deny"]
    typed: str | None
    outcome: str
    """As recorded: done, failed, …; `refused` for a refused line, `unknown` if no result is on record."""
    result: str | None
    at: float | None
    rpcs: tuple[Rpc, ...] = ()
    """What carried it out, on a router without a command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One session."""

    session: str
    consent_ref: str | None
    started: datetime
    ended: datetime | None
    reason: str | None
    """One word: why it ended."""
    complete: bool
    entries: int
    lines: tuple[Line, ...]
    rep: str | None
    """Alias, where the consent's record tells it to the writer of the bundle."""

    @property
    def sent(self) -> int:
        """Lines that were allowed."""
        return sum(line.verdict == "allow" for line in self.lines)


def story(chosen: SelectedSession, opened: Opened, played: Playback | None, rep: str | None) -> Story:
    """Of one session; entries of other purposes than a rep's command (preparation, answers) are not lines."""
    results = {_number(entry, "of"): entry for entry in chosen.entries if entry.kind is Kind.CMD_RESULT}
    started, last = chosen.entries[0], chosen.entries[-1]
    closed = last if last.kind in {Kind.SESSION_CLOSED, Kind.SESSION_REFUSED} else None
    moments = _Moments(chosen.entries, played)
    rpcs: dict[int | None, list[Rpc]] = {}
    for one in exchanges(chosen.entries):
        rpcs.setdefault(one.command, []).append(_rpc(one, opened))
    lines = (_line(entry, results, opened, moments) for entry in chosen.entries if _is_line(entry))
    return Story(
        session=chosen.session,
        consent_ref=chosen.consent_ref,
        started=started.time,
        ended=None if closed is None else closed.time,
        reason=None if closed is None else str(closed.facts.get("reason") or closed.facts.get("code") or ""),
        complete=chosen.complete,
        entries=len(chosen.entries),
        lines=tuple(replace(line, rpcs=tuple(rpcs.get(line.n, ()))) for line in lines),
        rep=rep,
    )


class _Moments:
    """Where an entry is in the playback. Refused lines have no mark; they are placed by the clock."""

    def __init__(self, entries: Sequence[StoredEntry], played: Playback | None) -> None:
        self._played = played
        self._start: float | None = None
        if played is None:
            return
        for entry in entries:
            if entry.kind is Kind.REC_CHUNK:
                # The chunk's entry was written right after its last event, `t1` after the start of the recording.
                self._start = entry.time.timestamp() - _number(entry, "t1") / 1e6
                return

    def of(self, entry: StoredEntry) -> float | None:
        """Seconds of the playback; none without one."""
        if self._played is None:
            return None
        known = self._played.commands.get(entry.n or 0)
        if known is not None or self._start is None:
            return known
        return self._played.shown_at(max(0, int((entry.time.timestamp() - self._start) * 1e6)))


def _is_line(entry: StoredEntry) -> bool:
    if entry.kind is Kind.CMD_INTENT:
        return entry.facts.get("purpose", "command") == "command"
    return entry.kind is Kind.CMD_BLOCKED


def _line(entry: StoredEntry, results: Mapping[int, StoredEntry], opened: Opened, moments: _Moments) -> Line:
    allowed = entry.kind is Kind.CMD_INTENT
    result = results.get(entry.n or 0) if allowed else None
    out = opened.get((result.index, "out")) if result is not None else None
    act = opened.get((entry.index, "act"))
    return Line(
        n=entry.n or 0,
        index=entry.index,
        time=entry.time,
        verdict="allow" if allowed else "deny",
        typed=None if act is None else _text(act.get("typed")),
        outcome=("unknown" if result is None else str(result.facts.get("outcome", "done"))) if allowed else "refused",
        result=None if out is None else _text(out.get("last") or out.get("first")),
        at=moments.of(entry),
    )


def _rpc(one: Exchange, opened: Opened) -> Rpc:
    return Rpc(
        exchange=one,
        asked=_lines(opened.get((one.intent.index, "act"))),
        came=None if one.result is None else _lines(opened.get((one.result.index, "out"))),
    )


def _lines(part: Mapping[str, Json] | None) -> tuple[str, ...] | None:
    if part is None:
        return None
    every = [_text(line) for line in lines_of(part)]
    return (*every[:_MOST_LINES], *((f"… +{len(every) - _MOST_LINES}",) if len(every) > _MOST_LINES else ()))


def _text(value: Json) -> str:
    text = visible(value if isinstance(value, str) else "")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _number(entry: StoredEntry, name: str) -> int:
    value = entry.facts.get(name)
    return value if isinstance(value, int) else 0
