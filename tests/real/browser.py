"""Headless Chromium for tests: one that reaches nothing but what the test allows, and that tells what its pages did."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Watched:
    """A page, with all that it asked for, complained about or tried to open."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """Console errors and warnings, broken policies among them, and uncaught errors."""
    dialogs: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)


@contextmanager
def chromium(executable: Path, profile: Path) -> Iterator[BrowserContext]:
    """A browser with an empty profile."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile), executable_path=str(executable), headless=True, args=list(ARGUMENTS), locale="en-CA"
        )
        try:
            yield context
        finally:
            context.close()


def watched(context: BrowserContext) -> Watched:
    """A fresh page that is watched from its first request on."""
    seen = Watched(context.new_page())
    page = seen.page
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: _heard(seen, message.type, message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
    page.on("popup", lambda popup: seen.opened.append(popup.url))
    return seen


def _heard(seen: Watched, kind: str, text: str) -> None:
    if kind in {"error", "warning"}:
        seen.complaints.append(text)
