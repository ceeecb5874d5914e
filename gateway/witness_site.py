"""A witness over HTTP: `POST /add-checkpoint` (C2SP tlog-witness), and pages for whoever wants to look.

`/` lists what there is, `/key` the witness's verifier keys, `/logs` the known logs with the size cosigned last, and
`/log/<SHA-256 of the origin, hex>/checkpoint` the newest cosigned checkpoint. Nothing here is secret, and nothing is
personal. Counterpart: `audit.witness.witness` decides.
"""

import asyncio
import hashlib

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from audit.errors import AuditError
from audit.witness.protocol import MAX_BODY
from audit.witness.witness import Witness

_NO_STORE = {"Cache-Control": "no-store"}


def witness_app(witness: Witness) -> Starlette:
    """The ASGI application of one witness."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return PlainTextResponse(f"A request has at most {MAX_BODY} bytes.\n", 413)
        try:
            answer = await asyncio.to_thread(witness.add_checkpoint, body)
        except AuditError as error:
            return PlainTextResponse(f"{error}\n", 503)
        # As a header, for a media type of text would get a charset behind it, and clients compare it as it is.
        return Response(answer.body, answer.status, {**_NO_STORE, "Content-Type": answer.content_type})

    async def keys(_request: Request) -> Response:
        return _text("".join(f"{key}\n" for key in witness.verifiers))

    async def logs(_request: Request) -> Response:
        known = await asyncio.to_thread(witness.logs)
        return _text("".join(f"{size} {log_id(origin)} {origin}\n" for origin, size in known))

    async def latest(request: Request) -> Response:
        wanted = request.path_params["log"]
        for origin, _size in await asyncio.to_thread(witness.logs):
            if log_id(origin) == wanted and (note := await asyncio.to_thread(witness.latest, origin)) is not None:
                return Response(note, media_type="text/plain; charset=utf-8", headers=_NO_STORE)
        return PlainTextResponse("No checkpoint of this log was cosigned here.\n", 404)

    async def index(_request: Request) -> Response:
        names = sorted({key.name for key in witness.verifiers})
        return _text(
            f"Witness {', '.join(names)} (C2SP tlog-witness)\n\n"
            "POST /add-checkpoint\nGET /key\nGET /logs\nGET /log/<id as in /logs>/checkpoint\n"
        )

    return Starlette(
        routes=[
            Route("/", index),
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/key", keys),
            Route("/logs", logs),
            Route("/log/{log}/checkpoint", latest),
        ]
    )


def log_id(origin: str) -> str:
    """How a log is named in a path."""
    return hashlib.sha256(origin.encode()).hexdigest()


def _text(text: str) -> Response:
    return PlainTextResponse(text, headers=_NO_STORE)


async def _body(request: Request) -> bytes | None:
    """The whole body, or none if it is longer than a request may be."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            return None
    return body
