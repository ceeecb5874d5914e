"""One SSH session channel: what was asked for (terminal, command, control command), and its way to a live session.

Input goes bytes -> `gateway.session.lines` -> whole lines -> whoever listens: first the `Conversation` that may ask
the rep for consent details, then the `LiveSession`. Nothing a client sends reaches anything else.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import cast

import asyncssh
import structlog

from config.errors import VestibuleError
from drivers.session import Shape
from gateway import exits
from gateway.access.identity import Authenticated
from gateway.errors import ConsentProblem
from gateway.session.entries import Closing
from gateway.session.lines import LineEditor, PlainLines
from gateway.session.runner import LiveSession
from gateway.session.service import AccessService
from gateway.session.terminal import TerminalTraits
from gateway.ssh import control
from gateway.ssh.connection import SessionChannel
from gateway.ssh.conversation import Conversation, InputClosed, lead_to_consent
from gateway.ssh.terminal import SshTerminal

log = structlog.get_logger(__name__)

CONTROL_USER = "vestibule"
INTERRUPT = b"\x03"
QUIET_SECONDS = 2.0
"""So long may opening a session take without a word."""
STILL_WAITING = "Waiting for the router...\n"
TRANSFER_PROGRAMS = frozenset({"scp", "sftp-server", "rsync", "rcp", "sftp"})
SHOULD_BE_LED = frozenset({"missing", "lapsed", "denied", "expired", "used_up", "closed", "revoked"})
"""States in which a rep at a terminal is offered to ask anew."""


class ClientSession(asyncssh.SSHServerSession[bytes]):
    """Created for each channel; lives until the channel closes."""

    def __init__(
        self,
        service: AccessService,
        auth: Authenticated,
        username: str,
        attempted: Callable[[str, str], None],
        *,
        signed_in: "asyncio.Future[None]",
        closed: Callable[["ClientSession"], None],
    ) -> None:
        """`signed_in` is done when the sign-in is on record; nothing is served before. `attempted` is told of features
        that do not exist, `closed` that the channel is closed."""
        self._service = service
        self._auth = auth
        self._username = username
        self._attempted = attempted
        self._signed_in = signed_in
        self._closed = closed
        self._channel: SessionChannel | None = None
        self._pty: tuple[str, int, int] | None = None
        self._command: str | None = None
        self._editor: LineEditor | PlainLines | None = None
        self._terminal: SshTerminal | None = None
        self._conversation = Conversation(self._hold_ahead)
        self._live: LiveSession | None = None
        self._main: asyncio.Task[None] | None = None

    # --- requests on the channel -------------------------------------------------------------------------------------

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = cast("SessionChannel", chan)

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: object) -> bool:
        del term_modes
        self._pty = (term_type, term_size[0], term_size[1])
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        self._attempted("subsystem:sftp" if subsystem == "sftp" else "subsystem:other", subsystem)
        return False

    def session_started(self) -> None:
        self._set_up()  # before the first byte of input, which may come in the same packet
        self._main = asyncio.get_running_loop().create_task(self._run())

    # --- input -------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype is not None or self._editor is None:
            return
        if self._command is None:
            self._editor.feed(data)
        elif self._pty is not None and INTERRUPT in data:
            # One command was asked for, and one is judged: what else comes is no command. Only Ctrl-C is heard.
            self._on_interrupt()

    def eof_received(self) -> bool:
        if self._editor is not None:
            self._editor.end_of_input()
        return True  # the channel stays open for output

    def break_received(self, msec: int) -> bool:
        del msec
        self._on_interrupt()
        return True

    def signal_received(self, signal: str) -> None:
        if signal == "INT":
            self._on_interrupt()
        elif signal in {"TERM", "HUP", "KILL"}:
            self.gone()

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        del pixwidth, pixheight
        if self._pty is None:
            return
        if isinstance(self._editor, LineEditor):
            self._editor.set_width(width)
        self._pty = (self._pty[0], width, height)
        if self._live is not None:
            self._live.resized(*self._size())

    def pause_writing(self) -> None:
        if self._terminal is not None:
            self._terminal.writable(False)

    def resume_writing(self) -> None:
        if self._terminal is not None:
            self._terminal.writable(True)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._closed(self)
        self.gone()

    def gone(self) -> None:
        """The client went away: end what runs for it."""
        if self._terminal is not None:
            self._terminal.writable(True)
        if self._live is not None:
            self._live.end("gone")
        else:
            self._conversation.input_ended()

    def _on_line(self, line: str) -> None:
        (self._live or self._conversation).line(line)

    def _on_interrupt(self) -> None:
        (self._live or self._conversation).interrupt()

    def _on_end(self) -> None:
        (self._live or self._conversation).input_ended()

    # --- the run -----------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        assert self._channel is not None
        status = exits.INTERNAL
        try:
            status = await self._serve()
        except VestibuleError as error:
            self._say(f"{error}\n")
            status = exits.status_of(error)
        except InputClosed:
            status = exits.OK
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("session_broke", error_type=type(error).__name__)
            self._say("The gateway failed in a way it should not have; the session is over. Tell your operator.\n")
        finally:
            with contextlib.suppress(OSError, asyncssh.Error):
                if self._terminal is not None:
                    self._terminal.flush()
                if self._live is not None and self._live.cut_off:
                    self._channel.exit_promptly(status & 0xFF)
                else:
                    self._channel.exit(status & 0xFF)

    def _set_up(self) -> None:
        assert self._channel is not None
        columns, rows = self._size()
        if self._pty is not None and self._command is None:
            term_type, width, _ = self._pty
            self._editor = LineEditor(
                self._raw,
                on_line=self._on_line,
                on_interrupt=self._on_interrupt,
                on_eof=self._on_end,
                complete=self._complete,
                describe=self._describe,
                term_type=term_type,
                width=width,
            )
            traits = TerminalTraits(
                pty=True,
                asks=self._auth.principal.role != "automation",
                confirmed_by="automation",
                width=columns,
                height=rows,
            )
        else:
            self._editor = PlainLines(on_line=self._on_line, on_eof=self._on_end)
            automation = self._auth.principal.role == "automation"
            traits = TerminalTraits(
                pty=False,
                asks=False,
                confirmed_by="automation" if automation else "exec",
                newline="\r\n" if self._pty is not None else "\n",
                width=columns,
                height=rows,
            )
        self._terminal = SshTerminal(self._channel, self._editor, traits, one_screen=self._pty is not None)

    def _size(self) -> tuple[int, int]:
        """Columns and rows of the client's terminal; a client that does not know says 0."""
        _, width, height = self._pty or ("", 0, 0)
        return width or 80, height or 24

    def _hold_ahead(self, on: bool) -> None:
        if self._terminal is not None:
            self._terminal.hold("ahead", on)

    def _raw(self, text: str) -> None:
        assert self._terminal is not None
        self._terminal.raw(text)

    def _say(self, text: str) -> None:
        """The gateway's own words: on the screen of a terminal, on standard error otherwise."""
        assert self._terminal is not None
        self._terminal.show(text, stderr=not self._terminal.traits.pty)

    async def _serve(self) -> int:
        await asyncio.shield(self._signed_in)
        self._auth = await self._service.still(self._auth)
        if self._username == CONTROL_USER:
            assert self._terminal is not None
            text = await control.run(self._service, self._auth, self._command or "help")
            self._terminal.show(text, stderr=False)
            return exits.OK
        if self._command is not None and _first_word(self._command) in TRANSFER_PROGRAMS:
            self._attempted(f"exec:{_first_word(self._command)}", self._command)
            self._say("File transfer does not exist here; the attempt was recorded.\n")
            return exits.REFUSED
        live = await self._open()
        closing = await self._mediate(live)
        if closing.message:
            self._say(f"{closing.message}\n")
        return closing.exit_status

    async def _open(self) -> LiveSession:
        assert self._terminal is not None
        shape: Shape = "shell"
        if self._command is not None:
            definition = await self._service.definition_of(self._username)
            shape = "exec" if definition is not None and definition.exec.usable else "shell"
        try:
            return await self._try_open(shape)
        except ConsentProblem as problem:
            person_there = self._terminal.traits.pty and self._terminal.traits.asks
            if not person_there or problem.code not in SHOULD_BE_LED | {"pending"}:
                raise
            await lead_to_consent(self._service, self._auth, self._username, problem, self._conversation, self._say)
            return await self._try_open(shape)

    async def _try_open(self, shape: Shape) -> LiveSession:
        assert self._terminal is not None
        waiting = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._say, STILL_WAITING)
        try:
            return await self._service.open(self._auth, self._username, self._terminal, shape=shape, front_end="ssh")
        finally:
            waiting.cancel()

    async def _mediate(self, live: LiveSession) -> Closing:
        assert self._terminal is not None
        if self._terminal.traits.pty:
            self._say(self._service.banner(live))
        self._live = live
        traits = self._terminal.traits
        if self._size() != (traits.width, traits.height):  # it changed while the session was opened
            live.resized(*self._size())
        if self._command is not None:
            live.line(self._command)
            live.input_ended()
        for line in self._conversation.left_over():
            live.line(line)
        if self._conversation.ended:
            live.input_ended()
        return await self._service.run(live)

    # --- keys --------------------------------------------------------------------------------------------------------

    def _complete(self, line: str, pos: int) -> tuple[str, int] | None:
        return self._service.complete(self._live, line, pos) if self._live is not None else None

    def _describe(self, line: str) -> str:
        return self._service.describe(self._live, line) if self._live is not None else ""


def _first_word(command: str) -> str:
    word = command.split(maxsplit=1)[0] if command.strip() else ""
    return word.rsplit("/", 1)[-1]
