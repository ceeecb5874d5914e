"""A real gateway process for system tests: `vestibule serve` on free loopback ports, with people, routers and consents.

Everything is registered before the process starts, through the same parts the process uses; consents are then asked
for over plain ssh and granted over HTTP, as a rep and a subscriber would.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
import httpx

from config.settings import (
    ApiSettings,
    ConsentSettings,
    CustomerSettings,
    ReviewSettings,
    SessionSettings,
    Settings,
    SshSettings,
)
from drivers.session import Target
from gateway import assembly
from gateway.access.identity import Role
from gateway.demo.players import Subscriber
from gateway.session.admin import RouterEntry
from tests.real.ground import free_port

START_SECONDS = 60.0
WAIT_SECONDS = 60.0
T = TypeVar("T")


def wait_for(condition: Callable[[], object], why: Callable[[], object] = lambda: "") -> None:
    """Wait until something is true; otherwise fail and tell `why`."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)


class LoopThread:
    """An event loop in a thread, so that a test can block while a lab router or a browser goes on."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._last: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    def at_close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run this before the loop ends, whatever the test did."""
        self._last.append(last)

    def close(self) -> None:
        for last in reversed(self._last):
            self.run(last())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@dataclass
class Person:
    """Somebody registered, with a private key file that ssh takes."""

    name: str
    role: Role
    key: Path
    token: str | None = None


