"""What becomes of one line the rep typed: judged by the policy, asked about, counted as a strike. Pure.

A command of class `ask` is answered only by a line that comes after the question was shown. If lines wait in the
queue at that moment, or come that were typed before, nobody can have read the question before typing them: the command
is not sent and the queue goes on. An answer that is neither yes nor no is a no, and is then judged as a line of its
own, so that none is lost.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias, assert_never

from gateway.mediation import messages
from gateway.mediation.local import holds_control_characters
from gateway.mediation.setup import Setup
from gateway.mediation.whereabouts import Whereabouts
from gateway.policy.verdict import Allow, Deny, Position, Verdict

_YES: Final = frozenset({"y", "yes"})
_NO: Final = frozenset({"n", "no", ""})


@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty line: the prompt is shown again."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The gateway answers the line itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """The line is recorded as refused and `text` shown. `close` names a reason to end the session."""

    verdict: Deny
    text: str
    strike: int | None = None
    close: str | None = None
    offer: str | None = None
    """A capability the subscriber may be asked for, if the rep says so: the question is open then."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The rep must confirm first."""

    question: str
    verdict: Allow
    preview: str = field(default="", repr=False)
    """What the line would do, shown before the question like output of the line: with what is secret masked."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rep wants the subscriber to be asked for `capability`."""

    capability: str


@dataclass(frozen=True, slots=True)
class Go:
    """The line may be recorded and sent."""

    verdict: Allow
    confirmed: str | None = None


Outcome: TypeAlias = Nothing | Answered | Blocked | Asked | Wanted | Go


@dataclass(frozen=True, slots=True)
class Judged:
    """An outcome, and the line as it may be shown and recorded."""

    outcome: Outcome
    shown: str


