"""The review pages in a real browser, over the log of a real gateway process: search, open at the hit, play, seek, see
how each entry stands; and a recording full of hostile sequences, which changes nothing on the page."""

import asyncio
import itertools
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit.entry import Kind
from audit.reader import EvidenceReader
from tests.review_scene import Scene, write_scene
from tests.running import RunningGateway

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.system, pytest.mark.slow]

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def gateway(tmp_path_factory) -> Iterator[tuple[RunningGateway, Scene]]:
    running = RunningGateway(tmp_path_factory.mktemp("review"))
    auditors = {f"auditor{number}": "auditor" for number in range(8)}
    running.prepare({"alice": "rep", "oli": "operator", **auditors}, [])
    scene = asyncio.run(write_scene(running.settings))
    with running:
        yield running, scene


@pytest.fixture(scope="module")
def browser(require_program):
    require_program("chromium")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=str(CHROMIUM), args=QUIET, headless=True)
        yield launched
        launched.close()


class Watched:
    """A page, and everything that must not happen on it."""

    def __init__(self, page, person: str, origin: str) -> None:
        self.page = page
        self.person = person
        self.origin = origin
        self.wrong: list[str] = []
        page.on("console", lambda message: self.wrong.append(f"console: {message.type} {message.text}"))
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("popup", lambda popup: self.wrong.append(f"popup: {popup.url}"))
        page.on("request", self._request)
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation',"
            " (event) => console.error('CSP ' + event.violatedDirective + ' ' + event.blockedURI))"
        )

    def _dialog(self, dialog) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request) -> None:
        if not request.url.startswith(self.origin):
            self.wrong.append(f"request: {request.url}")


AUDITORS = itertools.count()
"""One a test: a look at a session is good for a while, and would spare the next test its own."""


@pytest.fixture
def watched(gateway, browser) -> Iterator[Watched]:
    running, _ = gateway
    context = browser.new_context(viewport={"width": 1360, "height": 900}, color_scheme="light")
    context.set_default_timeout(60_000)
    page = context.new_page()
    person = f"auditor{next(AUDITORS)}"
    watched = Watched(page, person, f"http://127.0.0.1:{running.settings.review.port}/")
    page.goto(running.control(person, "web").split()[0])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/search")
    yield watched
    assert watched.wrong == []
    context.close()


def entries(running: RunningGateway, kind: Kind) -> list[dict]:
    with closing(EvidenceReader.open(running.settings.evidence_dir, running.settings.keys_dir)) as reader:
        return [
            {
                **entry.facts,
                "index": entry.index,
                **reader.sealed(entry.index, "act"),
                **reader.sealed(entry.index, "who"),
            }
            for entry in reader.entries()
            if entry.kind is kind
        ]


def ask(page, query: str, reason: str = "case 4711") -> None:
    page.get_by_label("Commands and output").fill(query)
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name=re.compile("Search")).click()
    page.wait_for_url("**/search?s=*")


def open_it(page, reason: str = "case 4711") -> None:
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Open and put on record").click()
    page.wait_for_selector("#player[data-ready]")


def terminal(page) -> str:
    """What the terminal shows."""
    return page.locator("#player .ap-term").inner_text().replace("\xa0", " ")