@dataclass
class RunningGateway:
    """One installation below `directory`, and its process while it runs."""

    directory: Path
    settings: Settings = field(init=False)
    people: dict[str, Person] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    """Words before the command line: `strace …`, `ip netns exec …`."""

    def __post_init__(self) -> None:
        self.settings = Settings(
            data_dir=self.directory / "data",
            tenant="test",
            ssh=SshSettings(port=free_port()),
            api=ApiSettings(port=free_port()),
            customer=CustomerSettings(port=free_port()),
            review=ReviewSettings(port=free_port()),
            consent=ConsentSettings(max_sessions=10_000),
            session=SessionSettings(max_per_router=1000, idle_seconds=600),
        )

    # --- setting up --------------------------------------------------------------------------------------------------

    def prepare(
        self, people: Mapping[str, Role], routers: Iterable[Target], *, session: SessionSettings | None = None
    ) -> None:
        """Initialise the installation and register everybody and everything. The process must not run."""
        if session is not None:
            self.settings = self.settings.model_copy(update={"session": session})
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(_toml(self.settings))
        assembly.initialise(self.settings)
        asyncio.run(self._register(people, list(routers)))
        known = assembly.host_key(self.settings).export_public_key().decode()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.settings.ssh.port} {known}")

    async def _register(self, people: Mapping[str, Role], routers: list[Target]) -> None:
        house = await assembly.House.open(self.settings)
        try:
            for name, role in people.items():
                key = asyncssh.generate_private_key("ssh-ed25519")
                path = self.directory / f"key-{name}"
                path.write_bytes(key.export_private_key("openssh"))
                path.chmod(0o600)
                uid = os.getuid() if role == "operator" else None
                await house.registry.add_person(name, role, uid=uid)
                await house.registry.add_key(name, key.export_public_key().decode())
                token = await house.registry.new_token(name) if role == "automation" else None
                self.people[name] = Person(name, role, path, token)
            for target in routers:
                router = await house.registry.register(
                    RouterEntry(
                        name=target.name,
                        platform=target.platform,
                        address=target.address,
                        port=target.port,
                        host_key=target.host_key,
                        credential=target.credential,
                        legacy_algorithms=target.legacy_algorithms,
                    )
                )
                await house.registry.add_contact(router.subscriber_ref, "mail", f"{target.name}@example.org")
        finally:
            await house.stop("test")

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.directory / "vestibule.toml"

    @property
    def known_hosts(self) -> Path:
        """The gateway's host key, for ssh clients."""
        return self.directory / "known_hosts"

    @property
    def log(self) -> Path:
        """Standard error of the process, over all its starts."""
        return self.directory / "gateway.log"

    # --- running -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process and wait until it answers on ssh."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "gateway", "serve"],
                env={**os.environ, "VESTIBULE_CONFIG": str(self.config), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.settings.ssh.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the gateway did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """End it as an operator does; the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        self.process = None
        return status

    def __enter__(self) -> "RunningGateway":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()

    # --- people at work ----------------------------------------------------------------------------------------------

    def ssh_options(self, person: str) -> list[str]:
        """Options that make the system's ssh this person, and nothing else."""
        options = ["-F", "none", "-i", str(self.people[person].key), "-o", f"UserKnownHostsFile={self.known_hosts}"]
        options += ["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"]
        return [*options, "-p", str(self.settings.ssh.port)]

    def ssh(
        self,
        person: str,
        router: str,
        *words: str,
        stdin: bytes = b"",
        options: tuple[str, ...] = (),
        timeout: float = 60,
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run the system's ssh to the end."""
        program = shutil.which("ssh")
        assert program is not None
        return subprocess.run(
            [program, *self.ssh_options(person), *options, f"{router}@127.0.0.1", *words],
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )

    def control(self, person: str, *words: str) -> str:
        """A control command; fails the test if it fails."""
        done = self.ssh(person, "vestibule", *words)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def consent(
        self,
        loop: LoopThread,
        person: str,
        router: str,
        *,
        scope: tuple[str, ...] = (),
        sessions: int = 5,
        minutes: int = 30,
    ) -> tuple[str, Subscriber]:
        """Ask as the rep, grant as the subscriber: the consent's id and the subscriber's browser (in `loop`)."""
        words = ["request", router, "--json", "--ticket", "T-1", "--reason", "test", "--sessions", str(sessions)]
        words += ["--minutes", str(minutes), *(["--scope", ",".join(scope)] if scope else [])]
        asked = json.loads(self.control(person, *words))[0]
        link = self.newest_link(f"{router}@example.org")
        subscriber = loop.run(browse(link))
        loop.at_close(subscriber.close)
        fields: dict[str, str | list[str]] = {"minutes": str(minutes)}
        if scope:
            fields["scope"] = list(scope)
        loop.run(subscriber.press("/grant", **fields))
        return str(asked["consent"]), subscriber

    def newest_link(self, address: str) -> str:
        """The link in the newest message to a contact."""
        found = []
        for path in self.settings.outbox_dir.iterdir():
            text = path.read_text()
            link = re.search(r"https?://[^\s\"\\]+/l/[A-Za-z0-9_-]+", text)
            if address in text and link is not None:
                found.append((path.stat().st_mtime_ns, link[0]))
        assert found, f"no message to {address}"
        return max(found)[1]

    def rest(self, person: str | None = None) -> httpx.Client:
        """A REST client: with the token of a machine identity over TCP, or as this user over the Unix socket."""
        if person is None:
            transport = httpx.HTTPTransport(uds=str(self.settings.api_socket))
            return httpx.Client(transport=transport, base_url="http://vestibule", timeout=30)
        token = self.people[person].token
        base = f"http://127.0.0.1:{self.settings.api.port}"
        return httpx.Client(base_url=base, headers={"authorization": f"Bearer {token}"}, timeout=30)

    def vestibule(self, *words: str, timeout: float = 60) -> "subprocess.CompletedProcess[bytes]":
        """Run the `vestibule` command on this installation."""
        return subprocess.run(
            [sys.executable, "-m", "gateway", *words],
            env={**os.environ, "VESTIBULE_CONFIG": str(self.config), "NO_COLOR": "1", "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )


async def browse(link: str) -> Subscriber:
    """A subscriber's browser that has opened the link."""
    subscriber = Subscriber()
    await subscriber.open(link)
    return subscriber


def _answers(port: int) -> bool:
    import socket

    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(8).startswith(b"SSH-2.0")
    except OSError:
        return False


def _toml(settings: Settings) -> str:
    """The settings that differ from their defaults, as TOML."""

    def value(item: object) -> str:
        return json.dumps(str(item) if isinstance(item, Path) else item)

    top: list[str] = []
    tables: list[str] = []
    for name, item in settings.model_dump(exclude_defaults=True).items():
        if isinstance(item, dict):
            tables.append(f"[{name}]")
            tables += [f"{key} = {value(inner)}" for key, inner in item.items()]
        else:
            top.append(f"{name} = {value(item)}")
    return "\n".join([*top, *tables]) + "\n"
