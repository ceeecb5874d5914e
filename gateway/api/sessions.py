"""`/v1/sessions`: open a session under a consent, run one line after another, end it."""

from typing import Annotated, Literal, TypeAlias

from fastapi import Path, Response
from pydantic import Field, StrictBool

from gateway.api.fields import NUMBER, Id, Line, RouterName, Time, Wire
from gateway.api.given import Caller, Service, Sessions, guarded
from gateway.api.problems import DENIED, RECORD_FAILED, SESSION_ENDED, UNCONFIRMED, Problem, Refusal
from gateway.api.rest_sessions import Ended
from gateway.session.entries import Closing
from gateway.session.program import Outcome
from gateway.session.service import SessionView

routes = guarded("sessions")

SessionId: TypeAlias = Annotated[Id, Path(description="Id of the session.")]


class NewSession(Wire):
    """Which router, and under which consent: the one named, the one of the token, or what is on record."""

    router: RouterName
    consent_id: Id | None = None
    token: str | None = Field(None, min_length=1, max_length=4096, description="A consent token.")


class Command(Wire):
    """One line for the router."""

    line: Line
    confirm: StrictBool = Field(False, description="Send it even if it can interrupt or change something.")
    seconds: Annotated[int, Field(ge=1, le=3600), NUMBER] = Field(
        60, description="So long may it take before it is interrupted."
    )


class EndOut(Wire):
    """How a session ended."""

    reason: str = Field(description="One word: input_ended, gone, revoked, expired, killed, idle, …")
    message: str = Field(description="A sentence for a person; empty where there is nothing to explain.")
    exit_status: int
    at: Time


class SessionOut(Wire):
    """A session. Times are UTC."""

    id: Id
    state: Literal["open", "ended"]
    busy: bool = Field(description="A line is under way (sessions over REST).")
    router: RouterName
    rep: str
    consent: Id
    opened_at: Time
    expires_at: Time
    commands: int
    blocked: int
    ended: EndOut | None


class CommandOut(Wire):
    """What became of a line that was not refused. Texts are as they stand on record: secrets are redacted."""

    verdict: Literal["allow", "answered"] = Field(
        description="`answered`: the gateway answered it itself (a help request, an empty line); nothing was sent."
    )
    capability: str | None
    canonical: str | None = Field(description="What was sent.")
    rule: str | None
    policy_digest: str | None
    confirmed: str | None = Field(description="How a line that needs a confirmation was confirmed.")
    entry_index: int | None = Field(description="Where the line stands in the log.")
    outcome: str | None = Field(description="done, interrupted, closed (the session ended meanwhile) or not_sent.")
    exit_status: int | None = Field(description="The router's, where it gives one; terminals give none.")
    failed: bool = Field(description="Not done, or the output reads like one of the platform's error messages.")
    output: str
    truncated: bool = Field(description="Of the output the first 8 MiB are here; the recording has all of it.")
    notices: str = Field(description="What the gateway said in its own words meanwhile.")
    ended: EndOut | None = Field(description="How the session ended, if it did with this line.")


def end_out(ended: Ended) -> EndOut:
    """How it ended."""
    closing: Closing = ended.closing
    return EndOut(reason=closing.reason, message=closing.message, exit_status=closing.exit_status, at=ended.at)


def session_out(found: SessionView | Ended, *, busy: bool = False) -> SessionOut:
    """A session, live or not."""
    ended = found if isinstance(found, Ended) else None
    view = found.view if isinstance(found, Ended) else found
    return SessionOut(
        id=view.id,
        state="open" if ended is None else "ended",
        busy=busy,
        router=view.router,
        rep=view.rep,
        consent=view.consent,
        opened_at=view.opened_at,
        expires_at=view.expires_at,
        commands=view.commands,
        blocked=view.blocked,
        ended=None if ended is None else end_out(ended),
    )


