"""A simulated OpenWrt home router: a real SSH server with a router's shell, files and commands, and a home behind it.

Counterparts: `drivers.shell_ssh` talks to it as to any router; `drivers.lab.home` is what must not be reached. All
state is in memory and gone with the object.
"""

import asyncio
import time
from types import TracebackType
from typing import Self

import asyncssh

from drivers.lab import system
from drivers.lab.applets import APPLETS
from drivers.lab.ash import Ash, Program
from drivers.lab.console import Console
from drivers.lab.home import HomeComputer
from drivers.lab.network_tools import NETWORK_TOOLS
from drivers.lab.openwrt_tools import OPENWRT_TOOLS
from drivers.lab.pivots import PIVOTS
from drivers.lab.server import Access, LabServer, Wire
from drivers.lab.uci import Uci
from drivers.session import Target

PROGRAMS: dict[str, Program] = APPLETS | NETWORK_TOOLS | OPENWRT_TOOLS | PIVOTS

_LOGIN = "\n\nBusyBox v1.36.1 ({release}) built-in shell (ash)\n\n{banner}"


class OpenWrtRouter:
    """`async with OpenWrtRouter() as router:` listens on 127.0.0.1 until the block ends.

    `pause` is the time in seconds that a slow program takes per step; 0 answers at once. `wire` may be shared with
    others so that its sequence orders what several things saw.
    """

    def __init__(
        self,
        *,
        home: HomeComputer | None = None,
        access: Access | None = None,
        wire: Wire | None = None,
        host_key: asyncssh.SSHKey | None = None,
        port: int = 0,
        pause: float = 0.0,
    ) -> None:
        self.home = home or HomeComputer()
        self.access = access or Access()
        self.wire = wire or Wire()
        self.system = system.System(self.home, list(PROGRAMS), reboot=self._reboot, pause=pause)
        self._port = port
        self._server = LabServer(
            _OpenWrt(self.system), access=self.access, wire=self.wire, forward=self._forward, host_key=host_key
        )

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return self._server.port

    @property
    def host_key(self) -> str:
        """Public host key as an OpenSSH line."""
        return self._server.host_key

    @property
    def received(self) -> list[tuple[int, bytes]]:
        """Every piece of bytes that arrived inside a channel, numbered, in order. An exec command ends in LF."""
        return self.wire.received

    @property
    def uci(self) -> Uci:
        """The configuration."""
        return self.system.uci

    def target(self, name: str = "home-1") -> Target:
        """A target that fits this router; `dataclasses.replace` changes single fields."""
        return self._server.target(name, "openwrt")

    def cut(self) -> None:
        """Cut every connection, as a power failure would."""
        self._server.cut()

    async def __aenter__(self) -> Self:
        await self.home.__aenter__()
        await self._server.start(self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop()
        await self.home.__aexit__(kind, error, trace)

    def _reboot(self) -> None:
        self.system.booted = self.system.wan_since = time.monotonic()
        self.system.load_wifi()
        asyncio.get_running_loop().call_soon(self._server.cut)

    def _forward(self, host: str, port: int) -> int | None:
        return self.home.port(port) if self.home.answers(host) else None


class _OpenWrt:
    """The brain: one ash per channel."""

    interrupt = 0x03

    def __init__(self, box: system.System) -> None:
        self._system = box

    async def shell(self, console: Console) -> int:
        console.print(_LOGIN.format(release=system.RELEASE, banner=system.banner()))
        return await self._ash(console).interactive()

    async def execute(self, console: Console, command: str) -> int:
        return await self._ash(console).once(command)

    def _ash(self, console: Console) -> Ash:
        return Ash(self._system, console, PROGRAMS, {"HOME": "/root", "IFS": " \t\n", "PATH": "/usr/sbin:/usr/bin"})
