"""The REST API as one ASGI app. `gateway.assembly` serves it over TCP and over the Unix socket alike.

Counterparts: `gateway.api.guard` (who calls), `gateway.api.document` (the description, docs/reference/openapi.json).
"""

from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from gateway.api import (
    consents,
    cpes,
    custody,
    diagnostics,
    exports,
    people,
    policy,
    routers,
    search,
    sessions,
    status,
    views,
    who,
)
from gateway.api.document import describe, document
from gateway.api.envelope import Envelope
from gateway.api.guard import Guard
from gateway.api.probe import Prober
from gateway.api.problems import problem_of, respond
from gateway.api.rest_sessions import RestSessions
from gateway.evidence.custody import Custody
from gateway.evidence.exporting import Exports
from gateway.evidence.reading import Reading
from gateway.evidence.status import StatusBoard
from gateway.session.admin import Administration
from gateway.session.cpes import CpeDesk, NoCpes
from gateway.session.service import AccessService

ROUTES: Final = (
    who.open_routes,
    who.routes,
    consents.routes,
    sessions.routes,
    custody.routes,
    diagnostics.routes,
    policy.routes,
    routers.routes,
    cpes.routes,
    people.routes,
    views.routes,
    exports.routes,
    search.routes,
    status.routes,
)


def api_app(
    service: AccessService,
    admin: Administration,
    prober: Prober | None = None,
    *,
    reading: Reading | None = None,
    keeper: Custody | None = None,
    exports: Exports | None = None,
    board: StatusBoard | None = None,
    desk: CpeDesk | None = None,
) -> FastAPI:
    """The API over these use cases. Without a `prober` the gateway does not look at routers to be registered.

    Without `reading` looks at evidence take one person, and there is no search. Without `keeper` nothing is erased.
    """
    app = bare_app()
    app.state.reading = reading or Reading(service.parts.journal, service.parts.clock)
    app.state.exports = exports or Exports(service.parts.journal, service.parts.clock)
    app.state.custody = keeper
    app.state.status = board or StatusBoard(service.parts.journal, service.parts.settings, service.parts.live)
    app.state.cpes = desk or NoCpes()
    app.state.service = service
    app.state.admin = admin
    app.state.prober = prober
    app.state.sessions = RestSessions(service)
    app.state.guard = Guard(service)
    return app


def bare_app() -> FastAPI:
    """The routes, without anything behind them: enough to be described."""
    app = FastAPI(
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    for group in ROUTES:
        app.include_router(group)
    for family in (RequestValidationError, HTTPException):
        app.add_exception_handler(family, _refuse)
    app.add_middleware(Envelope)
    describe(app)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    """What happens outside of guarded routes: no such path, no such method."""
    problem = problem_of(error)
    return respond(problem, {"Allow": _allowed(request)} if problem.status == 405 else None)


def _allowed(request: Request) -> str:
    """Every method of the path; the router itself would name those of one of its routes only."""
    for template, methods in document(request.app)["paths"].items():
        pattern, _, _ = compile_path(template)
        if pattern.match(request.url.path):
            return ", ".join(method.upper() for method in methods)
    return "GET"
