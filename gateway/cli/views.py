"""Puts on record that somebody looks at the evidence, through the running gateway. Counterpart: `/v1/views` of the API.

No look at this gateway's evidence without its entry: who may not look, gives no reason or has no gateway to record it
is shown nothing. Copies are on nobody's record; the person is told.
"""

import sys
from typing import Annotated, Literal

import typer

from gateway.cli.call import Call
from gateway.cli.output import note
from gateway.errors import BadRequest, Unavailable

Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why you look; kept in the log, sealed. Asked for at a terminal."),
]


def record_view(
    call: Call,
    what: Literal["replay", "export", "log"],
    *,
    reason: str | None,
    session: str | None,
    consent: str | None = None,
    copy: bool,
) -> str:
    """Before anything is shown. The watermark that belongs on it; empty for a copy. Raises `VestibuleError`."""
    if copy:
        note("This look is not on record: it is at a copy.")
        return ""
    body = {"what": what, "session": session, "consent": consent, "reason": why(reason)}
    try:
        with call.api() as api:
            return str(api.post("/v1/views", body).get("watermark", ""))
    except Unavailable as error:
        raise Unavailable(
            f"{error} Without it this look cannot be put on record, so nothing is shown. A copy can be looked at with "
            "--dir."
        ) from error


def why(reason: str | None) -> str:
    """The reason, asked for where somebody sits at a terminal. Raises `BadRequest`."""
    if reason is None and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        reason = typer.prompt("Why do you look? (kept in the log, sealed)", err=True)
    if reason is None or not reason.strip():
        raise BadRequest("Say why with --reason: a look at the evidence is put on record.")
    return reason.strip()
