"""Around every request: a bound on its body, headers on its answer, and an answer even if the app breaks."""

from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.problems import TOO_LARGE, problem_of, respond

log = structlog.get_logger(__name__)

MOST_BYTES: Final = 64 * 1024
"""Bytes of a request's body. The longest true one is a router's registration with a private key."""

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Envelope:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        try:
            body = await _read(scope, receive)
            if body is None:
                too_large = TOO_LARGE.problem(f"The request's body may have {MOST_BYTES} bytes at most.")
                await respond(too_large, {"Connection": "close"})(scope, receive, send_with_headers)
                return
            await self._app(scope, _replay(body, receive), send_with_headers)
        except Exception as error:
            log.exception("request_broke", error_type=type(error).__name__)
            if started:
                raise
            await respond(problem_of(error))(scope, receive, send_with_headers)


async def _read(scope: Scope, receive: Receive) -> list[Message] | None:
    """The messages of the whole body; none if it is larger than it may be."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value) > MOST_BYTES):
            return None
    size, messages = 0, []
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if size > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return messages


def _replay(messages: list[Message], receive: Receive) -> Receive:
    """What was read already, then what comes."""
    waiting = iter(messages)

    async def replay() -> Message:
        return next(waiting, None) or await receive()

    return replay
