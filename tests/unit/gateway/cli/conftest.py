"""What tests of the command share: a shell to run it in, a gateway that answers by the book, some evidence."""

import asyncio
import contextlib
import io
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from audit.command import NewCommand
from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.recording.recorder import Recorder
from config.clock import FakeClock
from config.ids import new_id
from config.settings import Settings
from gateway.cli.app import Programs, make_app, run

HOSTILE = "\x1b]0;owned\x07\u202eevil"


@dataclass(frozen=True)
class Outcome:
    """What a person got to see."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def fault(self) -> Any:
        return json.loads(self.err)


@dataclass
class FakeApi:
    """A gateway that knows a few answers and remembers what it was asked."""

    answers: dict[tuple[str, str], list[httpx.Response]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def on(self, method: str, path: str, value: Any = None, status: int = 200) -> None:
        """Several answers to the same question are given one after another; the last one stays."""
        answer = httpx.Response(status, json=value) if value is not None else httpx.Response(204)
        self.answers.setdefault((method, path), []).append(answer)

    def problem(self, method: str, path: str, status: int, slug: str, detail: str, code: str, **more: Any) -> None:
        body = {"type": f"urn:vestibule:problem:{slug}", "title": "", "status": status, "detail": detail, "code": code}
        self.on(method, path, {**body, **more}, status)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        waiting = self.answers[request.method, request.url.path]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    @property
    def asked(self) -> list[tuple[str, str, Any]]:
        """Method, path and body of every request."""
        return [
            (one.method, one.url.path, json.loads(one.content) if one.content else dict(one.url.params) or None)
            for one in self.requests
        ]


def unwanted(*_: object) -> Any:
    raise AssertionError("this command starts nothing")


class Shell:
    """Runs the command as `main` does, and takes down what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.api = FakeApi()
        self.programs: dict[str, Any] = {}

    def __call__(self, *words: object, stdin: str | None = None) -> Outcome:
        parts = dict.fromkeys(("initialise", "first_operator", "serve", "demo"), unwanted)
        programs = Programs(**{**parts, "transport": httpx.MockTransport(self.api), **self.programs})
        if stdin is not None:
            self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        self._capsys.readouterr()
        status = run(make_app(programs), [str(word) for word in words])
        printed = self._capsys.readouterr()
        assert "Traceback" not in printed.err
        return Outcome(status, printed.out, printed.err)


@pytest.fixture
def vestibule(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Shell]:
    for name in ("CONFIG", "URL", "TOKEN_FILE", "GATEWAY", "HOST_KEY"):
        monkeypatch.delenv(f"VESTIBULE_{name}", raising=False)
    monkeypatch.setenv("VESTIBULE_CONFIG", str(tmp_path / "nowhere.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with _logging_restored():
        yield Shell(capsys, monkeypatch)


@pytest.fixture(scope="session")
def logging_restored() -> Callable[[], contextlib.AbstractContextManager[None]]:
    return _logging_restored


@contextlib.contextmanager
def _logging_restored() -> Iterator[None]:
    """`init` and `serve` send the operational log to standard error, for the whole process."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    show, loggers = warnings.showwarning, structlog.get_config()
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        warnings.showwarning = show
        root.handlers[:] = before
        root.setLevel(level)
        structlog.configure(**loggers)


# --- evidence -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence:
    """A data directory with one recorded session, and the settings file that names it."""

    data_dir: Path
    config: Path
    session: str
    consent: str


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    above = tmp_path_factory.mktemp("house")
    config = above / "vestibule.toml"
    config.write_text(f'data_dir = "{above / "data"}"\n')
    session, consent = asyncio.run(_record(Settings(data_dir=above / "data")))
    return Evidence(above / "data", config, session, consent)


async def _record(settings: Settings) -> tuple[str, str]:
    clock = FakeClock()
    journal = Journal.open(settings.evidence_dir, keys_dir=settings.keys_dir, origin="logs.isp", clock=clock)
    consent, session = new_id(), new_id()
    people: dict[str, Any] = {"who": {"rep": "alice"}, "subj": {"router": "r-10442", "name": HOSTILE}}
    await journal.append(NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=consent, sealed={"subj": {"name": "Ann"}}))
    await journal.append(
        NewEntry(
            kind=Kind.SESSION_OPENED, session=session, consent_ref=consent, facts={"shape": "shell"}, sealed=people
        )
    )
    recorder = Recorder(journal, session, consent, clock, 80, 24)
    recorder.output("r-10442# ")
    for line in ("show version", "show clock"):
        command = await journal.append_command(_command(session, consent, line, clock))
        recorder.command(command.n, line, "allow")
        clock.advance(1)
        recorder.output(f"{line}\r\nanswer to {line}\r\nr-10442# ")
    await recorder.close()
    await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session, facts={"reason": "logout"}))
    await journal.checkpoint()
    journal.close()
    return session, consent


def _command(session: str, consent: str, line: str, clock: FakeClock) -> NewCommand:
    return NewCommand(
        session=session,
        consent_ref=consent,
        deadline=clock.now().replace(year=2099),
        wire=f"{line}\n".encode(),
        typed=line,
        canonical=line,
        capability="diagnose.read",
        rule_id="ios.1.1",
        policy_digest="ab" * 32,
    )


@pytest.fixture
def key_line() -> str:
    return "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO/ngralOK5uy1jFZA5Xqkh62EBFHkfPo/ZnDRHR5m3D alice@desk"
