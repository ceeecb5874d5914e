"""`/v1/health` and `/v1/me`: is the gateway well, and who am I to it."""

from typing import Literal

from fastapi import APIRouter, Response

from gateway.access.identity import Factor
from gateway.api.fields import PersonName, Role, Time, Wire
from gateway.api.given import Caller, Service, guarded

open_routes = APIRouter(tags=["gateway"])
"""What anybody may ask; not on record."""
routes = guarded("gateway")


class Health(Wire):
    """Whether the gateway can do its work."""

    status: Literal["ok", "record_failed"]


class Me(Wire):
    """Who the caller is to the gateway."""

    id: str
    name: PersonName
    role: Role
    alias: str
    """What subscribers call the caller."""
    factors: tuple[Factor, ...]
    training_until: Time | None


@open_routes.get("/v1/health", operation_id="health", summary="Whether the gateway can do its work")
async def health(service: Service, response: Response) -> Health:
    """200 while the record can be written, else 503. Needs no authentication."""
    if service.parts.journal.poisoned:
        response.status_code = 503
        return Health(status="record_failed")
    return Health(status="ok")


@routes.get("/v1/me", operation_id="me", summary="Who you are to the gateway")
async def me(auth: Caller) -> Me:
    """The identity that the token or the Unix socket stands for."""
    principal = auth.principal
    return Me(
        id=principal.id,
        name=principal.name,
        role=principal.role,
        alias=principal.alias,
        factors=tuple(sorted(auth.factors)),
        training_until=principal.training_until,
    )
