"""The gate every call goes through: who is it, not too often, and on record before it is answered.

Counterparts: `gateway.session.listeners` (who is at the other end of the Unix socket), `gateway.access.limits`.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from config.errors import VestibuleError
from gateway.access.identity import Authenticated
from gateway.access.limits import Limited, Limiter
from gateway.api.problems import TOO_MANY, Refusal, problem_of, respond
from gateway.errors import NotAuthenticated
from gateway.session.listeners import PEER
from gateway.session.service import AccessService

log = structlog.get_logger(__name__)

FAILURES_PER_MINUTE: Final = 60
"""Unrecognised calls of one source that are put on record; the others are only counted, or they would fill the log."""
LONGEST_TOKEN: Final = 256

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Guard:
    """One an app."""

    def __init__(self, service: AccessService) -> None:
        self._service = service
        self._clock = service.parts.clock
        self._calls = Limiter(service.parts.settings.api.requests_per_minute)
        self._failures = Limiter(FAILURES_PER_MINUTE)

    async def handle(self, request: Request, route: str, handler: Handler) -> Response:
        """Answer one call to a known route. Never raises for what a caller does."""
        try:
            auth = await self._recognise(request)
            verdict = self._calls.take(auth.principal.id, self._now)
            if isinstance(verdict, Limited):
                response = _limited(verdict)
                if verdict.first:
                    await self._service.record_call(auth, route, request.method, response.status_code)
                return response
            request.state.auth = auth
            response = await _answer(request, handler)
            # After the handler, because only now the answer is known; before anybody sees it. What a change did was
            # on record before it was done, by the use case itself.
            await self._service.record_call(auth, route, request.method, response.status_code)
        except VestibuleError as error:
            return respond(problem_of(error))
        return response

    @property
    def _now(self) -> float:
        return self._clock.monotonic_ns() / 1e9

    async def _recognise(self, request: Request) -> Authenticated:
        client = request.scope.get("client") or ("", 0)
        is_peer = client[0] == PEER
        source = "local" if is_peer else str(client[0])
        token = _token(request)
        auth: Authenticated | None = None
        if token:
            auth = await self._service.authenticate_token(token, source)
        elif token is None and is_peer:
            auth = await self._service.authenticate_peer(int(client[1]))
        if auth is None:
            await self._turn_away(source)
            raise NotAuthenticated("Nobody was recognised. Send a service-account token, or use the Unix socket.")
        return auth

    async def _turn_away(self, source: str) -> None:
        verdict = self._failures.take(source, self._now)
        if isinstance(verdict, Limited):
            raise Refusal(TOO_MANY.problem("Too many calls that nobody was recognised for; wait a minute."))
        await self._service.record_auth_failure("rest", source)


class GuardedRoute(APIRoute):
    """A route that only the guard calls."""

    def get_route_handler(self) -> Handler:
        """FastAPI's handler, with the guard in front of it."""
        handler = super().get_route_handler()
        route = self.path

        async def guarded(request: Request) -> Response:
            guard: Guard = request.app.state.guard
            return await guard.handle(request, route, handler)

        return guarded


async def _answer(request: Request, handler: Handler) -> Response:
    """What the handler answers, errors included: they are calls like any other and go on record."""
    try:
        return await handler(request)
    except Exception as error:
        problem = problem_of(error)
        if problem.status == 500:
            log.exception("request_broke", error_type=type(error).__name__)
        return respond(problem)


def _limited(verdict: Limited) -> Response:
    problem = TOO_MANY.problem(f"Too many requests; the next one is taken in {verdict.retry_seconds} s.")
    return respond(problem, {"Retry-After": str(verdict.retry_seconds)})


def _token(request: Request) -> str | None:
    """The bearer token; empty if there is an Authorization header without a usable one, none if there is no header."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    token = token.strip()
    usable = scheme.lower() == "bearer" and 0 < len(token) <= LONGEST_TOKEN and token.isascii()
    return token if usable else ""
