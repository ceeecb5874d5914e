"""What surrounds every page that the gateway serves to people: headers, limits on forms, errors without traces.

Counterparts: the apps of subscribers (`gateway.web`) and of auditors (`gateway.review`), which say what their pages may
load.
"""

from typing import Final
from urllib.parse import parse_qsl

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import BadRequest

MAX_BODY: Final = 16 * 1024
MAX_FIELDS: Final = 64

_log = structlog.get_logger("web")


class Guard:
    """Adds the headers to every response, and answers what no handler answered."""

    def __init__(self, app: ASGIApp, *, https: bool, policy: str, failure: str) -> None:
        """`policy`: the Content-Security-Policy. `failure`: what a reader sees when something broke."""
        self._app = app
        self._failure = failure.encode()
        self._headers = {
            "content-security-policy": policy,
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
        }
        if https:
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:  # noqa: BLE001  the last line: no trace reaches a reader or the log
            _log.error("web.failed", error=type(error).__name__)
            if not started:
                await _plain_failure(guarded, self._failure)


async def read_form(request: Request) -> dict[str, list[str]]:
    """The fields of a form as browsers send it (urlencoded). Raises `BadRequest` for anything else, or too much."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise BadRequest("This is not a form.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise BadRequest("The form is too large.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise BadRequest("The form is not well-formed.") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def one(fields: dict[str, list[str]], name: str) -> str:
    """The field's only value; empty if it is missing or there are several."""
    values = fields.get(name, [])
    return values[0] if len(values) == 1 else ""


def from_own_page(request: Request) -> bool:
    """Whether the browser says that another site made it send this. Browsers that do not say are let through."""
    return request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


async def _plain_failure(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
