"""The review pages over a journal in memory: signing in, forms, roles, what is shown without a look and with one."""

import re
from dataclasses import dataclass, field, replace

import httpx
import pyotp
import pytest

from audit.entry import Kind, NewEntry
from audit.search.indexer import fill
from audit.search.memory import MemoryIndex
from audit.tlog.merkle import leaf_hash
from config.clock import FakeClock
from gateway.evidence.approvals import Approvals
from gateway.evidence.deciding import Deciding
from gateway.evidence.exporting import Exports
from gateway.evidence.reading import Reading
from gateway.review import looks
from gateway.review.app import CONTENT_POLICY, review_app
from gateway.review.render import TEMPLATES
from gateway.session.web_links import WELCOME
from tests.review_scene import HOSTILE, write_session
from tests.rpcs_on_record import RADIO, SECRET, VALUE
from tests.stage import Stage, stage

ADDRESS = "http://review.test"


@dataclass
class House:
    """Everything behind the pages, and browsers."""

    stage: Stage
    reading: Reading
    approvals: Approvals
    app: object
    written: object
    people: dict = field(default_factory=dict)

    async def browser(self, name, role="auditor") -> "Browser":
        auth = self.people.get(name) or await self.stage.person(name, role)
        self.people[name] = auth
        browser = self.stranger()
        link = self.stage.service.web_links.make(auth)
        await browser.get(link.removeprefix(ADDRESS))
        answer = await browser.client.post(link.removeprefix(ADDRESS), data={"x": "y"})
        assert answer.status_code == 303
        await browser.get("/search")
        return browser

    def stranger(self) -> "Browser":
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=True)
        return Browser(httpx.AsyncClient(transport=transport, base_url=ADDRESS))

    def kinds(self, kind):
        reader = self.stage.journal.reader()
        return [reader.sealed(entry.index, "act") for entry in reader.entries() if entry.kind is kind]


@dataclass
class Browser:
    client: httpx.AsyncClient
    token: str = ""

    async def get(self, path, **more):
        answer = await self.client.get(path, **more)
        self._look(answer)
        return answer

    async def post(self, path, *, follow=True, **fields):
        answer = await self.client.post(path, data={"f": self.token, **fields}, follow_redirects=follow)
        self._look(answer)
        return answer

    def _look(self, answer):
        assert answer.headers["content-security-policy"] == CONTENT_POLICY
        if found := re.search(r'name="f" value="([^"]+)"', answer.text):
            self.token = found[1]


STEPS = [
    (0.5, "", "BusyBox\r\nroot@home-1:~# "),
    (2.0, "uptime", "load average: 0.08\r\n"),
    (3.0, "!ssh 192.168.1.20", "Refused.\r\n"),
    (1.0, "<b>show</b> \u202e\x1b]0;x\x07", HOSTILE[6] + "\r\n"),
]


async def house_of(persons=1, steps=STEPS):
    clock = FakeClock()
    scene = stage(clock=clock)
    written = await write_session(scene.journal, clock, steps)
    await scene.journal.checkpoint()
    approvals = Approvals(scene.journal, clock)
    index = MemoryIndex()
    fill(scene.journal.reader(), index)
    reading = Reading(scene.journal, clock, index=index, approvals=approvals, persons=persons)
    scene.service.web_links.address = ADDRESS
    exports = Exports(scene.journal, clock)

    async def name_of(principal):
        return next((name for name, auth in made.people.items() if auth.principal.id == principal), principal)

    made = House(scene, reading, approvals, None, written)
    made.app = review_app(scene.service, reading, exports, Deciding(approvals), name_of=name_of)
    return made


@pytest.fixture
async def house():
    return await house_of()


def test_no_policy_of_the_pages_is_unsafe():
    assert "unsafe-inline" not in CONTENT_POLICY
    assert re.findall(r"'unsafe-[a-z]+'", CONTENT_POLICY) == []
    assert CONTENT_POLICY.startswith("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'")


@pytest.mark.parametrize(
    "path",
    [
        "/search",
        "/sessions",
        "/entry/0",
        "/approvals",
        "/session/{s}",
        "/consent/{c}",
        "/session/{s}/recording.json",
        "/entry/0/head.json",
        "/entry/0/proof.tlog-proof",
    ],
)
async def test_nothing_for_strangers(house, path):
    path = path.format(s=house.written.session, c=house.written.consent)
    answer = await house.stranger().get(path)
    assert answer.status_code == 401
    assert house.written.session not in answer.text


async def test_signing_in_is_on_record_and_out_again(house):
    browser = await house.browser("amy")
    assert len([e for e in house.stage.journal.reader().entries() if e.kind is Kind.AUTH_OK]) == 1
    cookie = browser.client.cookies
    assert "review" in cookie
    assert (await browser.get("/search")).status_code == 200
    await browser.post("/sign-out")
    assert (await browser.get("/search")).status_code == 401


