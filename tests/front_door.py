"""The SSH front end on loopback over a stage in memory, and clients that knock at it."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import asyncssh
import pyotp

from audit.entry import Kind
from audit.leaf import parse
from config.ids import new_id
from drivers.fakes import FakeDriver, FakeReply
from gateway.access.identity import Principal, Role
from gateway.ssh.connection import listen
from gateway.ssh.server import front_door
from tests.stage import Stage, stage


class Client(asyncssh.SSHClient):
    """Answers one-time codes from a list; remembers what was asked."""

    def __init__(self, codes: list[str]) -> None:
        self._codes = codes
        self.asked: list[str] = []

    def kbdint_auth_requested(self) -> str | None:
        return "" if self._codes else None

    def kbdint_challenge_received(self, name: str, instructions: str, lang: str, prompts: Any) -> list[str]:
        self.asked.append(instructions)
        return [self._codes.pop(0) for _ in prompts]


class ForgedPair(asyncssh.SSHKeyPair):
    """Names somebody's public key or certificate, and signs with a key of the thief's own."""

    _key_type = "forged"

    def __init__(self, algorithm: bytes, public_data: bytes, own: asyncssh.SSHKey) -> None:
        super().__init__(algorithm, algorithm, (algorithm,), (algorithm,), public_data, b"forged")
        self._own = own

    def sign(self, data: bytes) -> bytes:
        return self._own.sign(data, b"ssh-ed25519")


@dataclass
class Door:
    """The gateway's SSH front end."""

    on: Stage
    server: asyncio.Server
    keys: dict[str, asyncssh.SSHKey] = field(default_factory=dict)

    def know(self, name: str, role: Role = "rep", *, totp: bool = False, key: bool = True) -> str:
        """Register somebody; the secret of their one-time codes."""
        secret = pyotp.random_base32() if totp else None
        self.keys[name] = asyncssh.generate_private_key("ssh-ed25519")
        self.on.directory.add_principal(
            Principal(id=new_id(), name=name, role=role, alias=f"Alias of {name}"),
            key=self.keys[name].export_public_key().decode() if key else None,
            totp_secret=secret,
        )
        return secret or ""

    def change(self, person: Principal, **changes: Any) -> None:
        """Change what is known of somebody."""
        self.on.directory.add_principal(replace(person, **changes))

    @property
    def port(self) -> int:
        """Where clients connect."""
        return int(self.server.sockets[0].getsockname()[1])

    def forged(self, name: str) -> ForgedPair:
        """What somebody has who knows a public key and not its private half."""
        return ForgedPair(b"ssh-ed25519", self.keys[name].public_data, asyncssh.generate_private_key("ssh-ed25519"))

    async def connect(
        self, user: str, *pairs: Any, codes: tuple[str, ...] = ()
    ) -> tuple[asyncssh.SSHClientConnection, Client]:
        """Sign in. Raises `asyncssh.PermissionDenied`."""
        client = Client(list(codes))
        connection, _ = await asyncssh.create_connection(
            lambda: client,
            "127.0.0.1",
            self.port,
            username=user,
            client_keys=list(pairs),
            known_hosts=None,
            config=None,
            agent_path=None,
        )
        return connection, client

    async def entries(self, kind: Kind, count: int = 1) -> list[dict[str, Any]]:
        """Facts of the entries of a kind, as soon as there are `count`."""
        assert self.on.store is not None
        async with asyncio.timeout(60):
            while True:
                heads = [parse(row.head) for row in self.on.store.entries(0, self.on.store.size())]
                found = [dict(head.facts) for head in heads if head.kind is kind]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.005)


async def open_door(*, ca: frozenset[str] = frozenset(), most: int = 100, failures_per_minute: int = 60) -> Door:
    """Open a front door: `ca` are trusted CA keys, `most` bounds the connections. Close its server afterwards."""
    on = stage(driver=FakeDriver(respond=lambda wire: FakeReply(output=b"output of " + wire)))
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    owners = front_door(on.service, ca, failures_per_minute=failures_per_minute)
    return Door(on, await listen("127.0.0.1", 0, owners, host_key, grace=30, most=most))
