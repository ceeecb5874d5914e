"""A house with one rep, one router and a subscriber with a phone; everything in memory, time standing still."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from joserfc.jwk import OKPKey

from config.clock import FakeClock
from config.ids import new_id
from config.settings import ConsentSettings
from gateway.access import authenticate
from gateway.access.fakes import FakeDirectory
from gateway.access.identity import Authenticated, Principal, Role, Router
from gateway.consent.cases import Case
from gateway.consent.fakes import MemoryConsentStore, MemoryContacts, MemoryEvidence, MemoryNotifier
from gateway.consent.model import Consent
from gateway.consent.notifier import Contact
from gateway.consent.service import ConsentService

URL = "http://customer.example"


@dataclass
class House:
    """Everything a scenario plays with."""

    clock: FakeClock
    directory: FakeDirectory
    store: MemoryConsentStore
    notifier: MemoryNotifier
    contacts: MemoryContacts
    evidence: MemoryEvidence
    service: ConsentService
    router: Router
    rep: Authenticated
    other_rep: Authenticated
    supervisor: Authenticated
    person: Callable[[str, Role], Authenticated]

    async def ask(self, **changes: object) -> Consent:
        wanted = {"ticket": "T-1", "reason": "The line drops.", "scope": ("lan.hosts.read", "device.reboot")}
        return await self.service.request(self.rep, "cpe-1", **{**wanted, **changes})  # type: ignore[arg-type]

    def link(self, message: int = -1) -> str:
        """The secret part of the link in a message."""
        found = re.search(r"/l/(\S+)", self.notifier.sent[message].body)
        assert found is not None
        return found[1]

    def code(self) -> str:
        """The code in the last message, as read out."""
        found = re.search(r": (\d{4} \d{4})\n", self.notifier.sent[-1].body)
        assert found is not None
        return found[1]

    async def open(self) -> Case:
        return await self.service.cases.open(self.link())

    async def granted(self, **changes: object) -> tuple[Consent, Case]:
        """Ask, open the link, agree to all."""
        await self.ask(**changes)
        case = await self.open()
        return await self.service.grant(case), case

    def kinds(self) -> list[str]:
        return [entry.kind.value for entry in self.evidence.written]


@pytest.fixture(scope="session")
def token_key() -> OKPKey:
    return OKPKey.generate_key("Ed25519", private=True)


@pytest.fixture
def house(clock: FakeClock, token_key: OKPKey) -> House:
    directory, store, notifier = FakeDirectory(), MemoryConsentStore(), MemoryNotifier()
    evidence = MemoryEvidence()
    router = directory.add_router(
        Router(id=new_id(), name="cpe-1", platform="openwrt", subscriber_ref=new_id(), lan=("192.168.1.0/24",))
    )
    contact = Contact(kind="phone", address="+15145550100", language="en")
    contacts = MemoryContacts({router.subscriber_ref: [contact]})
    numbers = itertools.count(1)
    service = ConsentService(
        journal=evidence,
        store=store,
        directory=directory,
        contacts=contacts,
        notifier=notifier,
        clock=clock,
        settings=ConsentSettings(),
        public_url=URL,
        token_key=token_key,
        secret=bytes(range(32)),
        random=lambda size: next(numbers).to_bytes(size, "big"),
    )

    def person(name: str, role: Role) -> Authenticated:
        principal = Principal(id=new_id(), name=name, role=role, alias=f"Rep {name.upper()}")
        directory.add_principal(principal)
        made = authenticate._mint(principal, {"key"}, "192.0.2.1", clock.now())
        assert made is not None
        return made

    return House(
        clock=clock,
        directory=directory,
        store=store,
        notifier=notifier,
        contacts=contacts,
        evidence=evidence,
        service=service,
        router=router,
        rep=person("ada", "rep"),
        other_rep=person("bob", "rep"),
        supervisor=person("sue", "supervisor"),
        person=person,
    )