async def test_the_cookie_is_strict_and_closed_to_scripts(house):
    auth = await house.stage.person("amy", "auditor")
    link = house.stage.service.web_links.make(auth).removeprefix(ADDRESS)
    answer = await house.stranger().client.post(link, data={"x": "y"})
    header = answer.headers["set-cookie"]
    assert "HttpOnly" in header
    assert "SameSite=strict" in header
    assert (await house.stranger().client.post(link, data={"x": "y"})).status_code == 410, "once"


async def test_a_second_factor_is_asked_for(house):
    """A link from the local socket proves the Unix user; whoever has a second factor gives it on the page."""
    secret = pyotp.random_base32()
    await house.stage.person("amy", "auditor", uid=4711, totp_secret=secret)
    auth = await house.stage.service.authenticate_peer(4711)
    link = house.stage.service.web_links.make(auth).removeprefix(ADDRESS)
    browser = house.stranger()
    assert 'name="code"' in (await browser.get(link)).text
    code = pyotp.TOTP(secret).at(house.stage.clock.now())
    wrong = str((int(code) + 1) % 1_000_000).zfill(6)
    assert (await browser.client.post(link, data={"code": wrong})).status_code == 403
    house.stage.clock.advance(60)
    code = pyotp.TOTP(secret).at(house.stage.clock.now())
    assert (await browser.client.post(link, data={"code": code})).status_code == 303
    assert (await browser.get("/search")).status_code == 200


async def test_a_suspended_person_is_out_at_once(house):
    browser = await house.browser("amy")
    principal = house.people["amy"].principal
    house.stage.directory.add_principal(replace(principal, disabled=True))
    assert (await browser.get("/search")).status_code == 403
    house.stage.directory.add_principal(replace(principal, role="rep"))
    assert (await browser.get("/search")).status_code == 403


async def test_idle_browsers_are_signed_out(house):
    browser = await house.browser("amy")
    house.stage.clock.advance(29 * 60)
    assert (await browser.get("/search")).status_code == 200
    house.stage.clock.advance(31 * 60)
    assert (await browser.get("/search")).status_code == 401


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {}])
async def test_forms_of_other_sites_do_nothing(house, headers):
    browser = await house.browser("amy")
    fields = {"q": "uptime", "reason": "x", "f": browser.token if headers else "wrong"}
    answer = await browser.client.post("/search", data=fields, headers=headers)
    assert answer.status_code == 403
    assert house.kinds(Kind.SEARCH_QUERY) == []


async def test_search_and_open_at_the_hit(house):
    browser = await house.browser("amy")
    answer = await browser.post("/search", q="rep:alice uptime", reason="case 7")
    assert answer.status_code == 200
    assert f"/session/{house.written.session}?cmd={house.written.commands[0]}" in answer.text
    assert house.kinds(Kind.SEARCH_QUERY) == [{"query": "rep:alice uptime", "reason": "case 7"}]
    again = await browser.get(str(answer.url))
    assert "uptime" in again.text
    assert len(house.kinds(Kind.SEARCH_QUERY)) == 1, "going back is no further search"
    wrong = await browser.post("/search", q="ruter:x", reason="case 7")
    assert (wrong.status_code, "no field" in wrong.text) == (400, True)


async def test_nothing_sealed_without_a_look(house):
    browser = await house.browser("amy")
    page = await browser.get(f"/session/{house.written.session}")
    assert page.status_code == 200
    assert [word for word in ("alice", "home-1", "uptime", "192.168") if word in page.text] == []
    assert "cmd.intent" in page.text
    for path in ("recording.json", "segment/0.json"):
        assert (await browser.get(f"/session/{house.written.session}/{path}")).status_code == 403
    assert house.kinds(Kind.REPLAY_VIEW) == []


async def test_a_look_opens_it_and_is_on_record(house):
    browser = await house.browser("amy")
    path = f"/session/{house.written.session}"
    await browser.get(path)
    assert (await browser.post(f"{path}/open", reason=" ")).status_code == 400
    page = await browser.post(f"{path}/open", reason="case 7", cmd="5")
    assert str(page.url).endswith(f"{path}?cmd=5")
    assert house.kinds(Kind.REPLAY_VIEW) == [{"reason": "case 7"}]
    assert [
        word for word in ("alice", "home-1", "uptime", "verified", "refused", "amy · ") if word not in page.text
    ] == []
    assert "&lt;b&gt;show&lt;/b&gt; \\u202e\\x1b]0;x\\x07" in page.text
    index = (await browser.get(f"{path}/recording.json")).json()
    first = (await browser.get(index["segments"][0]["url"])).json()
    assert "load average" in "".join(event[2] for event in first["events"])
    assert (await browser.get(f"{path}/segment/99.json")).status_code == 403
    other = await house.browser("sue", "supervisor")
    assert (await other.get(f"{path}/recording.json")).status_code == 403, "each on their own record"


