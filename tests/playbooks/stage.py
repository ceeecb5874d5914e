"""A stage for the mediator: play events, see effects. Counterparts: the scenario files `*.txt` beside this module.

A scenario is a text file, one step a line:

    # remark
    with: platform=ios pty asks strikes=3     how the session is set up, before the first step
    login                                     Opened, banner and preparation, whose effects are not listed
    > show clock                              a line is typed
    keys: show clokc\\b\\bck\\r                 bytes come from the client's keyboard, through its line editor
    ^C / ^D                                   Ctrl-C, end of input
    router: show clock\\r\\n12:00\\r\\nR1#        the router prints (stderr: on the other stream)
    router ends 0                             the router closes, with an exit status or without
    wait 2                                    seconds pass, in ticks of 0.25
    noted: text                               the gateway has news for the rep
    ended: revoked                            the session is ended from outside
    hold                                      records are not answered any more ...
    recorded                                  ... until now: the oldest one is
    refused: revoked / failed                 the journal's other answers to a record
    position: config interface Dialer1        where the session must stand
    effect: show 12:00\\n                      what must come, in order; an effect that is not listed fails

Texts are Python escapes. Each `Record` is answered at once unless records are held.
"""

import codecs
import itertools
import re
import shlex
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

from audit._mint import KEY
from audit.command import RecordedCommand
from drivers.definition import load_definition
from gateway.mediation.events import (
    AskSubscriber,
    Close,
    DeadlineMoved,
    Effect,
    Ended,
    Event,
    InputEnded,
    Interrupted,
    LineTyped,
    Mark,
    Noted,
    Opened,
    Record,
    RecordBlocked,
    Recorded,
    RecordFailedEvent,
    RecordRefusedEvent,
    RecordResult,
    RouterEnded,
    RouterOutput,
    Send,
    Show,
    Throttle,
    TimePassed,
)
from gateway.mediation.mediator import Mediator
from gateway.mediation.setup import Limits, PreviewOf, Setup
from gateway.policy.decide import decide, own_line
from gateway.policy.load import load_bundle
from gateway.policy.position import agrees
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Position, Rights, Site, Verdict
from gateway.session.lines import LineEditor

HERE = Path(__file__).parent
START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
LOGIN = {
    "ios": ("R1#", ["\r\nWelcome\r\nR1#", "terminal length 0\r\nR1#", "terminal width 511\r\nR1#"]),
    "openwrt": ("root@OpenWrt:~# ", ["\r\nBusyBox\r\nroot@OpenWrt:~# \x1b[6n"]),
}


@cache
def bundle() -> PolicyBundle:
    """The small tables of the playbooks."""
    return load_bundle(HERE / "tables")


@dataclass
class Casting:
    """How a session is set up."""

    platform: str = "ios"
    pty: bool = False
    asks: bool = False
    offers: bool = False
    confirmed: str | None = None
    exec: bool = False
    crlf: bool = False
    scope: frozenset[str] = frozenset()
    secrets: dict[str, str] = field(default_factory=dict)
    minutes: float = 30
    limits: dict[str, float] = field(default_factory=dict)
    preview: PreviewOf | None = None

    @classmethod
    def parse(cls, text: str) -> "Casting":
        """From the words of a `with:` step."""
        casting = cls()
        for word in shlex.split(text):
            name, _, value = word.partition("=")
            match name:
                case "platform":
                    casting.platform = value
                case "pty" | "asks" | "offers" | "exec" | "crlf":
                    setattr(casting, name, True)
                case "confirmed":
                    casting.confirmed = value
                case "scope":
                    casting.scope = frozenset(value.split(","))
                case "enable":
                    casting.secrets["enable"] = value
                case "minutes":
                    casting.minutes = float(value)
                case _:
                    casting.limits[name] = float(value) if "." in value else int(value)
        return casting

    def mediator(self) -> Mediator:
        """A mediator on the playbooks' own tables."""
        deadline = START + timedelta(minutes=self.minutes)
        rights = Rights(scope=self.scope, deadline=deadline)

        def decided(position: Position, line: str, now: datetime) -> Verdict:
            return decide(bundle(), Site(), position, line, rights, now)

        return Mediator(
            Setup(
                definition=load_definition(self.platform),
                decide=decided,
                own_line=partial(own_line, bundle()),
                agrees=partial(agrees, bundle().tables[self.platform]),
                deadline=deadline,
                shape="exec" if self.exec else "shell",
                asks=self.asks,
                offers=self.offers,
                confirmed_by=self.confirmed,
                show_prompts=self.pty,
                newline="\r\n" if self.crlf else None if self.exec else "\n",
                limits=Limits(**self.limits),  # type: ignore[arg-type]
                secrets=self.secrets,
                scope=lambda: self.scope,
                preview=self.preview,
            )
        )


