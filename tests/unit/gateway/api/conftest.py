"""A gateway without listeners: real use cases, a journal in memory, a small database, a router that is a fake."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import OKPKey

from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.stores.memory import MemoryEntryStore
from config.clock import FakeClock
from config.settings import ApiSettings, Settings
from drivers.definition import load_definition, platforms
from drivers.fakes import FakeDriver, FakeReply
from drivers.session import Credential
from gateway.access.credentials import Vault
from gateway.api.app import api_app
from gateway.consent.cases import Case
from gateway.consent.fakes import MemoryConsentStore, MemoryNotifier
from gateway.consent.service import ConsentService
from gateway.policy.load import PolicyBundle, load_bundle, read_files
from gateway.session.admin import Administration, RouterEntry
from gateway.session.listeners import PEER
from gateway.session.live import LiveSessions
from gateway.session.policies import PolicyInForce
from gateway.session.service import AccessService, Parts
from gateway.state.database import Database, sqlite_url
from gateway.state.directory import StateDirectory
from gateway.state.registry import NewRouter, Registry

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHTHeQpGjDL2YaVZyOoxgV2Ph80OPxkaWvVj6gdlErhI"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICzqLlZ1lU8cN9TJvUfd2SYcbpPUc1NR8kTWVFmzUTxX rep@laptop"
UIDS = {"ada": 1000, "bob": 1001, "sue": 1002, "oli": 1003, "amy": 1004}
ROLES = {"ada": "rep", "bob": "rep", "sue": "supervisor", "oli": "operator", "amy": "auditor"}


class Inventory(Registry):
    """As `gateway.assembly` makes it."""

    async def register(self, entry: RouterEntry) -> Any:
        return await self.add_router(NewRouter(**{name: getattr(entry, name) for name in entry.__slots__}))


@dataclass
class Gateway:
    """Everything a scenario plays with."""

    app: FastAPI
    service: AccessService
    admin: Administration
    registry: Registry
    journal: Journal
    entries: MemoryEntryStore
    clock: FakeClock
    driver: FakeDriver
    notifier: MemoryNotifier
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, who: str | None, **more: Any) -> httpx.AsyncClient:
        """Over TCP with a token for machines, over the Unix socket for people, over TCP with nothing for nobody."""
        headers, address = {}, ("192.0.2.9", 4711)
        if who in self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        elif who is not None:
            address = (PEER, UIDS[who])
        transport = httpx.ASGITransport(app=self.app, client=address, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers, **more)

    async def call(self, who: str | None, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """One call; its answer is checked for what all answers have."""
        async with self.client(who) as client:
            answer = await client.request(method, path, json=body, **more)
        assert answer.headers["cache-control"] == "no-store"
        if answer.status_code >= 400 and path != "/v1/health":
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code
            assert {"type", "title", "detail", "code"} <= answer.json().keys()
        return answer

    async def asked(self, who: str = "crm", router: str = "r-1", **changes: Any) -> str:
        """A request for consent; its id."""
        wanted = {"router": router, "ticket": "T-1", "reason": "The line drops.", "scope": ["config.read"], **changes}
        answer = await self.call(who, "POST", "/v1/consents", wanted)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def case(self) -> Case:
        """The subscriber opens the link in the last message."""
        found = re.search(r"/l/(\S+)", self.notifier.sent[-1].body)
        assert found is not None
        return await self.service.consents.cases.open(found[1])

    async def granted(self, who: str = "crm", router: str = "r-1", **changes: Any) -> tuple[str, Case]:
        """A consent that was granted, and the subscriber who granted it."""
        consent = await self.asked(who, router, **changes)
        case = await self.case()
        await self.service.consents.grant(case)
        return consent, case

    async def opened(self, who: str = "crm", router: str = "r-1", **changes: Any) -> str:
        """An open session; its id."""
        await self.granted(who, router, **changes)
        answer = await self.call(who, "POST", "/v1/sessions", {"router": router})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def run(self, session: str, line: str, who: str = "crm", **more: Any) -> httpx.Response:
        """One line."""
        return await self.call(who, "POST", f"/v1/sessions/{session}/commands", {"line": line, **more})

    async def facts(self, kind: Kind) -> list[dict[str, Any]]:
        """The open facts of all entries of a kind."""
        await self.journal.append(NewEntry(kind=Kind.POLICY_LOAD))  # what was queued before is durable then
        return [dict(entry.facts) for entry in self.journal.reader().entries() if entry.kind is kind]

    def sent(self) -> list[str]:
        """The lines that reached the router, without those of the gateway itself."""
        return [item.data.decode().rstrip("\n") for item in self.driver.received if item.command.purpose == "command"]


@pytest.fixture(scope="session")
def bundle() -> PolicyBundle:
    return load_bundle()


@pytest.fixture(scope="session")
def token_key() -> OKPKey:
    return OKPKey.generate_key("Ed25519", private=True)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A database with people, machines and routers, made once and copied; and the machines' tokens."""
    path = tmp_path_factory.mktemp("state") / "state.db"
    database = Database.open(sqlite_url(path))
    tokens = asyncio.run(_fill(Inventory(database, Vault(bytes(32)), FakeClock())))
    database.close()
    return path, tokens


