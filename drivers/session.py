"""The seam to a router: what a driver is given (`Target`), and what an open session can do (`DriverSession`).

Counterpart: `gateway.session` opens sessions under an access grant and is the only caller.
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from audit.command import RecordedCommand

Shape = Literal["shell", "exec"]
"""`shell`: one terminal with prompts, lines one after another. `exec`: one command, its output, its exit status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """How the gateway logs in. `repr` shows no secret."""

    user: str
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    """OpenSSH private key text."""
    enable_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A router as the inventory resolves it. The address is fixed by the inventory, never by the rep."""

    router_id: str
    name: str
    platform: str
    address: str
    port: int
    host_key: str
    """OpenSSH public key line pinned at registration; nothing else is accepted."""
    credential: Credential
    legacy_algorithms: frozenset[str] = frozenset()
    """Names of old SSH algorithms that this one router needs."""


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes the router sent. `data` is empty only at the end of the session."""

    data: bytes
    stderr: bool = False


class DriverSession(Protocol):
    """One open session. MUST NOT send any byte other than those of a `RecordedCommand`."""

    @property
    def exit_status(self) -> int | None:
        """Exit status of an `exec` session once `read` returned empty data; none if the router gave none."""
        ...

    async def send(self, command: RecordedCommand) -> None:
        """Write the command's bytes. Raises `DriverError`. The only writing method."""
        ...

    async def read(self) -> Output:
        """Wait for output; at most 64 KiB at once, so that a slow reader slows the router. Empty data is the end."""
        ...

    async def close(self) -> None:
        """Cut the connection now. Safe to call twice."""
        ...


@runtime_checkable
class Bindable(Protocol):
    """A session that may have to send something before the first command (TR-069: to keep the router waiting)."""

    def bind(self, session: str, consent_ref: str) -> None:
        """For whom it is. Called once `session.opened` is on record, so that what is sent can be recorded under it."""
        ...


@runtime_checkable
class Parting(Protocol):
    """A session that its router expects to be ended, and takes for failed if it is only cut (TR-069, 3.7.1.4)."""

    async def leave(self) -> None:
        """End it in its order, within a few seconds; no line is sent. If that cannot be done: as `close`.

        For a rep who is done, never for a consent that ended. Safe to call twice.
        """
        ...


@runtime_checkable
class JudgedLineByLine(Protocol):
    """A session that reads its router's answers by the policy, and so by the one that its line was judged by."""

    def line_judged(self) -> None:
        """A line is judged at this moment; if policy allows it, it is the next command that is sent."""
        ...


@dataclass(frozen=True, slots=True)
class Preview:
    """What a line would do, from what the session knows: nothing is sent for it."""

    text: str = field(repr=False)
    """Whole lines, each ended by LF."""
    does: bool
    """Whether there is anything to be done; if not, the text is the answer to the line."""


@runtime_checkable
class Previews(Protocol):
    """A session that can tell before a line is confirmed what it would do."""

    def preview(self, line: str) -> Preview | None:
        """Of a line in its one spelling, when its confirmation is about to be asked for. None: the line says it all.
        The line then does what was told here, or nothing."""
        ...


@runtime_checkable
class KnowsNames(Protocol):
    """A session that has seen names on its router which a line can be completed with."""

    def completions(self, prefix: str) -> tuple[str, ...]:
        """Names that can follow `prefix`, of those that may be shown."""
        ...


class Driver(Protocol):
    """Opens sessions to one kind of router."""

    async def open(self, target: Target, shape: Shape) -> DriverSession:
        """Log in. Raises `RouterUnreachable`, `HostKeyChanged`, `LoginRefused`."""
        ...
