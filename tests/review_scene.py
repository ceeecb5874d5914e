"""Sessions for tests of the review pages, written into a log as the gateway writes them, but at any time and with any
output: a recorder is handed what no router of the lab prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from audit.command import NewCommand
from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.recording.recorder import Limits, Recorder
from config.clock import FakeClock
from config.ids import new_id
from config.settings import Settings
from tests.rpcs_on_record import add_rpcs

HOSTILE = (
    "\x1b]52;c;ZXZpbA==\x07",  # clipboard
    "\x1b]0;hacked title\x07\x1b]2;hacked title\x1b\\",
    "\x1b]8;;https://evil.example/\x07click here\x1b]8;;\x07",
    '\x1bP$q"p\x1b\\\x1bP1;2|abc\x1b\\\x1b[c\x1b[5n\x1b[6n\x1b[x\x1b[21t',  # reports
    "\x1b[?1049h\x1b[2J\x1b[H\x1b[8;5;5t\x1b[?1000h\x1bc",
    "\x9b31m\x9d0;c1 title\x9c\x90q\x9c\x85",
    "<script>window.hacked=1;alert(1)</script><img src=https://evil.example/x onerror=alert(2)>",
    "</pre></div><iframe src='https://evil.example/'></iframe><style>body{display:none}</style>",
    "{{ 7*7 }} ${7*7} <!-- --> ]]> &lt;b&gt; %s %n javascript:alert(3)",
    "\u202egnp.exe\u202c \u2066isolate\u2069 \u200frtl \u2028line \ufeffbom",
    "x" * 20_000,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1e8\U0001f1e6" * 800,
    "e" + "\u0301\u0302\u0303" * 500,
    "\ud83d half \x00\x01\x07\x08\x7f\x0b\x0c",
)


@dataclass
class Written:
    """A session that was written. `commands`: their numbers in it."""

    session: str
    consent: str
    commands: list[int]


async def write_session(
    journal: Journal,
    clock: FakeClock,
    steps: Sequence[tuple[float, str, str]],
    *,
    rep: str = "alice",
    router: str = "home-1",
) -> Written:
    """`steps`: seconds to wait, a command (or nothing), and what is printed then.

    `!` before a command: it is refused. `@`: RPCs of TR-069 carry it out (`tests.rpcs_on_record`).
    """
    session, consent = new_id(), new_id()
    written = Written(session, consent, [])
    chain = {"session": session, "consent_ref": consent}
    await journal.append(
        NewEntry(
            kind=Kind.CONSENT_GRANTED,
            consent_ref=consent,
            retention="consent",
            facts={"minutes": 30},
            sealed={"subj": {"router": router, "ticket": "T-77"}},
        )
    )
    who = {"id": new_id(), "name": rep, "source": "192.0.2.1"}
    sealed = {"who": who, "subj": {"router": router, "subscriber": new_id()}}
    await journal.append(NewEntry(kind=Kind.SESSION_REQUESTED, **chain, sealed=sealed))
    await journal.append(NewEntry(kind=Kind.SESSION_OPENED, **chain, sealed=sealed))
    recorder = Recorder(
        journal, session=session, consent_ref=consent, clock=clock, width=80, height=24,
        limits=Limits(chunk_bytes=1, chunk_seconds=1e6),
    )  # fmt: skip
    for wait, command, output in steps:
        clock.advance(wait)
        if command:
            written.commands.append(await _command(journal, clock, chain, recorder, command))
        recorder.output(output)
        while recorder._writer is not None:
            await recorder._writer
    await recorder.close()
    await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, **chain, facts={"reason": "closed"}))
    return written


async def _command(journal: Journal, clock: FakeClock, chain: dict[str, str], recorder: Recorder, text: str) -> int:
    if text.startswith("!"):
        entry = NewEntry(
            kind=Kind.CMD_BLOCKED, **chain, retention="strike", facts={"verdict": "deny", "cap": "reach"},
            sealed={"act": {"typed": text[1:], "reason": "never"}},
        )  # fmt: skip
        ref = await journal.append(entry)
        assert ref.n is not None
        return ref.n
    rpcs, text = text.startswith("@"), text.removeprefix("@")
    recorded = await journal.append_command(
        NewCommand(
            session=chain["session"],
            consent_ref=chain["consent_ref"],
            deadline=clock.now() + timedelta(hours=1),
            wire=text.encode(),
            typed=text,
            canonical=text,
            capability="state.read",
            rule_id="test.show",
            policy_digest="00",
        )
    )
    recorder.output(f"{text}\r\n")
    recorder.command(recorded.n, text, "allow")
    if rpcs:
        await add_rpcs(journal, chain["session"], chain["consent_ref"], recorded.n)
    await journal.append(
        NewEntry(kind=Kind.CMD_RESULT, **chain, facts={"of": recorded.n}, sealed={"out": {"first": "", "last": ""}})
    )
    return recorded.n


@dataclass
class Scene:
    """What a log holds: a plain session, one full of hostile output, a long one."""

    plain: Written
    hostile: Written
    long: Written


async def write_scene(settings: Settings) -> Scene:
    """Into the log of an installation whose gateway does not run."""
    clock = FakeClock(datetime.now(UTC) - timedelta(hours=2))
    journal = Journal.open(settings.evidence_dir, keys_dir=settings.keys_dir, origin="logs.test", clock=clock)
    try:
        plain = await write_session(
            journal, clock,
            [
                (0.5, "", "BusyBox v1.36.1 built-in shell (ash)\r\n\r\nroot@home-1:~# "),
                (2.0, "uptime", " 10:42:07 up 12 days,  3:04,  load average: 0.08, 0.03, 0.01\r\nroot@home-1:~# "),
                (60.0, "logread -e pppd", "daemon.notice pppd[812]: LCP terminated by peer\r\nroot@home-1:~# "),
                (3.0, "!ssh 192.168.1.20", "Refused: reaching into the home is never allowed.\r\nroot@home-1:~# "),
                (4.0, "ifstatus wan", "\"up\": \x1b[32mtrue\x1b[0m, \"uptime\": 8123\r\nroot@home-1:~# "),
                (2.5, "exit", ""),
            ],
        )  # fmt: skip
        clock.advance(60)
        hostile = await write_session(
            journal, clock,
            [(1.0, f"show <b>{number}</b> \u202e\x1b]0;x\x07", text + "\r\n") for number, text in enumerate(HOSTILE)],
            rep="mallory", router="home-9",
        )  # fmt: skip
        clock.advance(60)
        steps = [(7.0, f"ping step-{number}" if number % 10 == 0 else "", f"line {number} " + "." * 900 + "\r\n")
                 for number in range(300)]  # fmt: skip
        long = await write_session(journal, clock, steps)
    finally:
        journal.close()
    return Scene(plain, hostile, long)
