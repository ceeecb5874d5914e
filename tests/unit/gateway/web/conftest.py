"""The subscriber's app over a house in memory, and a browser that keeps cookies and reads forms."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import OKPKey

from config.clock import FakeClock
from config.ids import new_id
from config.settings import ConsentSettings, CustomerSettings, Settings
from gateway.access import authenticate
from gateway.access.fakes import FakeDirectory
from gateway.access.identity import Authenticated, Principal, Router
from gateway.consent.fakes import MemoryConsentStore, MemoryContacts, MemoryEvidence, MemoryNotifier
from gateway.consent.model import Consent, Language
from gateway.consent.notifier import Contact
from gateway.consent.service import ConsentService
from gateway.evidence.plain_log import LogLine
from gateway.web.app import customer_app


@dataclass
class Form:
    """One form of a page."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)
    """Values of unticked boxes."""


class Page(HTMLParser):
    """A page as far as tests look at it."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.status = response.status_code
        self.headers = response.headers
        self.html = response.text
        self.forms: list[Form] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(response.text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append((tag, named))
        if tag == "form":
            self.forms.append(Form(named["action"] or ""))
        elif tag == "input" and named.get("type") == "checkbox" and "checked" not in named:
            self.forms[-1].boxes.append(named["value"] or "")
        elif tag == "input" or (tag == "textarea" and self.forms):
            self.forms[-1].fields.append((named["name"] or "", named.get("value") or ""))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def form(self, action: str) -> Form:
        return next(form for form in self.forms if form.action.endswith(action))

    def has_form(self, action: str) -> bool:
        return any(form.action.endswith(action) for form in self.forms)


class Browser:
    """Keeps cookies, follows redirects, sends forms as they stand unless told otherwise."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **headers: str) -> Page:
        return Page(await self.client.get(path, headers=headers))

    async def submit(self, page: Page, action: str, *, tick: tuple[str, ...] = (), **changes: str) -> Page:
        form = page.form(action)
        fields = [(name, changes.pop(name, value)) for name, value in form.fields]
        fields += [("scope", value) for value in tick]
        fields += list(changes.items())
        return await self.post(form.action, fields)

    async def post(self, path: str, fields: list[tuple[str, str]], **headers: str) -> Page:
        body = str(httpx.QueryParams(fields))
        sent = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin", **headers}
        return Page(await self.client.post(path, content=body, headers=sent))


@dataclass
class Place:
    """A house with the subscriber's pages."""

    clock: FakeClock
    service: ConsentService
    notifier: MemoryNotifier
    evidence: MemoryEvidence
    rep: Authenticated
    router: Router
    lines: list[LogLine]
    browser: Callable[[], Browser]

    async def ask(self, **changes: object) -> Consent:
        wanted = {"ticket": "T-17", "reason": "The line <drops>.", "scope": ("lan.hosts.read", "device.reboot")}
        return await self.service.request(self.rep, "cpe-1", **{**wanted, **changes})  # type: ignore[arg-type]

    def link(self) -> str:
        found = re.search(r"(/l/\S+)", self.notifier.sent[-1].body)
        assert found is not None
        return found[1]

    async def opened(self, browser: Browser) -> Page:
        """The page of the request, the link just opened."""
        return await browser.submit(await browser.get(self.link()), self.link())

    async def granted(self, browser: Browser, *, tick: tuple[str, ...] = ()) -> tuple[Consent, Page]:
        consent = await self.ask()
        page = await browser.submit(await self.opened(browser), "/case/grant", tick=tick)
        return await self.service.get(self.rep, consent.id), page


@pytest.fixture(params=["http://customer.example"])
def public_url(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def copies() -> Any:
    """What makes copies, if anything does."""
    return None


@pytest.fixture
async def place(clock: FakeClock, tmp_path: Path, public_url: str, copies: Any) -> AsyncIterator[Place]:
    directory, notifier, evidence = FakeDirectory(), MemoryNotifier(), MemoryEvidence()
    router = directory.add_router(Router(id=new_id(), name="cpe-1", platform="openwrt", subscriber_ref=new_id()))
    contact = Contact(kind="mail", address="marie@subscriber.example", language="en")
    settings = Settings(
        data_dir=tmp_path,
        customer=CustomerSettings(public_url=public_url),
        consent=ConsentSettings(handoff_url="https://assist.example/start"),
    )
    service = ConsentService(
        journal=evidence,
        store=MemoryConsentStore(),
        directory=directory,
        contacts=MemoryContacts({router.subscriber_ref: [contact]}),
        notifier=notifier,
        clock=clock,
        settings=settings.consent,
        public_url=public_url,
        token_key=OKPKey.generate_key("Ed25519", private=True),
        secret=bytes(32),
    )
    principal = directory.add_principal(Principal(id=new_id(), name="ada", role="rep", alias="Rep 7F3A"))
    rep = authenticate._mint(principal, {"key"}, "192.0.2.1", clock.now())
    assert rep is not None
    lines: list[LogLine] = []

    async def log_for(consent_id: str, language: Language) -> list[LogLine]:
        return lines

    app = customer_app(service, settings, log_for=log_for, copies=copies)
    clients: list[httpx.AsyncClient] = []

    def browser() -> Browser:
        transport = httpx.ASGITransport(app=app, client=("198.51.100.9", 50000))
        clients.append(httpx.AsyncClient(transport=transport, base_url=public_url, follow_redirects=True))
        return Browser(clients[-1])

    clock.advance(timedelta(hours=1).total_seconds())
    yield Place(clock, service, notifier, evidence, rep, router, lines, browser)
    for client in clients:
        await client.aclose()