@pytest.fixture
def build(
    tmp_path: Path, clock: FakeClock, bundle: PolicyBundle, token_key: OKPKey, filled: tuple[Path, dict[str, str]]
) -> Callable[..., AsyncIterator[Gateway]]:
    """`build(requests_per_minute=…, prober=…)`: as `gateway`, with something different."""

    async def made(requests_per_minute: int = 6000, prober: Any = None) -> AsyncIterator[Gateway]:
        settings = Settings(data_dir=tmp_path, api=ApiSettings(requests_per_minute=requests_per_minute))
        shutil.copy(filled[0], tmp_path / "state.db")
        entries = MemoryEntryStore()
        journal = Journal.in_memory(clock, store=entries)
        database, vault = Database.open(sqlite_url(tmp_path / "state.db")), Vault(bytes(32))
        directory, registry = StateDirectory(database, vault), Inventory(database, vault, clock)
        notifier, driver, live = MemoryNotifier(), FakeDriver(respond=router), LiveSessions()
        consents = ConsentService(
            journal=journal,
            store=MemoryConsentStore(),
            directory=directory,
            contacts=directory,
            notifier=notifier,
            clock=clock,
            settings=settings.consent,
            public_url="http://customer.example",
            token_key=token_key,
            secret=bytes(range(32)),
        )

        def cut(consent_id: str, reason: str) -> None:
            live.end_consent(consent_id, reason)

        consents.on_ended(cut)
        service = AccessService(
            Parts(
                settings=settings,
                clock=clock,
                journal=journal,
                directory=directory,
                consents=consents,
                policy=PolicyInForce(bundle, read=read_files),
                definitions={name: load_definition(name) for name in platforms()},
                driver=driver,
                live=live,
            )
        )
        admin = Administration(registry, journal)
        app = api_app(service, admin, prober)
        house = Gateway(app, service, admin, registry, journal, entries, clock, driver, notifier, dict(filled[1]))
        try:
            yield house
        finally:
            live.end_all("shutdown")
            while len(live):
                await asyncio.sleep(0.01)
            await asyncio.sleep(0)
            database.close()
            journal.close()

    return made


@pytest.fixture
async def gateway(build: Callable[..., AsyncIterator[Gateway]]) -> AsyncIterator[Gateway]:
    async for house in build():
        yield house


async def _fill(registry: Registry) -> dict[str, str]:
    for name, uid in UIDS.items():
        await registry.add_person(name, ROLES[name], uid=uid)  # type: ignore[arg-type]
    tokens = {}
    for name in ("crm", "bot"):
        await registry.add_person(name, "automation")
        tokens[name] = await registry.new_token(name)
    for name in ("r-1", "r-2"):
        router = await registry.add_router(
            NewRouter(
                name=name,
                platform="ios",
                address="192.0.2.1",
                port=22,
                host_key=HOST_KEY,
                credential=Credential(user="gw", password="router-secret"),
            )
        )
        await registry.add_contact(router.subscriber_ref, "mail", "anna@example.com")
    return tokens


def router(wire: bytes) -> FakeReply:
    """What the router prints."""
    line = wire.decode().strip()
    if line == "show version":
        return FakeReply(output=b"Cisco IOS Software, Version 15.9\r\nuptime is 3 weeks\r\n")
    if line.startswith("show ip route"):
        return FakeReply(output=b"% Invalid input detected at '^' marker.\r\n")
    if line == "show logging":
        return FakeReply(output=b"x" * 1000, prompt=False)
    return FakeReply()