class Judge:
    """Judges one session's lines. Remembers the last verdict, the strikes, and the question that is open."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._strikes = 0
        self._open: tuple[Allow, str] | None = None
        self._offer: str | None = None
        self._offered: set[str] = set()
        self.last: Verdict | None = None

    @property
    def asking(self) -> bool:
        """Whether a question is open; `answer` takes the next line then."""
        return self._open is not None or self._offer is not None

    def judge(self, line: str, where: Whereabouts, now: datetime, *, ahead: bool = False) -> Judged:
        """What becomes of `line`. `ahead`: more lines wait behind it."""
        if not line.strip():
            return Judged(Nothing(), "")
        if holds_control_characters(line):
            deny = messages.control_characters(where.position)
            return Judged(self._refused(deny), deny.typed_shown)
        if line.strip() == "why":
            return Judged(Answered(messages.explanation(self.last)), line)
        verdict = self._decide(line, where.position, now)
        if verdict.help:
            return Judged(Answered(self._help(verdict, line, where.position)), verdict.typed_shown)
        match verdict:
            case Deny():
                return Judged(self._offering(self._refused(verdict), ahead), verdict.typed_shown)
            case Allow():
                return Judged(self._allowed(verdict, line, where, ahead), verdict.typed_shown)
            case _:
                assert_never(verdict)

    def answer(self, text: str, where: Whereabouts, now: datetime) -> tuple[Judged, str | None]:
        """The rep's answer to the open question, and the line to judge next if it was not an answer at all."""
        word = text.strip().lower()
        if self._offer is not None:
            return self._answer_offer(text, word)
        assert self._open is not None
        (verdict, line), self._open = self._open, None
        if word not in _YES:
            blocked = _not_confirmed(verdict, messages.NOT_SENT)
            return (Judged(blocked, text), None) if word in _NO else (Judged(blocked, ""), text)
        # Judged again: the answer may have taken long, and the prompt may have moved meanwhile.
        again = self._decide(line, where.position, now)
        if isinstance(again, Deny):
            return Judged(self._refused(again), text), None
        if again.canonical != verdict.canonical or (where.unsure and not _leads_back(again)):
            return Judged(_not_confirmed(again, messages.NOT_SENT), text), None
        return Judged(Go(again, "terminal"), text), None

    def withdraw(self) -> Judged:
        """The open question is none any more: what comes now was typed before it could be read."""
        if self._offer is not None:
            self._offered.discard(self._offer)
            self._offer = None
            return Judged(Nothing(), "")
        assert self._open is not None
        (verdict, _), self._open = self._open, None
        return Judged(_not_confirmed(verdict, messages.NOT_SENT_AHEAD), "")

    def _offering(self, blocked: Blocked, ahead: bool) -> Blocked:
        """The same with an offer to ask the subscriber: once for each capability, and only if somebody can answer."""
        wanted = blocked.verdict.askable
        if wanted is None or ahead or not (self._setup.asks and self._setup.offers) or wanted in self._offered:
            return blocked
        self._offered.add(wanted)
        self._offer = wanted
        # The question says what the other sentences would.
        return replace(blocked, text=messages.refused(blocked.verdict), offer=wanted)

    def _answer_offer(self, text: str, word: str) -> tuple[Judged, str | None]:
        wanted, self._offer = self._offer, None
        assert wanted is not None
        if word in _YES:
            return Judged(Wanted(wanted), text), None
        if word in _NO:
            return Judged(Answered(f"{messages.NOT_ASKED}\n"), text), None
        return Judged(Nothing(), ""), text

    def question(self) -> str:
        """The open question, to show it again."""
        if self._offer is not None:
            return messages.OFFER.format(capability=self._offer)
        return messages.confirmation(self._open[0]) if self._open is not None else ""

    def _decide(self, line: str, position: Position, now: datetime) -> Verdict:
        verdict = self._setup.decide(position, line, now)
        if isinstance(verdict, Allow) and holds_control_characters(verdict.canonical):
            verdict = messages.control_characters(position)
        self.last = verdict
        return verdict

    def _help(self, verdict: Verdict, line: str, position: Position) -> str:
        """The answer to a help request. It is never sent, and asking about a refused command is no strike."""
        if self._setup.help is not None:
            return self._setup.help(position, line) or f"{messages.NO_HELP}\n"
        if isinstance(verdict, Deny):
            return messages.refusal(verdict, None, 0)
        return f"{messages.NO_HELP}\n"

    def _allowed(self, verdict: Allow, line: str, where: Whereabouts, ahead: bool) -> Outcome:
        if not verdict.canonical:
            return Nothing()
        if where.unsure and not _leads_back(verdict):
            return _not_confirmed(verdict, messages.unsure(where.prompt))
        if not verdict.confirm:
            return Go(verdict)
        if not self._setup.asks:
            confirmed = self._setup.confirmed_by
            return Go(verdict, confirmed) if confirmed else _not_confirmed(verdict, messages.NOT_SENT_NOBODY)
        if ahead:
            return _not_confirmed(verdict, messages.NOT_SENT_AHEAD)
        preview = None if self._setup.preview is None else self._setup.preview(verdict.canonical)
        if preview is not None and not preview.does:
            return Answered(preview.text)
        self._open = (verdict, line)
        return Asked(messages.confirmation(verdict), verdict, "" if preview is None else preview.text)

    def _refused(self, verdict: Deny) -> Blocked:
        limit = self._setup.limits.strikes
        strike = None
        if verdict.kind == "never":
            self._strikes += 1
            strike = self._strikes
        close = "strikes" if strike is not None and strike >= limit else None
        close = "ended" if verdict.kind == "ended" else close
        return Blocked(verdict, messages.refusal(verdict, strike, limit), strike, close)


def _not_confirmed(verdict: Allow, reason: str) -> Blocked:
    return Blocked(messages.not_confirmed(verdict, reason), f"{reason}\n")


def _leads_back(verdict: Allow) -> bool:
    return (verdict.enters is not None or verdict.leaves) and verdict.capability == "session.control"
