"""What holds for every sequence of events. Single scenarios are in tests/playbooks."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.command import Purpose
from gateway.mediation.events import (
    Close,
    DeadlineMoved,
    Effect,
    Ended,
    Event,
    InputEnded,
    Interrupted,
    LineTyped,
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
from tests.playbooks.stage import START, Casting, Stage

CASTS = ("pty asks", "", "confirmed=automation", "platform=openwrt pty asks", "exec", "platform=openwrt exec asks")
LINES = st.sampled_from(
    [
        "show clock",
        "sh ver",
        "clear counters",
        "y",
        "n",
        "",
        "why",
        "show ?",
        "telnet 10.0.0.1",
        "frobnicate",
        "configure terminal",
        "interface Dialer1",
        "end",
        "exit",
        "reload",
        "enable",
        "uptime",
        "ping 8.8.8.8",
        "ifup wan",
        "show\x1b clock",
    ]
)
OUTPUT = st.sampled_from(
    [
        b"R1#",
        b"R1>",
        b"R1(config)#",
        b"R1(config-if)#",
        b"R1(config-router)#",
        b"R2#",
        b"root@OpenWrt:~# ",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"show clock\r\n",
        b"show version\r\n",
        b"clear counters\r\n",
        b"configure terminal\r\n",
        b"end\r\n",
        b"uptime\r\n",
        b" --More-- ",
        b"[confirm]",
        b"Password: ",
        b"Which? ",
        b"Address or name of remote host []? ",
        b"\x1b]0;x\x07",
        b"\x1b[31m",
        b"\x1b[",
        b"\xff\xc3",
        b"\b\b",
        b"text",
        b"% Invalid input\r\n",
    ]
)
EVENTS = st.lists(
    st.one_of(
        st.builds(LineTyped, LINES),
        st.builds(LineTyped, LINES),
        st.builds(RouterOutput, OUTPUT, st.booleans()),
        st.builds(RouterOutput, st.lists(OUTPUT, max_size=4).map(b"".join)),
        st.builds(RouterOutput, st.lists(OUTPUT, max_size=4).map(b"".join)),
        st.just("record"),
        st.just("record"),
        st.just("record"),
        st.just("wait"),
        st.just("wait"),
        st.sampled_from([Interrupted(), Opened(), InputEnded(), DeadlineMoved(START + timedelta(minutes=45))]),
        st.sampled_from(
            ["bogus", "other", RouterEnded(), RouterEnded(3), RecordFailedEvent(), RecordRefusedEvent("revoked")]
        ),
        st.just(Ended("killed")),
    ),
    max_size=60,
)


class Auditor:
    """Plays events and checks what must hold at each step."""

    def __init__(self, casting: str) -> None:
        self.stage = Stage(Casting.parse(casting))
        self.stage.holding = True
        self.mediator: Mediator = self.stage.mediator
        self.asked: list[Record] = []
        self.proven: list[tuple[bytes, Purpose, int]] = []
        self.results: set[int] = set()
        self.closed = False
        self.throttled = False
        self.seconds = 0.0

    def event(self, item: object) -> Event:
        match item:
            case "record":
                if not self.asked:
                    return TimePassed(self.seconds)
                return self.proof(self.asked.pop(0))
            case "bogus" | "other":
                if item == "bogus" and self.asked:  # the journal answers in order, so this cannot come then
                    return TimePassed(self.seconds)
                verdict = self.stage.mediator._setup.own_line("no", "answer")
                self.asked.clear()
                return self.stage.proof(Record(verdict=verdict, wire=b"rm -rf /\n", purpose="command"))
            case "wait":
                self.seconds += 0.5
                return TimePassed(self.seconds)
            case _:
                return item  # type: ignore[return-value]

    def proof(self, record: Record) -> Recorded:
        made = self.stage.proof(record)
        self.proven.append((record.wire, record.purpose, made.command.n))
        return made

    def play(self, item: object) -> None:
        for effect in self.mediator.receive(self.event(item), START + timedelta(seconds=self.seconds)):
            assert not self.closed, "something comes after Close"
            self.check(effect)
        assert len(self.asked) <= 1, "two records are asked for at once"
        assert self.mediator.closed == self.closed

    def check(self, effect: Effect) -> None:
        match effect:
            case Record():
                self.asked.append(effect)
            case Send(command):
                self.proven.remove((command.wire, command.purpose, command.n))
            case RecordResult():
                assert effect.n not in self.results, "two results of one command"
                self.results.add(effect.n)
            case Show(text):
                assert text
                assert not any(char < " " and char not in "\r\n\b\t\x1b" for char in text)
                assert "\x1b]" not in text
            case RecordBlocked(verdict, strike):
                assert (strike is not None) == (verdict.kind == "never")
            case Throttle(on):
                assert on != self.throttled
                self.throttled = on
            case Close():
                self.closed = True
            case _:
                pass


@given(st.sampled_from(CASTS), EVENTS)
def test_nothing_is_sent_without_its_proof_and_nothing_follows_close(casting: str, events: list[object]) -> None:
    auditor = Auditor(casting)
    for item in events:
        auditor.play(item)


@given(st.sampled_from([cast for cast in CASTS if "exec" not in cast]), EVENTS)
def test_the_same_behind_a_login(casting: str, events: list[object]) -> None:
    auditor = Auditor(casting)
    auditor.stage.holding = False
    auditor.stage.login()
    auditor.stage.holding = True
    for item in events:
        auditor.play(item)


EXCHANGES = st.lists(
    st.tuples(
        st.sampled_from(["show clock", "show log", "show version", "telnet x", "", "show ip interface brief"]),
        st.lists(
            st.sampled_from(
                [
                    "12:00\r\n",
                    "R2#\r\n",
                    "R1(config)#\r\n",
                    "xR1# \r\n",
                    "R1\r\n",
                    "R",
                    "a\x1b[31mb\x1b[0m\r\n",
                    "\x1b]0;title\x07",
                    "\r10%\r20%",
                    "\r\n",
                    "\r\r\n",
                    "show clock\r\n",
                    "% Invalid input\r\n",
                    "é€",
                ]
            ),
            max_size=6,
        ).map("".join),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("casting", ["pty asks", "", "pty asks crlf"])
@given(exchanges=EXCHANGES, data=st.data())
def test_cutting_the_output_changes_nothing(
    casting: str, exchanges: list[tuple[str, str]], data: st.DataObject
) -> None:
    whole, pieces = Stage(Casting.parse(casting)), Stage(Casting.parse(casting))
    for stage in (whole, pieces):
        stage.login()
        for line, _ in exchanges:
            stage.play(LineTyped(line))
    for line, text in exchanges:
        if line in {"", "telnet x"}:
            continue
        output = f"{line}\r\n{text}\r\nR1#".encode()
        whole.play(RouterOutput(output))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(output)), max_size=8)))
        for start, end in zip([0, *cuts], [*cuts, len(output)], strict=True):
            pieces.play(RouterOutput(output[start:end]))
    assert whole.take() == pieces.take()
    assert whole.mediator.prompt == pieces.mediator.prompt == "R1#"


def test_byte_by_byte_is_the_same_too() -> None:
    whole, pieces = Stage(Casting.parse("pty asks")), Stage(Casting.parse("pty asks"))
    output = b"show log\r\none\r\n\x1b]52;c;x\x07two \xe2\x82\xac\r\n --More-- "
    rest = b"\b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\bthree\r\nR1#"
    for stage in (whole, pieces):
        stage.login()
        stage.play(LineTyped("show log"))
    for part in (output, rest):
        whole.play(RouterOutput(part))
        for byte in part:
            pieces.play(RouterOutput(bytes([byte])))
    # The pager is known before its last blank, which then comes too late to be part of it, and is wiped like it.
    assert whole.take() == pieces.take()


def test_bulk_output_needs_bounded_memory() -> None:
    stage = Stage(Casting.parse("pty"))
    stage.login()
    stage.play(LineTyped("show log"))
    stage.play(RouterOutput(b"show log\r\n"))
    shown = 0
    for _ in range(50):
        stage.play(RouterOutput(b"x" * 65536))
        shown += sum(len(effect.text) for effect in stage.effects if isinstance(effect, Show))
        stage.effects.clear()
    assert shown >= 50 * 65536 - 4096


def test_two_hundred_pasted_lines_run_in_order() -> None:
    stage = Stage(Casting.parse("pty asks queue_lines=50"))
    stage.login()
    for index in range(200):
        stage.play(LineTyped(f"ping 203.0.113.{index}"))
    sent = []
    for index in range(200):
        line = f"ping 203.0.113.{index}"
        sent += [effect.command.wire for effect in stage.effects if isinstance(effect, Send)]
        stage.effects = [effect for effect in stage.effects if isinstance(effect, Throttle)]
        stage.play(RouterOutput(f"{line}\r\n!!!\r\nR1#".encode()))
    assert sent == [f"ping 203.0.113.{index}\n".encode() for index in range(200)]
    assert [effect.on for effect in stage.effects if isinstance(effect, Throttle)] == [True, False]


def test_after_close_the_mediator_is_silent() -> None:
    stage = Stage(Casting())
    stage.play(Ended("idle"))
    assert [type(effect) for effect in stage.effects] == [Close]
    stage.effects.clear()
    stage.play(LineTyped("show clock"))
    stage.play(Ended("killed"))
    assert stage.effects == []
    assert stage.mediator.closed


def test_an_unknown_reason_still_gives_a_sentence() -> None:
    stage = Stage(Casting())
    stage.play(Ended("gone"))
    (close,) = stage.effects
    assert isinstance(close, Close)
    assert close.message == "The session is closed (gone)."