async def test_a_commands_RPCs_are_beside_it_and_their_names_only_under_a_look():
    house = await house_of(steps=[(0.5, "uptime", "12 days\r\n"), (1.0, "@show wifi", "channel 11\r\n")])
    browser = await house.browser("amy")
    path = f"/session/{house.written.session}"
    shut = (await browser.get(path)).text
    assert shut.count("<details") == 1, "one command of the two has RPCs"
    counts = ("RPCs of TR-069: 3", "GetParameterValues", "came: 2, hidden: 1, masked: 1", "fault 9003", "no answer on")
    assert [word for word in counts if word not in shut] == []
    assert [word for word in (RADIO, SECRET, VALUE, "Device.", "show wifi") if word in shut] == []
    opened = (await browser.post(f"{path}/open", reason="case 7")).text
    assert [word for word in (*counts, f"{RADIO} = {VALUE}", f"{SECRET} = ******") if word not in opened] == []
    assert opened.index("uptime") < opened.index("show wifi") < opened.index("RPCs of TR-069: 3")
    assert "Device.&lt;b&gt;x&lt;/b&gt;.\\u202e\\x1b]0;x\\x07" in opened
    intent = next(e for e in house.stage.journal.reader().entries() if e.kind is Kind.RPC_INTENT)
    assert f'href="/entry/{intent.index}"' in opened


async def test_many_RPCs_are_counted_and_many_names_cut(monkeypatch):
    monkeypatch.setattr(looks, "MOST_RPCS", 2)
    monkeypatch.setattr(looks, "MOST_LINES", 1)
    house = await house_of(steps=[(1.0, "@show wifi", "channel 11\r\n")])
    browser = await house.browser("amy")
    path = f"/session/{house.written.session}"
    await browser.get(path)
    page = (await browser.post(f"{path}/open", reason="case 7")).text
    assert "RPCs of TR-069: 3" in page
    assert "And 1 more" in page
    assert "GetParameterNames" not in page
    assert "and 2 more, on the page of entry" in page


async def test_erased_RPCs_say_so():
    house = await house_of(steps=[(1.0, "@show wifi", "channel 11\r\n")])
    intent = next(e for e in house.stage.journal.reader().entries() if e.kind is Kind.RPC_INTENT)
    house.stage.journal._keys.destroy(intent.head.key_set, ["act"])
    browser = await house.browser("amy")
    path = f"/session/{house.written.session}"
    await browser.get(path)
    page = (await browser.post(f"{path}/open", reason="case 7")).text
    assert 'Asked or written: <span class="badge gone">key unavailable</span>' in page
    assert f"{RADIO} = {VALUE}" in page, "what came has a key of its own"


async def test_an_entry_and_its_proof(house):
    browser = await house.browser("amy")
    intent = next(e for e in house.stage.journal.reader().entries() if e.kind is Kind.CMD_INTENT)
    page = await browser.get(f"/entry/{intent.index}")
    assert "verified" in page.text
    assert "uptime" not in page.text
    assert (await browser.get(f"/entry/{intent.index}/head.json")).content == intent.head_bytes
    proof = await browser.get(f"/entry/{intent.index}/proof.tlog-proof")
    assert proof.content.startswith(b"c2sp.org/tlog-proof@v1\n")
    assert (await browser.get("/entry/99999")).status_code == 403
    newest = house.stage.journal.reader().size - 1
    assert "not yet in a checkpoint" in (await browser.get(f"/entry/{newest}")).text


async def test_lists_of_an_entry_are_lists_and_what_is_named_in_them_is_named():
    house = await house_of(steps=[(1.0, "@show wifi", "channel 11\r\n")])
    browser = await house.browser("amy")
    await browser.get(f"/session/{house.written.session}")
    await browser.post(f"/session/{house.written.session}/open", reason="case 7")
    pages = [
        (await browser.get(f"/entry/{entry.index}")).text
        for entry in house.stage.journal.reader().entries()
        if entry.kind in (Kind.RPC_INTENT, Kind.RPC_RESULT)
    ]
    text = "".join(pages)
    assert f"<li>{RADIO}</li>" in text
    assert f"<dt>name</dt><dd>{RADIO}</dd><dt>value</dt><dd>{VALUE}</dd>" in text
    assert "&lt;b&gt;x&lt;/b&gt;.\\u202e\\x1b]0;x\\x07" in text, "what a router says is never markup"
    assert not re.search(r"[\[{]&#39;|&#39;[\]}]|\bTrue\b|\bFalse\b|\bNone\b", text), "no list of a programmer"


