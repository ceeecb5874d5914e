"""An SSH client as a `gateway.session.terminal.Terminal`, with or without a pseudo-terminal."""

import asyncio

from gateway.session.lines import LineEditor, PlainLines
from gateway.session.terminal import TerminalTraits
from gateway.ssh.connection import SessionChannel

_ENOUGH = 16 * 1024
"""Characters that are collected before they are written without waiting for more."""


class SshTerminal:
    """Output side of one channel. Input goes through the editor straight to whoever listens (`gateway.ssh.session`)."""

    def __init__(
        self, channel: SessionChannel, editor: LineEditor | PlainLines, traits: TerminalTraits, *, one_screen: bool
    ) -> None:
        """`one_screen`: the client has a terminal, so both streams are one, and each line end returns to the margin."""
        self.traits = traits
        self._one_screen = one_screen
        self._channel = channel
        self._editor = editor
        self._writable = asyncio.Event()
        self._writable.set()
        self._pending: list[str] = []
        self._pending_size = 0
        self._pending_stderr = False
        self._held: set[str] = set()
        """Why nothing is read from the client now."""

    def show(self, text: str, *, stderr: bool) -> None:
        if self._channel.is_closing():
            return
        if isinstance(self._editor, LineEditor):
            # On a terminal both streams are one screen, and the editor must know what stands on it.
            self._editor.output(text)
        elif self._one_screen:
            self.raw(text.replace("\r\n", "\n").replace("\n", "\r\n"))
        else:
            self.raw(text, stderr=stderr)

    def raw(self, text: str, *, stderr: bool = False) -> None:
        """Write without the editor's knowledge (the editor itself writes so).

        What is written in one turn of the event loop goes out together: the editor writes single characters, and each
        would be a packet of its own.
        """
        if stderr is not self._pending_stderr:
            self.flush()
            self._pending_stderr = stderr
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        self._pending.append(text)
        self._pending_size += len(text)
        if self._pending_size >= _ENOUGH:
            self.flush()

    def flush(self) -> None:
        """Write what was collected. To be called before the channel is closed."""
        if not self._pending:
            return
        data = "".join(self._pending).encode("utf-8", "replace")
        self._pending.clear()
        self._pending_size = 0
        if self._channel.is_closing():
            return
        if self._pending_stderr:
            self._channel.write_stderr(data)
        else:
            self._channel.write(data)

    async def drained(self) -> None:
        await self._writable.wait()

    def throttle(self, on: bool) -> None:
        self.hold("session", on)

    def hold(self, why: str, on: bool) -> None:
        """Stop reading from the client for one reason, or give that reason up; reading goes on when none is left."""
        before = bool(self._held)
        (self._held.add if on else self._held.discard)(why)
        if self._held and not before:
            self._channel.pause_reading()
        elif before and not self._held:
            self._channel.resume_reading()

    def writable(self, yes: bool) -> None:
        """The channel's window is full, or has room again.

        While it is full nothing is read: every key that is typed makes an echo, which would pile up here.
        """
        if yes:
            self._writable.set()
        else:
            self._writable.clear()
        self.hold("window", not yes)
