"""Two ways to one router, straight and through the gateway, and what a client needs to go either.

Counterpart: `tests.system.screens`, which makes what came back comparable.
"""

import os
import pty
import re
import selectors
import signal
import subprocess
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

from tests.real.ground import RealRouter
from tests.running import RunningGateway

PATIENCE = 60.0
Finished: TypeAlias = "subprocess.CompletedProcess[bytes]"


@dataclass(frozen=True, kw_only=True)
class Way:
    """Where to log in, as whom, with which key, and which host key to expect there."""

    host: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    through_gateway: bool

    def ssh(self, *options: str) -> list[str]:
        """Words of an OpenSSH command line without anybody's own configuration; a command may follow."""
        words = ["ssh", "-F", "none", "-i", str(self.key), "-o", f"UserKnownHostsFile={self.known_hosts}"]
        for setting in ("StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "LogLevel=ERROR"):
            words += ["-o", setting]
        return [*words, *options, "-p", str(self.port), f"{self.user}@{self.host}"]

    def run(self, *words: str, stdin: bytes = b"", options: tuple[str, ...] = ()) -> Finished:
        """Run the system's ssh to its end."""
        return finish([*self.ssh(*options), *words], stdin=stdin)


def straight(router: RealRouter) -> Way:
    """The router itself."""
    return Way(
        host=router.host,
        port=router.port,
        user=router.user,
        key=router.private_key_file,
        known_hosts=router.known_hosts_file,
        through_gateway=False,
    )


def through(gateway: RunningGateway, person: str, router: str) -> Way:
    """The same router for a person of the gateway."""
    return Way(
        host="127.0.0.1",
        port=gateway.settings.ssh.port,
        user=router,
        key=gateway.people[person].key,
        known_hosts=gateway.known_hosts,
        through_gateway=True,
    )


def finish(
    words: Sequence[str], *, stdin: bytes = b"", timeout: float = 60, env: dict[str, str] | None = None
) -> Finished:
    """Run a program to its end without a terminal; its streams as bytes."""
    return subprocess.run(
        words, input=stdin, capture_output=True, timeout=timeout, check=False, env={**os.environ, **(env or {})}
    )


class AtTerminal:
    """A program at a terminal of its own, and somebody who types. Use as a context manager."""

    def __init__(self, words: Sequence[str], *, columns: int = 80, rows: int = 24) -> None:
        self._words = words
        self._size = (rows, columns)
        self._start = 0
        self.seen = b""
        """All that was on the screen, in raw bytes."""

    def __enter__(self) -> Self:
        self._near, far = pty.openpty()
        termios.tcsetwinsize(far, self._size)
        self.process = subprocess.Popen(
            self._words,
            stdin=far,
            stdout=far,
            stderr=far,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(far)
        self._watch = selectors.DefaultSelector()
        self._watch.register(self._near, selectors.EVENT_READ)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._watch.close()
        os.close(self._near)

    def type(self, keys: str | bytes) -> None:
        """Press keys."""
        os.write(self._near, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size, and have its program told, as a terminal does. Returns when it has heard."""
        termios.tcsetwinsize(self._near, (rows, columns))
        self.process.send_signal(signal.SIGWINCH)
        status = Path(f"/proc/{self.process.pid}/status")
        deadline = time.monotonic() + PATIENCE
        while not re.search(r"^State:\tS(.|\n)*^ShdPnd:\t0+$", status.read_text(), re.MULTILINE):
            assert time.monotonic() < deadline, "the program does not take the signal"
            time.sleep(0.01)

    def until(self, pattern: str, *, timeout: float = PATIENCE) -> bytes:
        """Wait until what came since the last call matches; all of that."""
        start = self._start
        deadline = time.monotonic() + timeout
        while re.search(pattern.encode(), self.seen[start:]) is None:
            if time.monotonic() > deadline or not self._read(deadline):
                raise AssertionError(f"{pattern!r} did not come, but {self.seen[start:]!r}")
        self._start = len(self.seen)
        return self.seen[start:]

    def more(self, *, timeout: float = PATIENCE) -> None:
        """Wait until something comes."""
        had = len(self.seen)
        if not self._read(time.monotonic() + timeout) or len(self.seen) == had:
            raise AssertionError(f"nothing more came after {self.seen[-1000:]!r}")

    def pause(self, seconds: float) -> bytes:
        """Read for a while; what came."""
        start, deadline = len(self.seen), time.monotonic() + seconds
        while time.monotonic() < deadline and self._read(deadline):
            pass
        self._start = len(self.seen)
        return self.seen[start:]

    def to_the_end(self, *, timeout: float = PATIENCE) -> int:
        """Wait until the program ends; its exit status."""
        deadline = time.monotonic() + timeout
        while self._read(deadline):
            pass
        return self.process.wait(timeout)

    def _read(self, deadline: float) -> bool:
        """Wait for more; whether the terminal still has somebody at its other end."""
        if not self._watch.select(max(0.0, deadline - time.monotonic())):
            return time.monotonic() < deadline
        try:
            data = os.read(self._near, 65536)
        except OSError:  # the program has closed its end
            return False
        self.seen += data
        return bool(data)
