"""A shell of the simulated OpenWrt router without a network."""

from collections.abc import AsyncIterator

import pytest

from drivers.lab import HomeComputer, system
from drivers.lab.ash import Ash
from drivers.lab.console import Console
from drivers.lab.openwrt import PROGRAMS


class Prompt:
    """Runs lines in one shell and keeps what each printed."""

    def __init__(self, home: HomeComputer) -> None:
        self.out = b""
        self.err = b""
        self.rebooted = False
        self.system = system.System(home, list(PROGRAMS), reboot=self._reboot)
        self.console = Console(self._write, tty=False)
        self.console.feed_eof()
        self.ash = Ash(self.system, self.console, PROGRAMS)

    async def __call__(self, line: str) -> str:
        """Standard output of a line; its status is in `status`, what it complained in `err`."""
        self.out = self.err = b""
        self.status = await self.ash.once(line)
        self.ash.status = self.status
        return self.out.decode("utf-8", "surrogateescape")

    def _write(self, data: bytes, stderr: bool) -> None:
        if stderr:
            self.err += data
        else:
            self.out += data

    def _reboot(self) -> None:
        self.rebooted = True


@pytest.fixture
async def prompt() -> AsyncIterator[Prompt]:
    async with HomeComputer() as home:
        yield Prompt(home)
