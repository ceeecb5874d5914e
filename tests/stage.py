"""A whole gateway in memory for tests: real service, consent, policy, mediator and journal over the shipped fakes."""

import itertools
from dataclasses import dataclass, field

import asyncssh
from joserfc.jwk import OKPKey

from audit.journal import Journal
from audit.stores.memory import MemoryEntryStore
from config.clock import Clock, SystemClock
from config.ids import new_id
from config.settings import ConsentSettings, SessionSettings, Settings
from drivers.definition import load_definition, platforms
from drivers.fakes import FakeDriver
from drivers.session import Credential, Driver, Target
from gateway.access.fakes import FakeDirectory
from gateway.access.identity import Authenticated, Principal, Role, Router
from gateway.consent.cases import Case
from gateway.consent.fakes import MemoryConsentStore, MemoryContacts, MemoryNotifier
from gateway.consent.model import Consent
from gateway.consent.notifier import Contact
from gateway.consent.service import ConsentService
from gateway.policy.load import load_bundle
from gateway.session.live import LiveSessions
from gateway.session.policies import PolicyInForce
from gateway.session.service import AccessService, Parts

BUNDLE = load_bundle()
DEFINITIONS = {name: load_definition(name) for name in platforms()}
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


@dataclass
class Stage:
    """Everybody on stage. `sequence` numbers what happens, over the journal's store and the routers alike."""

    journal: Journal
    store: MemoryEntryStore | None
    driver: FakeDriver | Driver
    clock: Clock
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    contacts: MemoryContacts = field(default_factory=MemoryContacts)
    notifier: MemoryNotifier = field(default_factory=MemoryNotifier)
    live: LiveSessions = field(default_factory=LiveSessions)
    policy: PolicyInForce = field(default_factory=lambda: PolicyInForce(BUNDLE))
    settings: Settings = field(init=False)
    consents: ConsentService = field(init=False)
    service: AccessService = field(init=False)

    def __post_init__(self) -> None:
        self.settings = Settings(
            data_dir="/nowhere",
            consent=ConsentSettings(),
            session=SessionSettings(max_per_router=1000, strikes=1000),
        )
        self.consents = ConsentService(
            journal=self.journal,
            store=MemoryConsentStore(),
            directory=self.directory,
            contacts=self.contacts,
            notifier=self.notifier,
            clock=self.clock,
            settings=self.settings.consent,
            public_url="http://127.0.0.1:8080",
            token_key=OKPKey.generate_key("Ed25519", private=True),
            secret=b"s" * 32,
        )
        self.consents.on_ended(self._cut)
        self.service = AccessService(
            Parts(
                settings=self.settings,
                clock=self.clock,
                journal=self.journal,
                directory=self.directory,
                consents=self.consents,
                policy=self.policy,
                definitions=DEFINITIONS,
                driver=self.driver,
                live=self.live,
            )
        )

    def _cut(self, consent_id: str, reason: str) -> None:
        self.live.end_consent(consent_id, reason)

    async def person(self, name: str, role: Role = "rep", **found_by: str) -> Authenticated:
        """Somebody known and recognised."""
        token = "t-" + name
        self.directory.add_principal(
            Principal(id=new_id(), name=name, role=role, alias=f"Alias of {name}"),
            key=f"ssh-ed25519 {token}",
            **found_by,
        )
        auth = await self.service.authenticate_key(f"ssh-ed25519 {token}", "192.0.2.7", fido2=False)
        assert auth is not None
        return auth

    def router(self, name: str = "r-1", platform: str = "ios", target: Target | None = None) -> Router:
        """A router of the inventory with a subscriber who can be reached."""
        router = Router(id=new_id(), name=name, platform=platform, subscriber_ref=new_id())
        place = target or Target(
            router_id=router.id,
            name=name,
            platform=platform,
            address="127.0.0.1",
            port=22,
            host_key=HOST_KEY,
            credential=Credential(user="gw", password="pw"),
        )
        self.directory.add_router(router, place)
        self.contacts.known[router.subscriber_ref] = [
            Contact(kind="mail", address="someone@example.org", language="en")
        ]
        return router

    async def consent(
        self, auth: Authenticated, router: Router, scope: tuple[str, ...] = (), sessions: int = 5, minutes: int = 30
    ) -> tuple[Consent, Case]:
        """A granted consent and the subscriber's case."""
        asked = await self.consents.request(
            auth, router.name, ticket="T-1", reason="test", scope=scope, sessions=sessions, minutes=minutes
        )
        link = await self.consents.cases.new_link(asked.id)
        case = await self.consents.cases.open(link)
        return await self.consents.grant(case), case


def stage(
    *,
    store: MemoryEntryStore | None = None,
    driver: FakeDriver | None = None,
    journal: Journal | None = None,
    clock: Clock | None = None,
    policy: PolicyInForce | None = None,
) -> Stage:
    """A fresh stage, on the machine's clock unless told otherwise."""
    clock = clock or SystemClock()
    kept = store or MemoryEntryStore()
    return Stage(
        journal=journal or Journal.in_memory(clock, store=kept),
        store=kept if journal is None else None,
        driver=driver or FakeDriver(next_number=itertools.count().__next__),
        clock=clock,
        policy=policy or PolicyInForce(BUNDLE),
    )
