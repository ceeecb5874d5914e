"""The terminal of a simulated router: line editing at a prompt, a cooked line discipline under a program, Ctrl-C.

Counterparts: `drivers.lab.server` feeds it with what arrives over SSH; the shells of the routers read and print here.
Echo follows what was seen on BusyBox ash behind dropbear: at a prompt the editor echoes, under a program the terminal
does, and what was typed ahead shows again when the editor reads it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal

_CTRL_C = 0x03
_CTRL_D = 0x04
_CTRL_U = 0x15
_ESCAPE = 0x1B
_ERASE = (0x08, 0x7F)
_LINE_ENDS = (0x0A, 0x0D)


class Interrupted(Exception):
    """Ctrl-C while a program was running."""


class Hangup(Exception):
    """The client is gone or has closed its side; also what ends a session from the router's side."""


class Console:
    """Input and output of one session. `tty` is false in an exec session: no echo, no line-end translation."""

    def __init__(
        self, write: Callable[[bytes, bool], None], *, tty: bool, height: int = 24, interrupt: int = _CTRL_C
    ) -> None:
        self._write = write
        self._interrupt = interrupt
        self.tty = tty
        self.height = height
        self.ignored = b""
        """Bytes that this terminal takes for nothing: RouterOS ends a line at CR and drops LF."""
        self._input = bytearray()
        self._eof = False
        self._arrived = asyncio.Event()
        self._mode: Literal["edit", "cooked", "silent"] = "cooked"
        self._running: asyncio.Task[Any] | None = None

    # --- from the wire ---

    def feed(self, data: bytes) -> None:
        """Bytes that the client sent."""
        for byte in data:
            if byte in self.ignored:
                continue
            if byte == self._interrupt and self.tty and self._mode == "cooked" and self._running is not None:
                self._input.clear()
                if byte == _CTRL_C:
                    self._put(b"^C\r\n")
                self._running.cancel()
            else:
                self._input.append(byte)
                if self.tty and self._mode == "cooked":
                    self._put(b"\r\n" if byte in _LINE_ENDS else bytes([byte]))
        self._arrived.set()

    def feed_eof(self) -> None:
        """The client sends no more."""
        self._eof = True
        self._arrived.set()

    def interrupt(self) -> None:
        """A signal request instead of a byte."""
        if self._running is not None:
            self._running.cancel()

    # --- to the wire ---

    def print(self, text: str, *, stderr: bool = False) -> None:
        """Print text as the router's programs do: lines end in LF, which a terminal turns into CR LF."""
        data = text.encode("utf-8", "surrogateescape")
        if self.tty:
            data = data.replace(b"\n", b"\r\n")
        self._put(data, stderr=stderr and not self.tty)

    def _put(self, data: bytes, *, stderr: bool = False) -> None:
        if data:
            self._write(data, stderr)

    # --- for the shells ---

    async def edit_line(self, prompt: str) -> str | None:
        """Show a prompt and read one line with echo. None at end of input (Ctrl-D on an empty line)."""
        self.print(prompt)
        self._mode = "edit"
        line = bytearray()
        try:
            while True:
                byte = await self._byte()
                if byte is None or (byte == _CTRL_D and not line):
                    return None
                if byte in _LINE_ENDS:
                    self._put(b"\r\n")
                    return line.decode("utf-8", "surrogateescape")
                if byte == _CTRL_C:
                    self._put(b"^C\r\n")
                    line.clear()
                    self.print(prompt)
                else:
                    await self._edit(line, byte)
        finally:
            self._mode = "cooked"

    async def read_line(self) -> bytes | None:
        """One line of standard input, with its LF; none at the end. The terminal has echoed it already."""
        line = bytearray()
        while True:
            byte = await self._byte()
            if byte is None or (byte == _CTRL_D and self.tty):
                return bytes(line) or None
            line.append(0x0A if byte in _LINE_ENDS and self.tty else byte)
            if line[-1] == 0x0A:
                return bytes(line)

    async def read_secret(self, prompt: str) -> str:
        """A line without echo."""
        self.print(prompt)
        self._mode = "silent"
        line = bytearray()
        try:
            while (byte := await self._byte()) not in (None, *_LINE_ENDS):
                assert byte is not None
                line.append(byte)
        finally:
            self._mode = "cooked"
        self._put(b"\r\n")
        return line.decode("utf-8", "surrogateescape")

    async def key(self) -> str | None:
        """One key without echo; none at the end of input."""
        self._mode = "silent"
        try:
            byte = await self._byte()
        finally:
            self._mode = "cooked"
        return None if byte is None else chr(byte)

    async def foreground(self, program: Coroutine[Any, Any, int]) -> int:
        """Run a program that Ctrl-C ends. Raises `Interrupted`."""
        task = asyncio.ensure_future(program)
        outer, self._running = self._running, task
        try:
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                task.cancel()
                raise
            raise Interrupted from None
        finally:
            self._running = outer

    async def _edit(self, line: bytearray, byte: int) -> None:
        if byte in _ERASE:
            if line:
                line.pop()
                self._put(b"\b \b")
        elif byte == _CTRL_U:
            self._put(b"\b \b" * len(line))
            line.clear()
        elif byte == _ESCAPE:
            await self._skip_escape()
        elif byte == self._interrupt:
            await self._byte()  # an escape character takes the next one with it
        elif byte >= 0x20:
            line.append(byte)
            self._put(bytes([byte]))

    async def _skip_escape(self) -> None:
        byte = await self._byte()
        if byte == ord("["):
            while (byte := await self._byte()) is not None and not 0x40 <= byte <= 0x7E:
                pass

    async def _byte(self) -> int | None:
        while not self._input:
            if self._eof:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._input.pop(0)
