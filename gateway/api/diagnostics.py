"""`/v1/routers/{name}/diagnostics`: a script of reading lines in one call.

Counterpart: `gateway.session.diagnostics`, which runs it.
"""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from drivers.definition import MOST_DIAGNOSTICS
from gateway.api.fields import Id, Line, RouterName, Wire
from gateway.api.given import Caller, Service, guarded
from gateway.session.diagnostics import LineReport, LineVerdict, run_script

routes = guarded("sessions")


class NewDiagnostics(Wire):
    """What to run, and under which consent: the one named, the one of the token, or what is on record."""

    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MOST_DIAGNOSTICS)] | None = Field(
        None, description="Lines to run, in order. Default: the list of the router's platform."
    )
    consent_id: Id | None = None
    token: str | None = Field(None, min_length=1, max_length=4096, description="A consent token.")


class LineOut(Wire):
    """What became of one line. Texts are as they stand on record: secrets are redacted."""

    line: str
    verdict: LineVerdict = Field(
        description="`deny`: refused, or in need of a confirmation; not sent. `answered`: by the gateway itself (a "
        "help request, an empty line); not sent. `not_run`: the session was over before."
    )
    reason: str | None = Field(description="Why it was refused.")
    capability: str | None
    rule: str | None
    canonical: str | None = Field(description="What was sent.")
    entry_index: int | None = Field(description="Where the line stands in the log, if it was recorded to be sent.")
    outcome: str | None = Field(description="done, interrupted, closed (the session ended meanwhile) or not_sent.")
    failed: bool = Field(description="Not done, or the output reads like one of the platform's error messages.")
    output: str
    truncated: bool = Field(description="Of the output the first 256 KiB are here; the recording has all of it.")


class DiagnosticsOut(Wire):
    """One result a line, in their order, and how the session ended."""

    session: Id
    results: tuple[LineOut, ...]
    reason: str = Field(description="How the session ended, in one word; `input_ended` after the last line.")
    message: str = Field(description="The same as a sentence; empty where there is nothing to explain.")


@routes.post("/v1/routers/{name}/diagnostics", operation_id="run_diagnostics", summary="Run a script of reading lines")
async def run_diagnostics(
    auth: Caller,
    service: Service,
    name: Annotated[RouterName, Path(description="Name of the router.")],
    wanted: NewDiagnostics,
) -> DiagnosticsOut:
    """In a session of its own, which needs a consent like any other. Each line is judged, recorded, then sent.

    A line that is refused or would need a confirmation is reported and not sent; the others run all the same. If the
    session ends on the way (revoked, expired, killed, …), the answer holds what came until then.
    """
    done = await run_script(
        service, auth, name, wanted.lines, front_end="rest", consent_id=wanted.consent_id, token=wanted.token
    )
    results = tuple(line_out(report) for report in done.reports)
    return DiagnosticsOut(
        session=done.session, results=results, reason=done.closing.reason, message=done.closing.message
    )


def line_out(report: LineReport) -> LineOut:
    """One line of the answer."""
    outcome = report.outcome
    record = None if outcome is None else outcome.record
    refused = None if outcome is None else outcome.refused
    result = None if outcome is None else outcome.result
    judged = refused or (None if record is None else record.verdict)
    return LineOut(
        line=report.line,
        verdict=report.verdict,
        reason=None if refused is None else refused.reason,
        capability=None if judged is None else judged.capability,
        rule=None if judged is None else judged.rule_id,
        canonical=None if record is None else record.verdict.shown,
        entry_index=None if outcome is None or outcome.command is None else outcome.command.entry_index,
        outcome=None if result is None else result.outcome,
        failed=report.verdict == "allow" and (outcome is None or outcome.failed),
        output="" if outcome is None else outcome.output if report.verdict == "allow" else outcome.notices,
        truncated=outcome is not None and outcome.truncated,
    )
