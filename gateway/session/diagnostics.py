"""Scripted diagnostics: lines that only read, one after another in a session of their own, and what came of each.

There is no other way to the router here than the one of every session: `AccessService.open` demands the consent, the
mediator judges each line, the runner records it and looks again before it is sent, and `LiveSessions` cuts it. Only the
driver may be another one (`drivers.netmiko_batch`), and nothing that needs a confirmation is ever sent.
"""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from drivers.definition import MOST_DIAGNOSTICS
from gateway.access.identity import Authenticated
from gateway.errors import BadRequest
from gateway.policy.redact import redact
from gateway.session.entries import Closing
from gateway.session.program import Outcome, ProgramTerminal, run_line
from gateway.session.runner import LiveSession
from gateway.session.service import AccessService
from gateway.session.terminal import TerminalTraits

MOST_OUTPUT: Final = 256 * 1024
"""Bytes (UTF-8) of one line's output that are kept for the report. The recording has all of it."""
LINE_SECONDS: Final = 60.0
"""So long may one line take before it is interrupted."""
CLOSE_SECONDS: Final = 5.0
"""So long may the session take to end by itself before it is cut."""

NEEDS_CONFIRMATION: Final = "This command can interrupt or change something; a script of diagnostics does not send it."

LineVerdict: TypeAlias = Literal["allow", "deny", "answered", "not_run"]
"""`deny`: policy refused the line, or it needs a confirmation. `answered`: the gateway did so itself (help, an empty
line). `not_run`: the session was over before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReport:
    """What became of one line. `line` is as it stands on record: secrets are redacted."""

    line: str
    verdict: LineVerdict
    outcome: Outcome | None = field(repr=False)
    """None if the session was over, or if the router did not come back from the line even when interrupted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """A script that was run: one report a line, in their order, and how its session ended."""

    session: str
    reports: tuple[LineReport, ...]
    closing: Closing


async def run_script(
    service: AccessService,
    auth: Authenticated,
    router_name: str,
    lines: Sequence[str] | None = None,
    *,
    front_end: str,
    consent_id: str | None = None,
    token: str | None = None,
    line_seconds: float = LINE_SECONDS,
    most_output: int = MOST_OUTPUT,
) -> Diagnostics:
    """Run `lines`, or those of the router's platform, in a session of their own.

    Raises `BadRequest` (no lines, or too many) and what `AccessService.open` raises; then nothing was sent. A session
    that ends on the way is no error: what came until then is reported, and the other lines are `not_run`.
    """
    chosen = await _chosen(service, router_name, lines)
    traits = TerminalTraits(pty=False, asks=False)
    terminal = ProgramTerminal(traits, unconfirmed=NEEDS_CONFIRMATION, most_output=most_output)
    live = await service.open(
        auth,
        router_name,
        terminal,
        shape="shell",
        front_end=front_end,
        consent_id=consent_id,
        token=token,
        observer=terminal,
        veto=terminal.veto,
        driver=service.parts.script_driver,
    )
    definition = service.parts.definitions[live.grant.target.platform]
    terminal.errors = tuple(re.compile(pattern) for pattern in definition.errors)
    running = asyncio.create_task(_run(service, live, terminal))
    try:
        reports = [await _report(live, terminal, running, line, line_seconds) for line in chosen]
        live.input_ended()
        await asyncio.wait({running}, timeout=CLOSE_SECONDS)
    finally:
        # Also if the caller gave up waiting: nothing runs on without anybody who reads it.
        live.end("gone")
        closing = await _over(running)
    return Diagnostics(session=live.id, reports=tuple(reports), closing=closing)


async def _chosen(service: AccessService, router_name: str, lines: Sequence[str] | None) -> Sequence[str]:
    if lines is None:
        definition = await service.definition_of(router_name)
        if definition is None:
            return ()  # `open` refuses it, in the same words as for a router of somebody else
        lines = definition.diagnostics
    if not lines:
        raise BadRequest("There are no lines to run; the platform of this router lists none, so name them.")
    if len(lines) > MOST_DIAGNOSTICS:
        raise BadRequest(f"A script has {MOST_DIAGNOSTICS} lines at most.")
    return lines


async def _run(service: AccessService, live: LiveSession, terminal: ProgramTerminal) -> Closing:
    try:
        return await service.run(live)
    finally:
        terminal.end()


async def _over(running: "asyncio.Task[Closing]") -> Closing:
    """Wait for the session's closing entry, whatever happens to the caller meanwhile."""
    gone: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            gone = error
    if gone is not None:
        with contextlib.suppress(Exception):
            running.result()
        raise gone
    return running.result()


async def _report(
    live: LiveSession, terminal: ProgramTerminal, running: "asyncio.Task[Closing]", line: str, seconds: float
) -> LineReport:
    if running.done():
        return LineReport(line=redact(line), verdict="not_run", outcome=None)
    outcome = await run_line(live, terminal, line, confirm=False, seconds=seconds)
    if outcome is None:
        live.end("stuck")
        await asyncio.wait({running})
        return LineReport(line=redact(line), verdict="allow", outcome=None)
    if outcome.refused is not None:
        return LineReport(line=outcome.refused.typed_shown, verdict="deny", outcome=outcome)
    if outcome.record is not None:
        return LineReport(line=outcome.record.verdict.typed_shown, verdict="allow", outcome=outcome)
    verdict: LineVerdict = "not_run" if live.closed() else "answered"
    return LineReport(line=redact(line), verdict=verdict, outcome=outcome)
