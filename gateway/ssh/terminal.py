"""An SSH client as a `gateway.session.terminal.Terminal`, with or without a pseudo-terminal."""

import asyncio

from gateway.session.lines import LineEditor, PlainLines
from gateway.session.terminal import TerminalTraits
from gateway.ssh.connection import SessionChannel


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
        """Write without the editor's knowledge (the editor itself writes so)."""
        data = text.encode("utf-8", "replace")
        if stderr:
            self._channel.write_stderr(data)
        else:
            self._channel.write(data)

    async def drained(self) -> None:
        await self._writable.wait()

    def throttle(self, on: bool) -> None:
        if on:
            self._channel.pause_reading()
        else:
            self._channel.resume_reading()

    def writable(self, yes: bool) -> None:
        """The channel's window is full, or has room again."""
        if yes:
            self._writable.set()
        else:
            self._writable.clear()