def until(page, true: Callable[[], bool]) -> None:
    """Ask again and again. The page's own policy forbids what playwright would have it wait with."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, f"clock {clock(page)}; terminal:\n{terminal(page)}"
        page.wait_for_timeout(50)


def wait_for_text(page, text: str) -> None:
    until(page, lambda: text in terminal(page))


def wait_for_clock(page, begins: str) -> None:
    until(page, lambda: clock(page).startswith(begins))


def clock(page) -> str:
    return page.locator("#clock").inner_text()


def picture(page, name: str) -> None:
    page.screenshot(path=str(Path(os.environ.get("REVIEW_PICTURES", tempfile.gettempdir())) / f"review-{name}.png"))


def test_search_open_at_the_hit_play_and_seek(gateway, watched):
    page = watched.page
    ask(page, 'rep:alice "terminated by peer"')
    page.wait_for_load_state()
    hit = page.locator("ol.hits li").first
    assert "logread -e pppd" in hit.inner_text()
    picture(page, "search")
    hit.get_by_role("link").first.click()
    open_it(page)
    # At the hit: not before, and nothing of what came later.
    wait_for_text(page, "terminated by peer")
    assert "ifstatus" not in terminal(page)
    wait_for_clock(page, "0:01:02")
    current = page.locator("ol.commands li[aria-current]")
    assert "logread" in current.inner_text()
    picture(page, "session")
    # Play goes on to the end; the list follows.
    page.locator("[data-do=play]").click()
    wait_for_text(page, "ifstatus wan")
    until(page, lambda: page.locator("ol.commands li[aria-current] .cmd").inner_text() == "exit")
    # Seek by a command, by buttons, by keys.
    page.locator("ol.commands li", has_text="uptime").get_by_role("link").first.click()
    wait_for_clock(page, "0:00:02")
    page.get_by_role("button", name="Next command").click()
    wait_for_clock(page, "0:01:02")
    page.locator("#player > .ap-wrapper").focus()
    page.keyboard.press("ArrowLeft")
    wait_for_clock(page, "0:00:0")
    until(page, lambda: "load average" not in terminal(page))


def test_how_each_entry_stands_is_shown_with_its_proof(gateway, watched):
    _, scene = gateway
    page = watched.page
    page.goto(f"{watched.origin}session/{scene.plain.session}")
    assert "uptime" not in page.content(), "nothing sealed without a look"
    open_it(page)
    states = page.locator("ol.commands li .badge").all_inner_texts()
    assert len(states) == 5
    assert all(state.endswith("verified") for state in states)
    assert page.locator("ol.commands .verdict").all_inner_texts() == [
        "allowed",
        "allowed",
        "refused",
        "allowed",
        "allowed",
    ]
    assert "none missing" in page.locator("dl.facts").inner_text()
    page.locator("ol.commands li", has_text="uptime").locator("a.badge").click()
    page.locator("table.parts").wait_for()
    assert "verified under the checkpoint" in page.locator("dl.facts").inner_text()
    assert "uptime" in page.locator("table.parts").inner_text()
    picture(page, "entry")
    with page.expect_download() as started:
        page.get_by_role("link", name="Proof (.tlog-proof)").click()
    proof = Path(started.value.path()).read_bytes()
    assert proof.startswith(b"c2sp.org/tlog-proof@v1\n")
    page.locator("dl.facts a", has_text=scene.plain.consent).click()
    page.get_by_text("consent.granted").first.wait_for()
    page.wait_for_load_state()
    assert "T-77" not in page.content()


def test_hostile_output_changes_nothing(gateway, watched):
    page = watched.page
    ask(page, "rep:mallory alert")
    assert page.evaluate("window.hacked") is None
    page.locator("ol.hits li").first.get_by_role("link").first.click()
    open_it(page)
    outline = """() => [...document.querySelectorAll('body *')]
        .filter((one) => !one.closest('#player')).map((one) => one.tagName + '.' + one.className).join(' ')"""
    before = page.evaluate(outline)
    title = page.title()
    for command in page.locator("ol.commands li a.seek").all():
        command.click()
        page.wait_for_timeout(120)
    page.locator("[data-do=play]").click()
    page.wait_for_timeout(1500)
    assert page.evaluate(outline).replace(" aria-current", "") == before
    assert page.title() == title
    assert page.url.startswith(watched.origin)
    assert page.evaluate("window.hacked") is None
    inside = page.evaluate("() => [...document.querySelectorAll('#player .ap-term *')].map((one) => one.tagName)")
    assert set(inside) <= {"PRE", "SPAN", "CANVAS", "SVG", "svg", "DIV", "g", "use", "defs", "rect", "path"}
    assert page.locator("#player a[href]").count() == 0
    texts = page.locator("ol.commands .cmd").first.inner_text()
    assert "show <b>0</b> \\u202e\\x1b]0;x\\x07" in texts
    picture(page, "hostile")


def test_a_long_session_is_loaded_in_pieces(gateway, watched):
    _, scene = gateway
    page = watched.page
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    number = scene.long.commands[-1]
    page.goto(f"{watched.origin}session/{scene.long.session}?cmd={number}")
    open_it(page)
    wait_for_text(page, "line 290")
    parts = [url for url in fetched if "/segment/" in url]
    assert 0 < len(set(parts)) < 5, "not from the beginning"
    assert page.locator("ol.commands li[aria-current] .cmd").inner_text() in ("ping step-280", "ping step-290")
    page.goto(f"{watched.origin}session/{scene.long.session}?t=700")
    page.wait_for_selector("#player[data-ready]")
    wait_for_text(page, "line 99")
    wait_for_clock(page, "0:11:4")


def test_the_watermark_is_over_everything_and_the_reads_are_on_record(gateway, watched):
    running, scene = gateway
    page = watched.page
    ask(page, "rep:alice uptime", reason="complaint 12")
    page.locator("ol.hits li").first.get_by_role("link").first.click()
    open_it(page, reason="complaint 12, step 2")
    mark = page.locator("p.mark").inner_text()
    view = entries(running, Kind.REPLAY_VIEW)[-1]
    assert f"entry {view['index']}" in mark
    assert watched.person in mark
    assert (view["session"], view["name"], view["reason"]) == (
        scene.plain.session,
        watched.person,
        "complaint 12, step 2",
    )
    search = entries(running, Kind.SEARCH_QUERY)[-1]
    assert (search["query"], search["reason"], search["name"]) == ("rep:alice uptime", "complaint 12", watched.person)
    over = page.locator("#player .watermark.over")
    assert over.is_visible()
    assert f"entry {view['index']}" in over.inner_text()


def test_everything_works_by_keyboard_and_has_a_name(gateway, watched):
    page = watched.page
    page.keyboard.press("Escape")
    page.get_by_label("Commands and output").focus()
    page.keyboard.type("ifstatus")
    page.keyboard.press("Tab")
    page.keyboard.type("case 1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?s=*")
    page.locator("ol.hits a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("button:has-text('Open and put on record')")
    page.get_by_label("Reason").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#player[data-ready]")
    page.locator("#player > .ap-wrapper").focus()
    page.keyboard.press("Space")
    until(page, lambda: page.locator("[data-do=play]").inner_text() == "Pause")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('a, button, input:not([type=hidden])')]
        .filter((one) => !one.closest('#player') && !(one.textContent.trim() || one.getAttribute('aria-label')
            || (one.labels && one.labels.length))).map((one) => one.outerHTML)"""
    )
    assert nameless == []
    headings = page.locator("h1").count()
    assert headings == 1


