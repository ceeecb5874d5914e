"""The mediator: told what happens in a session, says what is to be done. Pure; `gateway.session.runner` does it.

Rules that hold for every sequence of events:
- `Send` comes only after the `Recorded` that answers the `Record` of the same bytes;
- after `Close` nothing comes any more;
- what the router prints changes nothing but through `drivers.prompt`.
"""

from datetime import datetime, timedelta
from typing import Protocol

from gateway.mediation import messages
from gateway.mediation.events import (
    Close,
    DeadlineMoved,
    Effect,
    Ended,
    Event,
    Noted,
    RecordFailedEvent,
    RecordRefusedEvent,
    Show,
)
from gateway.mediation.exec import ExecMediation
from gateway.mediation.setup import SessionEvent, Setup, ended_status
from gateway.mediation.shell import ShellMediation
from gateway.policy.verdict import Position


class _Mediation(Protocol):
    """What both shapes can do."""

    @property
    def position(self) -> Position: ...

    @property
    def prompt(self) -> str: ...

    @property
    def idle(self) -> bool: ...

    def receive(self, event: SessionEvent, now: datetime) -> list[Effect]: ...

    def end(self) -> list[Effect]: ...

    def notice(self, text: str) -> list[Effect]: ...


class Mediator:
    """One session. Call `receive` with one event at a time and perform what it returns, in order."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._deadline = setup.deadline
        self._warned = False
        self._closed = False
        self._inner: _Mediation = ShellMediation(setup) if setup.shape == "shell" else ExecMediation(setup)

    @property
    def position(self) -> Position:
        """Where the session stands on the router, for completion and help."""
        return self._inner.position

    @property
    def prompt(self) -> str:
        """The router's prompt as it was last shown; empty in the exec shape."""
        return self._inner.prompt

    @property
    def idle(self) -> bool:
        """Whether everything typed so far is dealt with, and the router waits at its prompt."""
        return not self._closed and self._inner.idle

    @property
    def closed(self) -> bool:
        """Whether `Close` was given out."""
        return self._closed

    def receive(self, event: Event, now: datetime) -> list[Effect]:
        """What is to be done after `event`. `now` is wall time, timezone-aware."""
        if self._closed:
            return []
        effects = self._effects_of(event, now)
        for index, effect in enumerate(effects):
            if isinstance(effect, Close):
                self._closed = True
                return _joined(effects[: index + 1])
        return _joined(effects)

    def _effects_of(self, event: Event, now: datetime) -> list[Effect]:
        match event:
            case Ended(reason) | RecordRefusedEvent(reason):
                return self._end(reason)
            case RecordFailedEvent():
                # Nothing more can be recorded, the result of a running command included.
                return [_close("record_failed")]
            case DeadlineMoved(deadline):
                self._deadline, self._warned = deadline, False
                return []
            case Noted(text):
                return self._inner.notice(text)
            case _:
                if now >= self._deadline:
                    return self._end("expired")
                return self._warning(now) + self._inner.receive(event, now)

    def _end(self, reason: str) -> list[Effect]:
        return [*self._inner.end(), _close(reason)]

    def _warning(self, now: datetime) -> list[Effect]:
        """Tell once that little time is left."""
        left = self._deadline - now
        if self._warned or left > timedelta(seconds=self._setup.limits.warn_seconds):
            return []
        self._warned = True
        return self._inner.notice(messages.WARNING.format(left=messages.time_left(now, self._deadline)))


def _close(reason: str) -> Close:
    return Close(reason, messages.closing(reason), ended_status(reason))


def _joined(effects: list[Effect]) -> list[Effect]:
    """Neighbouring texts for the same stream as one."""
    joined: list[Effect] = []
    for effect in effects:
        last = joined[-1] if joined else None
        if (
            isinstance(effect, Show)
            and isinstance(last, Show)
            and (last.stderr, last.own) == (effect.stderr, effect.own)
        ):
            same = last.recorded is None and effect.recorded is None
            kept = None if same else last.kept + effect.kept
            joined[-1] = Show(last.text + effect.text, stderr=last.stderr, own=last.own, recorded=kept)
        else:
            joined.append(effect)
    return joined
