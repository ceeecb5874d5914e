"""Puts on record that somebody looks at the evidence, through the running gateway. Counterpart: `/v1/views` of the API.

The files can be read without any gateway, so this cannot be enforced here, only done wherever it is possible; where it
is not, the person is told.
"""

from typing import Literal

from config.errors import VestibuleError
from gateway.cli.call import Call
from gateway.cli.output import note


def record_view(
    call: Call,
    what: Literal["replay", "export", "log"],
    *,
    session: str | None,
    consent: str | None = None,
    copy: bool,
) -> None:
    """Before anything is shown. What keeps the look off the record is said on standard error; nothing is raised."""
    if copy:
        note("This look is not on record: it is at a copy.")
        return
    try:
        with call.api() as api:
            api.post("/v1/views", {"what": what, "session": session, "consent": consent})
    except VestibuleError as error:
        note(f"This look is not on record. {error}")
