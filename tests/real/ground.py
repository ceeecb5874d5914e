"""Ground under real programs: processes, keys, network namespaces and files that are gone afterwards, also on failure.

Counterpart: `tests.real.fixtures` offers what is built here as pytest fixtures.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from drivers.session import Credential, Target

_PATIENCE = 60.0
_SHARE = 3000


@dataclass(frozen=True, kw_only=True)
class RealRouter:
    """A running SSH server that plays a router, and all that a client needs to log in to it."""

    name: str
    platform: str
    host: str
    port: int
    host_key: str
    """OpenSSH public key line."""
    user: str
    private_key_file: Path
    known_hosts_file: Path
    password: str | None = None

    @property
    def private_key(self) -> str:
        """OpenSSH private key text."""
        return self.private_key_file.read_text()

    def target(self, name: str | None = None) -> Target:
        """As the inventory would hold it, logging in by key."""
        return Target(
            router_id=name or self.name,
            name=name or self.name,
            platform=self.platform,
            address=self.host,
            port=self.port,
            host_key=self.host_key,
            credential=Credential(user=self.user, private_key=self.private_key),
        )

    def ssh(self, *options: str) -> list[str]:
        """Words of an OpenSSH command line that logs in without asking; add the command behind it."""
        settings = {
            "IdentityFile": str(self.private_key_file),
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": str(self.known_hosts_file),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }
        words = ["ssh", "-F", "none", *[f"-o{key}={value}" for key, value in settings.items()]]
        return [*words, *options, "-p", str(self.port), f"{self.user}@{self.host}"]


class Ground:
    """Starts things and undoes them in reverse. Use as a context manager.

    Its directory is readable for all and directly below /tmp: daemons that give up root must be able to reach it.
    """

    def __init__(self) -> None:
        self._undo = contextlib.ExitStack()
        self.directory = Path("/nonexistent")

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="vestibule-real-"))
        self.directory.chmod(0o755)
        self.later(lambda: shutil.rmtree(self.directory, ignore_errors=True))
        return self

    @property
    def tag(self) -> str:
        """A short word for names that must be unique on the machine (interfaces have 15 characters)."""
        return f"{self.directory.stat().st_ino % 0xFFFFFF:06x}"

    def __exit__(self, *error: object) -> None:
        self._undo.close()

    def later(self, action: Callable[[], object]) -> None:
        """Undo this when the ground is given up."""
        self._undo.callback(action)

    def run(self, *words: str | Path, check: bool = True) -> str:
        """Run a program to its end; its output. A failure shows what it printed."""
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, *words: str | Path, log: str, env: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """Start a program in its own process group, its output in a file; it is killed at the end."""
        with (self.directory / log).open("ab") as output:
            process = subprocess.Popen(
                [str(word) for word in words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=env,
            )
        self.later(lambda: _end(process))
        return process

    def wait(self, ready: Callable[[], bool], what: str, log: str | None = None) -> None:
        """Wait until something is ready; otherwise fail with the log."""
        deadline = time.monotonic() + _PATIENCE
        while not ready():
            if time.monotonic() > deadline:
                text = (self.directory / log).read_text(errors="replace") if log else ""
                raise RuntimeError(f"{what} was not ready in {_PATIENCE:g} s\n{text[-4000:]}")
            time.sleep(0.05)

    def namespace(self, name: str) -> str:
        """Make a network namespace with its loopback up."""
        self.run("ip", "netns", "add", name)
        self.later(lambda: self._drop_namespace(name))
        self.inside(name, "ip", "link", "set", "lo", "up")
        return name

    def inside(self, namespace: str, *words: str | Path, check: bool = True) -> str:
        """Run a program inside a namespace."""
        return self.run("ip", "netns", "exec", namespace, *words, check=check)

    def key(self, name: str, kind: str = "ed25519") -> Path:
        """Make a key pair; the path of the private half."""
        path = self.directory / name
        self.run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", path)
        return path

    def known_hosts(self, host: str, port: int, host_key: str) -> Path:
        """A known_hosts file with this one key."""
        path = self.directory / f"known_hosts-{port}"
        path.write_text(f"[{host}]:{port} {host_key}\n" if port != 22 else f"{host} {host_key}\n")
        return path

    def _drop_namespace(self, name: str) -> None:
        for number in self.run("ip", "netns", "pids", name, check=False).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)
        self.run("ip", "netns", "delete", name, check=False)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free, and still is when a program binds it later.

    It lies below those that the kernel gives to connections and to who asks for any (32768 and more on Linux), and it
    is given out once; each process of a parallel run has a share of its own.
    """
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is left below those of the kernel")


def _own_ports() -> Iterator[int]:
    first = 20_000 + _SHARE * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4)
    begin = random.randrange(_SHARE)  # runs beside each other on one machine
    yield from range(first + begin, first + _SHARE)
    yield from range(first, first + begin)


_ports = _own_ports()


def answers(host: str, port: int, expected: bytes = b"SSH-2.0") -> bool:
    """Whether a server is there that starts with the expected bytes."""
    try:
        with socket.create_connection((host, port), timeout=1) as probe:
            probe.settimeout(2)
            return probe.recv(64).startswith(expected)
    except OSError:
        return False


def public_line(private_key: Path) -> str:
    """`type base64` of the public half."""
    return " ".join(Path(f"{private_key}.pub").read_text().split()[:2])


def lines(*text: str) -> str:
    """A file's text."""
    return "".join(f"{line}\n" for line in text)


def words(sequence: Sequence[str | Path]) -> str:
    """For messages."""
    return " ".join(map(str, sequence))


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # children that outlived it
