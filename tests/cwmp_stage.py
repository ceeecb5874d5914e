"""A gateway with the embedded ACS in this process, a simulated CPE that calls it, a rep over SSH, a subscriber.

`async with stage(path) as place`, then `place.grant(scope)`, then `async with place.rep() as rep: await rep.run(line)`.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncssh

from audit.entry import Kind
from config.settings import (
    ApiSettings,
    ConsentSettings,
    CustomerSettings,
    CwmpSettings,
    ReviewSettings,
    SessionSettings,
    Settings,
    SshSettings,
)
from drivers.cwmp.device import DeviceId
from drivers.lab.cpe.config import FAST, CpeConfig
from drivers.lab.cpe.cpe import Arrived, SimulatedCpe
from drivers.session import Credential
from gateway import assembly
from gateway.demo.players import Subscriber
from gateway.session.admin import RouterEntry

ROUTER: Final = "home-8"
PASSWORD: Final = "a-long-cpe-password"
SECONDS: Final = 60.0
ASKING: Final = "[y/N] "


class Rep:
    """A rep's ssh terminal on the CPE."""

    def __init__(self, process: asyncssh.SSHClientProcess[str], prompt: str) -> None:
        self._process = process
        self._prompt = prompt

    async def until(self, *ends: str) -> str:
        """What comes up to one of `ends`, in plain lines."""
        seen = ""
        async with asyncio.timeout(SECONDS):
            while not seen.endswith(ends):
                got = await self._process.stdout.read(65536)
                assert got, f"the session ended: {seen[-400:]!r}"
                seen += got.replace("\r\n", "\n")
        return seen

    async def run(self, line: str, *, answer: str = "y") -> str:
        """Type a line; what is shown until the next prompt. A question is answered with `answer`."""
        self._process.stdin.write(line + "\r")
        shown = await self.until(self._prompt, ASKING)
        while shown.endswith(ASKING):
            self._process.stdin.write(answer + "\r")
            shown += await self.until(self._prompt, ASKING)
        return shown.removesuffix(self._prompt)

    async def ended(self) -> str:
        """Wait until the session is over; its last words."""
        async with asyncio.timeout(SECONDS):
            rest = await self._process.stdout.read()
            await self._process.wait_closed()
        return rest

    def type(self, line: str) -> None:
        """Type a line and do not wait."""
        self.keys(line + "\r")

    def keys(self, text: str) -> None:
        """Press keys."""
        self._process.stdin.write(text)


@dataclass
class Place:
    """Everybody."""

    settings: Settings
    house: assembly.House
    cpe: SimulatedCpe
    key: asyncssh.SSHKey
    router_id: str
    model: str
    subscribers: list[Subscriber] = field(default_factory=list)

    @property
    def prompt(self) -> str:
        return f"{ROUTER}({self.model})> "

    async def ssh(self, user: str) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            "127.0.0.1", self.house.ssh_port, username=user, client_keys=[self.key], known_hosts=None, config=None
        )

    async def asked(self, words: str) -> str:
        """A control command; what it prints."""
        async with await self.ssh("vestibule") as connection:
            done = await connection.run(words, check=False)
        assert done.exit_status == 0, (done.stdout, done.stderr)
        return str(done.stdout)

    async def grant(self, scope: Sequence[str] = ()) -> tuple[str, Subscriber]:
        """A consent with this scope; its id, and the subscriber at the page."""
        scopes = f" --scope {','.join(scope)}" if scope else ""
        words = f"request {ROUTER} --ticket T-1 --reason 'the line drops' --minutes 60 --sessions 3{scopes}"
        told = await self.asked(words)
        newest = max(self.settings.outbox_dir.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        found = re.search(r"https?://[^\s\"\\]+/l/[A-Za-z0-9_-]+", newest.read_text())
        assert found is not None
        subscriber = Subscriber()
        self.subscribers.append(subscriber)
        await subscriber.open(found[0])
        await subscriber.press("/grant", scope=list(scope), minutes="60")
        consent = re.search(r"Consent (\w+)", told)
        assert consent is not None
        return consent[1], subscriber

    @contextlib.asynccontextmanager
    async def rep(self) -> AsyncIterator[Rep]:
        """A terminal on the router, at its first prompt."""
        async with await self.ssh(ROUTER) as connection:
            process = await connection.create_process(term_type="xterm", term_size=(220, 50))
            rep = Rep(process, self.prompt)
            await rep.until(self.prompt)
            yield rep
            process.close()

    def entries(self, *kinds: Kind) -> list[Any]:
        """Entries of these kinds so far, in order."""
        reader = self.house.journal.reader()
        try:
            return [entry for entry in reader.entries() if not kinds or entry.kind in kinds]
        finally:
            reader.close()

    def rpcs(self) -> list[str]:
        """Methods that reached the CPE, in order."""
        return [one.method for one in self.cpe.received if one.is_rpc]


@contextlib.asynccontextmanager
async def stage(
    path: Path,
    *,
    model: str = "tr181",
    strikes: int = 100_000,
    cwmp: dict[str, Any] | None = None,
    on_received: Callable[[Arrived], None] | None = None,
    **config: Any,
) -> AsyncIterator[Place]:
    """The gateway and its CPE, which has called once and can be woken."""
    settings = Settings(
        data_dir=path / "data",
        ssh=SshSettings(port=0),
        api=ApiSettings(port=None),
        customer=CustomerSettings(port=0),
        review=ReviewSettings(port=0),
        consent=ConsentSettings(max_sessions=5),
        session=SessionSettings(strikes=strikes),
        cwmp=CwmpSettings(**{"mode": "acs", "plain_port": 0, **(cwmp or {})}),
    )
    assembly.initialise(settings)
    house = await assembly.House.open(settings)
    await house.start()
    try:
        key = asyncssh.generate_private_key("ssh-ed25519")
        await house.registry.add_person("alice", "rep")
        await house.registry.add_key("alice", key.export_public_key().decode())
        device = DeviceId(oui="00D09E", product_class="Lab", serial="0001")
        router = await house.registry.register(
            RouterEntry(
                name=ROUTER, platform="cwmp", address="", port=0, host_key="", device=device.key,
                credential=Credential(user=ROUTER, password=PASSWORD),
            )
        )  # fmt: skip
        await house.registry.add_contact(router.subscriber_ref, "mail", "ann@home.example")
        acs = f"http://127.0.0.1:{house.station.port(tls=False)}/"
        wanted: dict[str, Any] = {"acs": acs, "user": ROUTER, "password": PASSWORD, "model": model, "pace": FAST}
        async with SimulatedCpe(CpeConfig(**{**wanted, **config}), on_received=on_received) as cpe:
            place = Place(settings, house, cpe, key, router.id, model)
            async with asyncio.timeout(SECONDS):
                while not _ready(place):
                    await asyncio.sleep(0.01)
            try:
                yield place
            finally:
                for subscriber in place.subscribers:
                    await subscriber.close()
    finally:
        await house.stop()


def _ready(place: Place) -> bool:
    known = place.house.station.known()[0]
    return bool(known.cr_password and known.informed_at) and not place.house.station.in_session(place.router_id)