def command_out(outcome: Outcome, ended: Ended | None) -> CommandOut:
    """What became of a line. Raises `Refusal` if it was not sent, or if nobody knows what became of it."""
    if outcome.refused is not None:
        raise Refusal(_refused(outcome, ended))
    if ended is not None and (outcome.record is None or outcome.result is None):
        raise Refusal(_over(ended, outcome.notices))
    record, result = outcome.record, outcome.result
    verdict = None if record is None else record.verdict
    return CommandOut(
        verdict="answered" if verdict is None else "allow",
        capability=None if verdict is None else verdict.capability,
        canonical=None if verdict is None else verdict.shown,
        rule=None if verdict is None else verdict.rule_id,
        policy_digest=None if verdict is None else verdict.policy_digest,
        confirmed=None if record is None else record.confirmed,
        entry_index=None if outcome.command is None else outcome.command.entry_index,
        outcome=None if result is None else result.outcome,
        exit_status=None if result is None else result.exit_status,
        failed=outcome.failed,
        output=outcome.output if verdict is not None else outcome.notices,
        truncated=outcome.truncated,
        notices=outcome.notices if verdict is not None else "",
        ended=None if ended is None else end_out(ended),
    )


def _refused(outcome: Outcome, ended: Ended | None) -> Problem:
    """The policy's refusal, or the want of a confirmation."""
    verdict = outcome.refused
    assert verdict is not None
    kind = UNCONFIRMED if outcome.unconfirmed else DENIED
    return kind.problem(
        verdict.reason,
        kind=verdict.kind,
        capability=verdict.capability,
        rule=verdict.rule_id,
        reason=verdict.reason if ended is None else ended.closing.reason,
        hint=verdict.hint,
        askable=verdict.askable,
        notices=outcome.notices or None,
    )


def _over(ended: Ended, notices: str = "") -> Problem:
    """Why no line runs any more."""
    closing = ended.closing
    kind = RECORD_FAILED if closing.reason == "record_failed" else SESSION_ENDED
    sentence = closing.message or "This session has ended; open another one."
    return kind.problem(sentence, reason=closing.reason, notices=notices or None)


@routes.post("/v1/sessions", operation_id="open_session", status_code=201, summary="Open a session to a router")
async def open_session(auth: Caller, sessions: Sessions, wanted: NewSession, response: Response) -> SessionOut:
    """Needs a consent the subscriber granted. The session ends with it, when idle, or when you close it."""
    found = await sessions.open(auth, wanted.router, consent_id=wanted.consent_id, token=wanted.token)
    out = session_out(found)
    response.headers["Location"] = f"/v1/sessions/{out.id}"
    return out


@routes.get("/v1/sessions", operation_id="list_sessions", summary="Live sessions")
async def list_sessions(auth: Caller, service: Service, sessions: Sessions) -> list[SessionOut]:
    """One's own over every front end; all of them for a supervisor or operator."""
    return [session_out(view, busy=sessions.busy(view.id)) for view in service.sessions(auth)]


@routes.get("/v1/sessions/{session_id}", operation_id="get_session", summary="A session, and how it ended")
async def get_session(auth: Caller, sessions: Sessions, session_id: SessionId) -> SessionOut:
    """Live sessions of every front end. Of ended ones the last thousand that were opened over REST."""
    return session_out(sessions.look(auth, session_id), busy=sessions.busy(session_id))


@routes.delete("/v1/sessions/{session_id}", operation_id="close_session", summary="Close one's own session")
async def close_session(auth: Caller, sessions: Sessions, session_id: SessionId) -> SessionOut:
    """For sessions over REST. A line that is under way is cut off. Closing again says how it ended."""
    return session_out(await sessions.close(auth, session_id))


@routes.post("/v1/sessions/{session_id}/kill", operation_id="kill_session", status_code=204, summary="End a session")
async def kill_session(auth: Caller, service: Service, session_id: SessionId) -> None:
    """Of any front end, at once: one's own, or any for a supervisor or operator."""
    await service.kill(auth, session_id)


@routes.post("/v1/sessions/{session_id}/commands", operation_id="run_command", summary="Run one line")
async def run_command(auth: Caller, sessions: Sessions, session_id: SessionId, command: Command) -> CommandOut:
    """Judged, recorded, sent, and answered when the router is back at its prompt; one line at a time.

    403 with code `denied`: refused, with kind, rule, capability, reason and hint. 409: `unconfirmed` (send it again
    with `confirm`), `busy`, or `session_ended`. Nothing was sent in any of these cases.
    """
    dealt = await sessions.run_line(
        auth, session_id, command.line, confirm=command.confirm, seconds=float(command.seconds)
    )
    if isinstance(dealt, Ended):
        raise Refusal(_over(dealt))
    return command_out(dealt, sessions.ended(session_id))
