"""Who plays in the demo: the teller who holds each step to its promise, the rep's ssh, the subscriber's browser."""

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Final

import httpx

from config.errors import VestibuleError

STEP_SECONDS: Final = 20.0
"""How long a step may take before the demo says that it hangs."""

Say = Callable[[str], None]


class DemoFailed(VestibuleError):
    """A step did not show what it should."""


@dataclass(slots=True)
class Teller:
    """Tells the story and holds each step to what it promises."""

    say: Say
    colour: bool
    steps: int = 0
    checks: int = 0

    def step(self, title: str) -> None:
        """A new step."""
        self.steps += 1
        self.say(f"\n{self._in('1;36', f'{self.steps}. {title}')}")

    def tell(self, text: str) -> None:
        """What somebody sees, indented."""
        for line in text.strip("\n").splitlines():
            self.say(f"     {line.rstrip()}")

    def typed(self, text: str) -> None:
        """What somebody types."""
        self.say(f"   {self._in('1', '$ ' + text)}")

    def check(self, holds: bool, what: str) -> None:
        """One promise. Raises `DemoFailed`."""
        if not holds:
            raise DemoFailed(f"Step {self.steps} failed: not so: {what}.")
        self.checks += 1
        self.say(f"   {self._in('32', 'ok')} {what}")

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


@dataclass(slots=True)
class Ssh:
    """The rep's side: the system's ssh with its own key."""

    port: int
    key: Path
    known_hosts: Path
    program: str = field(default_factory=lambda: shutil.which("ssh") or "")

    def command(self, *words: str, tty: bool = False) -> list[str]:
        """The full command line."""
        options = ["-F", "none", "-i", str(self.key), "-o", f"UserKnownHostsFile={self.known_hosts}"]
        options += ["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR"]
        return [self.program, *options, *(["-tt"] if tty else []), "-p", str(self.port), *words]

    async def run(self, *words: str) -> tuple[int, str, str]:
        """Run to the end: exit status, output, errors."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*words), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), STEP_SECONDS)
        return process.returncode or 0, plain(out), plain(err)


class Terminal:
    """A rep's ssh with a terminal: type lines, wait for what comes."""

    def __init__(self, process: asyncio.subprocess.Process, prompt: str) -> None:
        self._process = process
        self.prompt = prompt
        self.seen = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, ssh: Ssh, destination: str, *, prompt: str) -> AsyncIterator["Terminal"]:
        """Start ssh with a terminal; it is ended with the block. `prompt` is the router's."""
        process = await asyncio.create_subprocess_exec(
            *ssh.command(destination, tty=True),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield cls(process, prompt)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def until(self, text: str) -> str:
        """What came up to and including `text`."""
        assert self._process.stdout is not None
        async with asyncio.timeout(STEP_SECONDS):
            while text not in self.seen:
                data = await self._process.stdout.read(65536)
                if not data:
                    raise DemoFailed(f"The session ended before {text!r} came; it said: {self.seen[-300:]!r}.")
                self.seen += plain(data)
        found, _, self.seen = self.seen.partition(text)
        return found + text

    async def type(self, line: str, until: str | None = None) -> str:
        """Type a line; what came up to the next prompt."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\r")
        await self._process.stdin.drain()
        return await self.until(until or self.prompt)

    async def ended(self) -> tuple[int, str]:
        """Wait until ssh has left: its exit status and the last words."""
        assert self._process.stdout is not None
        async with asyncio.timeout(STEP_SECONDS):
            rest = self.seen + plain(await self._process.stdout.read())
            return await self._process.wait(), rest


class Subscriber:
    """The subscriber's browser: follows the link, fills in the forms of the page, keeps its cookie."""

    def __init__(self) -> None:
        self._browser = httpx.AsyncClient(follow_redirects=True, timeout=STEP_SECONDS)
        self._page: httpx.Response | None = None

    async def open(self, link: str) -> str:
        """Open the one-time link, press the button that takes it into use; the page that follows, as text."""
        self._page = await self._browser.get(link)
        return await self.press(httpx.URL(link).path)

    async def reload(self) -> str:
        """The page as it is now."""
        assert self._page is not None
        self._page = await self._browser.get(self._page.url)
        return page_text(self._page.text)

    async def press(self, action: str, **fields: str | list[str]) -> str:
        """Send the form whose action ends in `action`, with its hidden fields; the page that follows."""
        assert self._page is not None
        url, hidden = form_of(self._page.text, action)
        self._page = await self._browser.post(self._page.url.join(url), data={**hidden, **fields})
        if self._page.status_code >= 400:
            raise DemoFailed(f"The subscriber's page answered {self._page.status_code} to {action!r}.")
        return page_text(self._page.text)

    async def close(self) -> None:
        await self._browser.aclose()


def form_of(page: str, action: str) -> tuple[str, dict[str, str]]:
    """Address and hidden fields of the form whose action ends in `action`. Raises `DemoFailed`."""
    for form in re.findall(r"<form.*?</form>", page, re.DOTALL):
        found = re.search(r'action="([^"]*)"', form)
        if found and found[1].endswith(action):
            hidden: dict[str, str] = {}
            for tag in re.findall(r"<input[^>]*>", form):
                attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
                if attributes.get("type") == "hidden":
                    hidden[attributes["name"]] = unescape(attributes.get("value", ""))
            return unescape(found[1]), hidden
    raise DemoFailed(f"The subscriber's page has no form for {action!r}.")


def page_text(page: str) -> str:
    """A page's words, roughly as a person reads them."""
    body = re.sub(r"(?s)<(head|style|script).*?</\1>", "", page)
    text = unescape(re.sub(r"<[^>]+>", " ", re.sub(r"</(p|li|h\d|div|dt|dd|tr|label|legend)>", "\n", body)))
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def plain(data: bytes) -> str:
    """Output as text, with plain line ends."""
    return data.decode("utf-8", "replace").replace("\r\n", "\n")
