"""`/v1/views`: puts on record that somebody looks at the evidence, before they see it.

Counterparts: `vestibule replay` and `vestibule log --open-sealed`, which read the files themselves.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from gateway.api.fields import Id, Wire
from gateway.api.given import Caller, Looking, guarded
from gateway.evidence.reading import LONGEST_REASON

routes = guarded("evidence")


class NewView(Wire):
    """What is about to be looked at, and why."""

    what: Literal["replay", "export", "log"] = Field(description="`log`: sealed parts of entries.")
    reason: str = Field(min_length=1, max_length=LONGEST_REASON, description="Kept in the log, sealed.")
    session: Id | None = None
    consent: Id | None = None


class ViewOut(Wire):
    """Where it stands on record, and how long it is good for."""

    entry_index: int
    watermark: str = Field(description="Belongs on everything that is shown: who looks, since when, the entry.")
    until: datetime


@routes.post("/v1/views", operation_id="record_view", status_code=201, summary="Put a look at the evidence on record")
async def record_view(auth: Caller, reading: Looking, view: NewView) -> ViewOut:
    """For auditors, reviewers, supervisors and operators. Durable when it is answered.

    Where two persons are needed, the first call asks for an approval and is refused; after a second person has given
    it, the same call succeeds.
    """
    made = await reading.view(auth, view.what, reason=view.reason, session=view.session, consent=view.consent)
    return ViewOut(entry_index=made.index, watermark=made.watermark, until=made.until)
