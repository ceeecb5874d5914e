"""The offline player of a bundle in a real browser: opened from the folder, plays, seeks, and nothing leaves."""

import asyncio
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit.journal import Journal
from config.clock import FakeClock
from tests.bundles import HOSTILE, TOKENS, Desk, court, record
from tests.real.browser import chromium, watched

pytestmark = pytest.mark.system


async def _bundle(folder: Path, output: str) -> bytes:
    clock = FakeClock()
    journal = Journal.open(folder / "evidence", keys_dir=folder / "keys", origin="logs.isp", clock=clock)
    try:
        made = await record(journal, clock, commands=5, output=output)
        return await Desk(journal, clock).bundle(court([made.session], "act,out,rec"))
    finally:
        journal.close()


def _unpacked(folder: Path, output: str = "") -> Path:
    with ThreadPoolExecutor(1) as aside:  # the browser's driver has an event loop in this thread
        data = aside.submit(lambda: asyncio.run(_bundle(folder, output))).result()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder / "bundle")
    return folder / "bundle"


@pytest.fixture
def browser(require_program, tmp_path):
    with chromium(require_program("chromium"), tmp_path / "profile") as context:
        yield context


def _ready(seen):
    seen.page.wait_for_selector("#lines button")
    seen.page.wait_for_selector(".ap-term")
    return seen.page


def test_the_page_plays_and_a_click_on_a_command_seeks(browser, tmp_path):
    folder = _unpacked(tmp_path)
    seen = watched(browser)
    seen.page.goto((folder / "player.html").as_uri())
    page = _ready(seen)
    lines = page.locator("#lines button")
    assert lines.count() == 6
    assert [lines.nth(at).get_attribute("class") for at in range(6)] == ["allow"] * 5 + ["deny"]
    assert f"show {TOKENS['act']} 3" in lines.nth(3).inner_text()
    lines.nth(3).click()
    page.wait_for_function("() => document.querySelector('.ap-term').textContent.includes('show xyzzy-interface 2')")
    assert "moment 4" not in page.locator(".ap-term").inner_text()
    at = page.evaluate("async () => await window.player.getCurrentTime()")
    assert 6 <= at < 9
    lines.nth(5).click()
    page.wait_for_function("() => document.querySelector('.ap-term').textContent.includes('moment 4')")
    page.evaluate("async () => { await window.player.seek(0); await window.player.play(); }")
    page.wait_for_function("async () => await window.player.getCurrentTime() > 0.2")
    assert seen.complaints == []
    assert seen.requests == [(folder / "player.html").as_uri()]


def test_the_read_me_needs_no_script(browser, tmp_path):
    folder = _unpacked(tmp_path)
    seen = watched(browser)
    seen.page.goto((folder / "README.html").as_uri())
    assert seen.page.locator("article").count() == 2
    assert seen.page.locator("article#fr h1").inner_text() == "Preuve d'accès à distance à un routeur"
    assert seen.page.locator("script").count() == 0
    assert "Commands sent: 5. Lines refused: 1." in seen.page.locator("article#en").inner_text()
    assert seen.complaints == []
    seen.page.get_by_text("Watch the recordings").click()
    _ready(seen)


def test_a_hostile_recording_changes_nothing(browser, tmp_path):
    folder = _unpacked(tmp_path, HOSTILE)
    assert b"\\u001b]52;" in next((folder / "recording").glob("*.cast")).read_bytes()
    seen = watched(browser)
    browser.grant_permissions(["clipboard-read", "clipboard-write"])
    seen.page.goto((folder / "player.html").as_uri())
    page = _ready(seen)
    title = page.title()
    for at in range(6):
        page.locator("#lines button").nth(at).click()
    page.wait_for_function("() => document.querySelector('.ap-term').textContent.includes('moment 4')")
    text = page.locator(".ap-term").inner_text()
    assert "moment 0" in text  # neither cleared nor on another screen
    assert "<img src=x onerror=alert(1)>" in text.replace("\n", "")
    assert page.title() == title
    assert page.locator(".ap-term a").count() == 0
    assert page.locator("img").count() == 0
    assert page.evaluate("() => document.scripts.length") == 3
    assert page.evaluate("async () => navigator.clipboard ? await navigator.clipboard.readText() : ''") == ""
    assert (seen.dialogs, seen.opened, seen.complaints) == ([], [], [])
    assert seen.requests == [(folder / "player.html").as_uri()]
