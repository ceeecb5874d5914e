"""Every refusal in one shape: `application/problem+json` (RFC 9457), and which error becomes which.

What is said is the sentence of the error; it repeats no secret and no input. `code` is a stable word for programs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from audit.errors import AuditError, Overloaded, RecordFailed, RecordRefused
from config.errors import VestibuleError
from drivers.errors import DriverError, HostKeyChanged, LoginRefused, RouterClosed, RouterUnreachable
from gateway.api.fields import Wire
from gateway.consent.notifier import NotifyFailed
from gateway.errors import BadRequest, ConsentProblem, GatewayError, NotAllowed, NotAuthenticated, Unavailable

MEDIA_TYPE: Final = "application/problem+json"
SPACE: Final = "urn:vestibule:problem:"


class FieldProblem(Wire):
    """What is wrong with one field. The value is not repeated."""

    field: str = Field(examples=["body.router"])
    reason: str


class Problem(Wire):
    """Why a request was not done. The members after `code` are there where they say something."""

    type: str = Field(description="Kind of problem, stable.", examples=[SPACE + "consent"])
    title: str = Field(description="The kind in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="One sentence for a person.")
    code: str = Field(description="One stable word for programs.", examples=["expired"])
    errors: tuple[FieldProblem, ...] | None = Field(None, description="Which fields are wrong.")
    kind: str | None = Field(None, description="Refused line: never, unknown, ambiguous, invalid, scope or ended.")
    capability: str | None = Field(None, description="Refused line: the capability it would need.")
    rule: str | None = Field(None, description="Refused line: the rule that decided.")
    reason: str | None = Field(None, description="Refused line: why. Ended session: one word how it ended.")
    hint: str | None = Field(None, description="Refused line: what is possible instead.")
    askable: str | None = Field(None, description="Refused line: the capability the subscriber could still grant.")
    notices: str | None = Field(None, description="What the gateway said in its own words meanwhile.")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. Without `code` it is the slug, or the error's own."""

    status: int
    slug: str
    title: str

    def problem(self, detail: str, code: str | None = None, **more: Any) -> Problem:
        """The problem of this kind, with what there is to say about the case."""
        return Problem(
            type=SPACE + self.slug,
            title=self.title,
            status=self.status,
            detail=detail,
            code=code or self.slug.replace("-", "_"),
            **more,
        )


NO_SUCH_PATH: Final = Kind(404, "no-such-path", "There is nothing at this address")
METHOD: Final = Kind(405, "method", "This cannot be done at this address")
TOO_LARGE: Final = Kind(413, "too-large", "The request is too large")
INVALID: Final = Kind(422, "invalid", "The request does not have the right form")
TOO_MANY: Final = Kind(429, "too-many", "Too many requests")
INTERNAL: Final = Kind(500, "internal", "The gateway failed in a way it should not have")
DENIED: Final = Kind(403, "denied", "The line was refused and not sent")
UNCONFIRMED: Final = Kind(409, "unconfirmed", "The line needs a confirmation and was not sent")
BUSY: Final = Kind(409, "busy", "Another line of this session is under way")
SESSION_ENDED: Final = Kind(409, "session-ended", "The session has ended")
UNFINISHED: Final = Kind(504, "unfinished", "The router did not come back in time")
_BAD_REQUEST: Final = Kind(400, "bad-request", "The request is wrong")
RECORD_FAILED: Final = Kind(503, "record-failed", "The record could not be written")

_FAMILIES: Final[tuple[tuple[type[VestibuleError], Kind], ...]] = (
    (BadRequest, _BAD_REQUEST),
    (NotAuthenticated, Kind(401, "not-authenticated", "Nobody was recognised")),
    (ConsentProblem, Kind(403, "consent", "No consent allows this")),
    # Unknown and not yours get the same status, so that nobody learns which it was.
    (NotAllowed, Kind(403, "not-allowed", "Not yours to do or to see")),
    (Unavailable, Kind(503, "unavailable", "Not possible now")),
    (NotifyFailed, Kind(502, "not-delivered", "The subscriber could not be reached")),
    (RecordRefused, SESSION_ENDED),
    (Overloaded, Kind(503, "overloaded", "Too much is waiting to be recorded")),
    (RecordFailed, RECORD_FAILED),
    (AuditError, Kind(503, "record-unavailable", "The record cannot be used")),
    (RouterUnreachable, Kind(502, "router-unreachable", "The router cannot be reached")),
    (HostKeyChanged, Kind(502, "host-key-changed", "The router shows another host key")),
    (LoginRefused, Kind(502, "login-refused", "The router refused the gateway's login")),
    (RouterClosed, Kind(502, "router-closed", "The router ended the connection")),
    (DriverError, Kind(502, "router", "The router cannot be used")),
)
"""The first family that fits decides."""


class Refusal(GatewayError):
    """A handler's own refusal, with everything it has to say."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def problem_of(error: Exception) -> Problem:
    """The one place where errors become answers."""
    match error:
        case Refusal():
            return error.problem
        case RequestValidationError():
            return _invalid(error.errors())
        case HTTPException():
            return _http(error)
        case VestibuleError():
            return _family(error)
        case _:
            return INTERNAL.problem("The request could not be done; tell the operator.")


def respond(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """The problem as a response."""
    headers = dict(headers or {})
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        problem.model_dump(exclude_none=True), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers
    )


def _family(error: VestibuleError) -> Problem:
    for family, kind in _FAMILIES:
        if isinstance(error, family):
            code = error.code if isinstance(error, ConsentProblem) else None
            reason = error.reason if isinstance(error, RecordRefused) else None
            return kind.problem(str(error), code, reason=reason)
    return INTERNAL.problem(str(error))


def _invalid(errors: Sequence[Any]) -> Problem:
    fields = tuple(FieldProblem(field=_path(error["loc"]), reason=_reason(error)) for error in errors)
    names = ", ".join(dict.fromkeys(field.field for field in fields[:5]))
    return INVALID.problem(f"These parts of the request are wrong: {names}.", errors=fields)


def _path(loc: Sequence[object]) -> str:
    """Where, in dots. Names of unknown keys come from the caller: they are cut, and made printable."""
    return ".".join("".join(c if c.isprintable() else "?" for c in str(part))[:64] for part in loc)


def _reason(error: Any) -> str:
    """Pydantic's own sentence. It names the rule; only `ctx` and `input` would hold the value."""
    return str(error["msg"]).removeprefix("Value error, ")


def _http(error: HTTPException) -> Problem:
    if error.status_code == 404:
        return NO_SUCH_PATH.problem("There is no such path; see the OpenAPI description.")
    if error.status_code == 405:
        return METHOD.problem("This method does not exist for this path; see the OpenAPI description.")
    if error.status_code == 413:
        return TOO_LARGE.problem("The request's body is too large.")
    if error.status_code < 500:
        return _BAD_REQUEST.problem("The request's body cannot be read as JSON in UTF-8.")
    return INTERNAL.problem("The request could not be done; tell the operator.")