class Stage:
    """A mediator with a journal that answers each `Record` at once, unless it is told to hold them."""

    def __init__(self, casting: Casting) -> None:
        self.casting = casting
        self.mediator = casting.mediator()
        self.effects: list[Effect] = []
        self.now = START
        self.seconds = 0.0
        self.holding = False
        self._held: deque[Record] = deque()
        self.editor = LineEditor(
            lambda text: None,
            on_line=lambda line: self.play(LineTyped(line)),
            on_interrupt=lambda: self.play(Interrupted()),
            on_eof=lambda: self.play(InputEnded()),
        )
        self._numbers = itertools.count(1)

    def play(self, event: Event) -> None:
        """Give the mediator an event, and the journal's answers to what it asks."""
        events = deque([event])
        while events:
            for effect in self.mediator.receive(events.popleft(), self.now):
                self.effects.append(effect)
                if isinstance(effect, Record):
                    if self.holding:
                        self._held.append(effect)
                    else:
                        events.append(self.proof(effect))

    def proof(self, record: Record) -> Recorded:
        """The journal's proof of `record`."""
        n = next(self._numbers)
        return Recorded(
            RecordedCommand(
                wire=record.wire,
                session="session",
                consent_ref="consent",
                entry_index=100 + n,
                n=n,
                generation=0,
                purpose=record.purpose,
                mint=KEY,
            )
        )

    def answer_held(self) -> None:
        """The oldest record that was held becomes durable."""
        self.play(self.proof(self._held.popleft()))

    def login(self) -> None:
        """Open, and bring the router to its first prompt."""
        self.play(Opened())
        for output in LOGIN[self.casting.platform][1]:
            self.play(RouterOutput(output.encode()))
        self.effects.clear()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds * 4)):
            self.seconds += 0.25
            self.now += timedelta(seconds=0.25)
            self.play(TimePassed(self.seconds))

    def take(self) -> list[str]:
        """Effects since the last time, as scenario files spell them; neighbouring texts as one."""
        effects, self.effects = self.effects, []
        return list(spelled(effects))


def spelled(effects: list[Effect]) -> Iterator[str]:
    """Effects as scenario files spell them."""
    for kind, group in itertools.groupby(effects, key=_stream):
        if kind:
            shows = [effect for effect in group if isinstance(effect, Show)]
            yield f"{kind} {escaped(''.join(effect.text for effect in shows))}"
            if any(effect.recorded is not None for effect in shows):
                yield f"{kind}-recorded {escaped(''.join(effect.kept for effect in shows))}"
        else:
            yield from map(_spell, group)


def _stream(effect: Effect) -> str:
    if not isinstance(effect, Show):
        return ""
    return ("say" if effect.own else "show") + ("-err" if effect.stderr else "")


def _spell(effect: Effect) -> str:
    match effect:
        case Record():
            confirmed = f" (confirmed {effect.confirmed})" if effect.confirmed else ""
            return f"record {effect.purpose} {escaped(effect.wire.decode())}{confirmed}"
        case RecordBlocked(verdict, strike):
            text = f"blocked {verdict.kind} {verdict.capability} {escaped(verdict.typed_shown)}"
            return text + (f" (strike {strike})" if strike is not None else "")
        case RecordResult():
            status = f" status {effect.exit_status}" if effect.exit_status is not None else ""
            first, last = escaped(effect.first_line), escaped(effect.last_line)
            return f"result {effect.n} {effect.outcome}{status} {effect.output_bytes} bytes [{first}] [{last}]"
        case Send(command):
            return f"send {escaped(command.wire.decode())}"
        case Mark():
            return f"mark {effect.n} {escaped(effect.shown)}"
        case AskSubscriber(capability):
            return f"ask subscriber {capability}"
        case Throttle(on):
            return f"throttle {'on' if on else 'off'}"
        case Close(reason, message, exit_status):
            return f"close {reason} {exit_status}" + (f" {escaped(message)}" if message else "")
        case _:
            raise AssertionError(effect)


def escaped(text: str) -> str:
    """`text` with everything that is not printable as Python escapes; a blank at either end shows."""
    text = text.replace(bundle().digest[:16], "<digest>")
    text = "".join(char if char.isprintable() and char != "\\" else _escape(char) for char in text)
    return re.sub(r"^ | $", r"\\x20", text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()


def unescaped(text: str) -> str:
    """The reverse of `escaped`."""
    return codecs.decode(text.encode("latin-1", "backslashreplace"), "unicode_escape")


@dataclass(frozen=True)
class Step:
    """One line of a scenario, with what must come of it."""

    number: int
    text: str
    expected: list[str]


def read_scenario(path: Path) -> tuple[Casting, list[Step]]:
    """A scenario file."""
    casting, steps = Casting(), []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("with:"):
            casting = Casting.parse(line.removeprefix("with:"))
        elif line.startswith("effect: "):
            assert steps, f"{path.name}:{number}: an effect before the first step"
            steps[-1].expected.append(line.removeprefix("effect: "))
        else:
            steps.append(Step(number, line, []))
    return casting, steps


def perform(stage: Stage, text: str) -> None:  # noqa: PLR0912 - one branch a step
    """One step."""
    word, _, rest = text.partition(" ")
    match word:
        case "login":
            stage.login()
        case "open":
            stage.play(Opened())
        case "keys:":
            stage.editor.feed(unescaped(rest).encode("latin-1"))
        case ">":
            stage.play(LineTyped(unescaped(rest)))
        case "paste":
            for line in unescaped(rest).split("\n"):
                stage.play(LineTyped(line))
        case "^C":
            stage.play(Interrupted())
        case "^D":
            stage.play(InputEnded())
        case "router:" | "stderr:":
            stage.play(RouterOutput(unescaped(rest).encode("latin-1"), stderr=word == "stderr:"))
        case "router":
            status = rest.removeprefix("ends").strip()
            stage.play(RouterEnded(int(status) if status else None))
        case "wait":
            stage.wait(float(rest))
        case "ended:":
            stage.play(Ended(rest))
        case "noted:":
            stage.play(Noted(rest))
        case "extended:":
            stage.play(DeadlineMoved(START + timedelta(minutes=float(rest))))
        case "hold":
            stage.holding = True
        case "recorded":
            stage.answer_held()
        case "refused:":
            stage.play(RecordRefusedEvent(rest))
        case "failed":
            stage.play(RecordFailedEvent())
        case "position:":
            position = stage.mediator.position
            assert f"{position.mode} {position.context}".strip() == rest
        case _:
            raise AssertionError(f"no such step: {text}")
