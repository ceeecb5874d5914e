"""`/v1/views`: puts on record that somebody looks at the evidence, before they see it.

Counterparts: `vestibule replay` and `vestibule log --open-sealed`, which read the files themselves.
"""

from typing import Literal

from pydantic import Field

from gateway.api.fields import Id, Wire
from gateway.api.given import Caller, Service, guarded

routes = guarded("evidence")


class NewView(Wire):
    """What is about to be looked at."""

    what: Literal["replay", "export", "log"] = Field(description="`log`: sealed parts of entries.")
    session: Id | None = None
    consent: Id | None = None


class ViewOut(Wire):
    """Where it stands on record."""

    entry_index: int


@routes.post("/v1/views", operation_id="record_view", status_code=201, summary="Put a look at the evidence on record")
async def record_view(auth: Caller, service: Service, view: NewView) -> ViewOut:
    """Durable when it is answered. Shows nothing and permits nothing: who may read the files can read them."""
    return ViewOut(entry_index=await service.record_view(auth, view.what, session=view.session, consent=view.consent))