def test_a_value_of_any_depth_is_written_out():
    value = TEMPLATES.environment.get_template("parts.html").module.value
    assert value({"a": ["x", {"b": [1, True, None]}], "c": {}, "d": [], "e": "<i>"}) == (
        '<dl class="values"><dt>a</dt><dd><ul class="items"><li>x</li><li><dl class="values"><dt>b</dt><dd>'
        '<ul class="items"><li>1</li><li>true</li><li></li></ul></dd></dl></li></ul></dd>'
        "<dt>c</dt><dd>none</dd><dt>d</dt><dd>none</dd><dt>e</dt><dd>&lt;i&gt;</dd></dl>"
    )


async def test_a_changed_entry_contradicts(house):
    browser = await house.browser("amy")
    store = house.stage.store
    intent = next(e for e in house.stage.journal.reader().entries() if e.kind is Kind.CMD_BLOCKED)
    row = next(iter(store.entries(intent.index, intent.index + 1)))
    head = row.head.replace(b"deny", b"okay")
    store._entries[intent.index] = replace(row, head=head, leaf=leaf_hash(head))
    page = await browser.get(f"/entry/{intent.index}")
    assert "contradicts the checkpoint" in page.text


async def test_what_was_erased_says_by_what(house):
    intent = next(e for e in house.stage.journal.reader().entries() if e.kind is Kind.CMD_INTENT)
    facts = {"scope": "keys", "ks": [intent.head.key_set], "comp": ["act"], "basis": "gdpr-17"}
    done = await house.stage.journal.append(NewEntry(kind=Kind.ERASE_DONE, facts=facts))
    house.stage.journal._keys.destroy(intent.head.key_set, ["act"])
    browser = await house.browser("amy")
    path = f"/session/{house.written.session}"
    await browser.get(path)
    page = await browser.post(f"{path}/open", reason="case 7")
    assert "uptime" not in page.text
    assert "erased" in page.text
    entry = await browser.get(f"/entry/{intent.index}")
    assert f"/entry/{done.index}" in entry.text


async def test_a_consent(house):
    browser = await house.browser("amy")
    path = f"/consent/{house.written.consent}"
    page = await browser.get(path)
    assert "consent.granted" in page.text
    assert "T-77" not in page.text
    opened = await browser.post(f"{path}/open", reason="complaint")
    assert "T-77" in opened.text
    assert "amy · " in opened.text


async def test_two_persons(monkeypatch):
    house = await house_of(persons=2)
    amy, sue = await house.browser("amy"), await house.browser("sue", "supervisor")
    path = f"/session/{house.written.session}"
    await amy.get(path)
    waiting = await amy.post(f"{path}/open", reason="case 7")
    assert (waiting.status_code, "second person" in waiting.text) == (202, True)
    approval = house.approvals.pending()[0].id
    own = await amy.get("/approvals")
    assert "Take back" in own.text
    assert (await amy.post(f"/approvals/{approval}", decision="give")).status_code == 403
    theirs = await sue.get("/approvals")
    assert "amy wants to open" in theirs.text
    assert "case 7" in theirs.text
    await sue.post(f"/approvals/{approval}", decision="give", reason="seen the complaint")
    opened = await amy.post(f"{path}/open", reason="case 7")
    assert "uptime" in opened.text
    assert (await sue.get(f"{path}/recording.json")).status_code == 403
    found = await amy.post("/search", q="uptime", reason="case 7")
    assert "takes a second person" in found.text
    assert "alice" not in found.text


@pytest.mark.parametrize("path", ["/nowhere", "/session/x", "/session/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/consent/<b>"])
async def test_what_is_not_there(house, path):
    browser = await house.browser("amy")
    answer = await browser.get(path)
    assert answer.status_code in (403, 404)
    assert "<b>" not in answer.text


async def test_files_of_the_pages(house):
    browser = house.stranger()
    for name in ("review.css", "review.js", "player.js", "player.css", "icon.svg"):
        assert (await browser.get(f"/static/{name}")).status_code == 200
    assert (await browser.get("/static/../app.py")).status_code == 404


async def test_a_journal_that_is_lost_shows_nothing(house):
    browser = await house.browser("amy")
    path = f"/session/{house.written.session}"
    await browser.get(path)
    house.stage.journal._committer.poison(RuntimeError("disk"))
    answer = await browser.post(f"{path}/open", reason="case 7")
    assert answer.status_code == 503
    assert "uptime" not in answer.text


def test_roles():
    assert {"auditor", "reviewer", "supervisor"} == WELCOME