def test_dark(gateway, watched):
    _, scene = gateway
    page = watched.page
    page.emulate_media(color_scheme="dark")
    page.goto(f"{watched.origin}session/{scene.plain.session}?cmd={scene.plain.commands[1]}")
    open_it(page)
    page.wait_for_timeout(300)
    picture(page, "dark")


def test_the_same_at_the_terminal(gateway):
    """`vestibule search` names the replay that opens at its hit; both are on record."""
    running, scene = gateway
    found = running.vestibule("search", "terminated by peer", "rep:alice", "--reason", "case 4711")
    assert found.returncode == 0, found.stderr.decode()
    assert scene.plain.session in found.stdout.decode()
    opened = re.search(r"vestibule (replay .*)", found.stdout.decode())
    shown = running.vestibule(*opened[1].split(), "--speed", "max", "--reason", "case 4711")
    assert "terminated by peer" in shown.stdout.decode()
    assert "load average" not in shown.stdout.decode()
    assert "[opened for oli" in shown.stdout.decode()
    assert entries(running, Kind.SEARCH_QUERY)[-1]["query"] == '"terminated by peer" rep:alice'
    assert entries(running, Kind.REPLAY_VIEW)[-1]["session"] == scene.plain.session
    assert running.vestibule("search", "uptime").returncode == 64, "not without a reason"


def test_the_index_holds_what_the_log_says_and_can_be_made_anew(gateway):
    running, scene = gateway
    made = running.vestibule("search", "--rebuild", "--json")
    assert made.returncode == 0, made.stderr.decode()
    found = running.vestibule("search", f"session:{scene.plain.session}", "uptime", "--reason", "case 1", "--json")
    assert scene.plain.session in found.stdout.decode()
