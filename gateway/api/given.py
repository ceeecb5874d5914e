"""What a handler is given: who calls, and the use cases. Filled by `gateway.api.guard` and `gateway.api.app`."""

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Request

from gateway.access.identity import Authenticated
from gateway.api.guard import GuardedRoute
from gateway.api.probe import Prober
from gateway.api.rest_sessions import RestSessions
from gateway.evidence.exporting import Exports
from gateway.evidence.reading import Reading
from gateway.session.admin import Administration
from gateway.session.service import AccessService


def guarded(tag: str) -> APIRouter:
    """A group of routes, each behind the guard."""
    return APIRouter(tags=[tag], route_class=GuardedRoute)


def _caller(request: Request) -> Authenticated:
    auth: Authenticated = request.state.auth
    return auth


def _service(request: Request) -> AccessService:
    service: AccessService = request.app.state.service
    return service


def _admin(request: Request) -> Administration:
    admin: Administration = request.app.state.admin
    return admin


def _sessions(request: Request) -> RestSessions:
    sessions: RestSessions = request.app.state.sessions
    return sessions


def _reading(request: Request) -> Reading:
    reading: Reading = request.app.state.reading
    return reading


def _exports(request: Request) -> Exports:
    exports: Exports = request.app.state.exports
    return exports


def _prober(request: Request) -> Prober | None:
    prober: Prober | None = request.app.state.prober
    return prober


Caller: TypeAlias = Annotated[Authenticated, Depends(_caller)]
Service: TypeAlias = Annotated[AccessService, Depends(_service)]
Admin: TypeAlias = Annotated[Administration, Depends(_admin)]
Sessions: TypeAlias = Annotated[RestSessions, Depends(_sessions)]
Probing: TypeAlias = Annotated[Prober | None, Depends(_prober)]
Looking: TypeAlias = Annotated[Reading, Depends(_reading)]
Exporting: TypeAlias = Annotated[Exports, Depends(_exports)]
