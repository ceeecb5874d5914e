"""The seam to whoever sits in front of a session: a rep's terminal, a pipe, or a REST client.

Front ends implement `Terminal`; `gateway.session.runner` is the only caller. A fake ships beside it.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalTraits:
    """What the client is like."""

    pty: bool
    """A terminal that shows prompts and echoes keys; else a pipe that wants a router's output and nothing more."""
    asks: bool
    """A person is there who can answer `[y/N]`."""
    confirmed_by: str = "exec"
    """How an `ask` capability counts as confirmed where nobody can be asked: exec, automation or rest."""
    newline: str = "\n"
    """Line end of what is shown. A line editor makes its own of LF."""
    width: int = 80
    height: int = 24


class Terminal(Protocol):
    """One client. Methods MUST NOT block; only `drained` waits."""

    @property
    def traits(self) -> TerminalTraits: ...

    def show(self, text: str, *, stderr: bool) -> None:
        """Put text (line ends are `\\n`) before the client's eyes, or in its buffer."""
        ...

    async def drained(self) -> None:
        """Return when the client has taken enough of what was shown that more may follow."""
        ...

    def throttle(self, on: bool) -> None:
        """Stop or resume reading what the client types."""
        ...


@dataclass(slots=True)
class FakeTerminal:
    """A terminal that remembers; for tests of the runner and of front ends."""

    traits: TerminalTraits = field(default_factory=lambda: TerminalTraits(pty=True, asks=True))
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    throttled: list[bool] = field(default_factory=list)
    open: asyncio.Event | None = None
    """While set and not raised, `drained` waits: a client that does not read."""

    def show(self, text: str, *, stderr: bool) -> None:
        (self.err if stderr else self.out).append(text)

    async def drained(self) -> None:
        if self.open is not None:
            await self.open.wait()

    def throttle(self, on: bool) -> None:
        self.throttled.append(on)

    @property
    def text(self) -> str:
        """Everything shown on the output stream."""
        return "".join(self.out)
