"""The auditors' web pages as one ASGI app, on a listener of its own.

Counterparts: `gateway.evidence.reading`, which puts every look on record; `gateway.review.pages`, the handlers.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

import audit.player
from audit.errors import AuditError
from gateway.errors import GatewayError
from gateway.evidence.deciding import Deciding
from gateway.evidence.exporting import Exports
from gateway.evidence.reading import Reading
from gateway.review.looks import Looks
from gateway.review.pages import Pages
from gateway.review.visitors import Visitors
from gateway.session.pages import Guard
from gateway.session.service import AccessService

# The player draws with WebAssembly and sets styles through the object model, so neither needs 'unsafe-inline'.
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FAILURE: Final = "Something went wrong. Nothing was shown; try again, or ask the operator.\n"

_STATIC: Final = Path(__file__).parent / "static"
_VENDOR: Final = Path(audit.player.__file__).parent / "vendor"
_FILES: Final = {
    "/static/review.css": (_STATIC / "review.css", "text/css"),
    "/static/review.js": (_STATIC / "review.js", "text/javascript"),
    "/static/icon.svg": (_STATIC / "icon.svg", "image/svg+xml"),
    "/static/player.css": (_VENDOR / "asciinema-player.css", "text/css"),
    "/static/player.js": (_VENDOR / "asciinema-player.min.js", "text/javascript"),
}


def review_app(
    service: AccessService,
    reading: Reading,
    exports: Exports,
    deciding: Deciding,
    *,
    name_of: Callable[[str], Awaitable[str]],
) -> Starlette:
    """The app. `name_of` gives the login name of a principal id, or the id itself."""
    settings = service.parts.settings
    https = (settings.review.public_url or "").startswith("https://")
    looks = Looks(service.parts.journal, exports.policy, settings.evidence_dir)
    pages = Pages(
        service=service,
        reading=reading,
        exports=exports,
        deciding=deciding,
        looks=looks,
        visitors=Visitors(service.parts.clock, https=https),
        name_of=name_of,
    )
    return Starlette(
        routes=[
            Route("/", pages.home),
            Route("/health", _health),
            *(Route(path, _file) for path in _FILES),
            Route("/l/{secret}", pages.link, methods=["GET"]),
            Route("/l/{secret}", pages.open_link, methods=["POST"]),
            Route("/sign-out", pages.signed(pages.sign_out, form=True), methods=["POST"]),
            Route("/search", pages.signed(pages.search_page), methods=["GET"]),
            Route("/search", pages.signed(pages.search, form=True), methods=["POST"]),
            Route("/sessions", pages.signed(pages.sessions)),
            Route("/session/{id}", pages.signed(pages.session)),
            Route("/session/{id}/open", pages.signed(pages.open_session, form=True), methods=["POST"]),
            Route("/session/{id}/recording.json", pages.signed(pages.recording)),
            Route("/session/{id}/segment/{number:int}.json", pages.signed(pages.segment)),
            Route("/entry/{index:int}", pages.signed(pages.entry)),
            Route("/entry/{index:int}/head.json", pages.signed(pages.head)),
            Route("/entry/{index:int}/proof.tlog-proof", pages.signed(pages.proof)),
            Route("/consent/{id}", pages.signed(pages.consent)),
            Route("/consent/{id}/open", pages.signed(pages.open_consent, form=True), methods=["POST"]),
            Route("/approvals", pages.signed(pages.approvals_page), methods=["GET"]),
            Route("/approvals/{id}", pages.signed(pages.decide, form=True), methods=["POST"]),
        ],
        middleware=[Middleware(Guard, https=https, policy=CONTENT_POLICY, failure=FAILURE)],
        exception_handlers={HTTPException: pages.problem, GatewayError: pages.problem, AuditError: pages.problem},
    )


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _file(request: Request) -> Response:
    path, kind = _FILES[request.url.path]
    return FileResponse(path, media_type=kind, headers={"cache-control": "max-age=3600"})
