"""Requests that nobody thought of: generated from the API's own description, in process, over the real use cases."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.api.app import bare_app
from gateway.session.listeners import PEER

pytestmark = pytest.mark.slow

FUZZ = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LONGEST = 30.0
CONFORMANCE = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


class Bridge:
    """The app on an event loop of its own, which lives as long as the sessions in it. Called from other loops.

    Before a gateway is there, it can describe itself.
    """

    def __init__(self) -> None:
        self.gateway: Any = None
        self.loop = asyncio.new_event_loop()
        self.client: tuple[str, int] = ("192.0.2.9", 1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        if self.gateway is None:
            await bare_app()(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        answer = self._answer({**scope, "client": self.client}, body)
        for message in await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answer, self.loop)):
            await send(message)

    def now(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(LONGEST)

    async def _answer(self, scope: Any, body: bytes) -> list[Any]:
        messages: list[Any] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            return waiting.pop() if waiting else await asyncio.sleep(LONGEST, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            messages.append(message)

        await asyncio.wait_for(self.gateway.app(scope, receive, send), LONGEST)
        return messages


BRIDGE = Bridge()
# What the description allows or forbids may also be too large altogether (413).
_CHECKS = {
    # 503: this gateway keeps no custody, which is said before anything else about the request.
    "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 409, 413, 422, 503]},
    "positive_data_acceptance": {"expected-statuses": ["2xx", 403, 409, 413, "5xx"]},
}
_GENERATED = {"coverage": {"enabled": False}, "examples": {"enabled": False}}


def described(**config: Any) -> Any:
    return schemathesis.openapi.from_asgi(
        "/v1/openapi.json", BRIDGE, config=schemathesis.Config.from_dict({"checks": _CHECKS, **config})
    )


schema = described()
generated_only = described(phases=_GENERATED)


@pytest.fixture
def gateway(build: Callable[..., AsyncIterator[Any]]) -> Iterator[Any]:
    """In place of the usual one: it runs in a thread, because what calls it is not asynchronous."""
    thread = threading.Thread(target=BRIDGE.loop.run_forever, name="fuzzed")
    thread.start()
    house = build(requests_per_minute=1_000_000)
    BRIDGE.gateway = BRIDGE.now(anext(house))
    try:
        yield BRIDGE.gateway
    finally:
        BRIDGE.now(house.aclose())
        BRIDGE.loop.call_soon_threadsafe(BRIDGE.loop.stop)
        thread.join()


@schema.parametrize()
@FUZZ
def test_a_machine(case, gateway):
    BRIDGE.client = ("192.0.2.9", 1)
    response = case.call_and_validate(
        headers={"Authorization": f"Bearer {gateway.tokens['crm']}"}, excluded_checks=[not_a_server_error]
    )
    assert response.status_code != 500


@generated_only.include(path_regex="consent_id|session_id|^/v1/(sessions|consents)$").parametrize()
@FUZZ
def test_a_machine_with_a_session(case, gateway):
    """Ids and names that exist, so that what is behind them is reached."""
    BRIDGE.client = ("192.0.2.9", 1)
    case.path_parameters.update(_known(gateway, case.path_parameters))
    if "wait" in case.query:
        case.query["wait"] = 0  # nobody decides here
    if isinstance(case.body, dict) and "router" in case.body:
        case.body["router"] = "r-1"
    response = case.call_and_validate(headers={"Authorization": f"Bearer {gateway.tokens['crm']}"}, checks=CONFORMANCE)
    assert response.status_code != 500
    if response.status_code == 403 and case.path_parameters:
        assert response.json()["code"] != "not_allowed"


@generated_only.include(tag=["people", "routers"]).parametrize()
@FUZZ
def test_an_operator(case, gateway):
    """Over the socket, where it is the kernel that says who is there."""
    BRIDGE.client = (PEER, 1003)
    if "name" in case.path_parameters:
        case.path_parameters["name"] = "r-1" if "/routers/" in case.path else "bob"
    response = case.call_and_validate(checks=CONFORMANCE)
    assert response.status_code != 500


def _known(gateway: Any, wanted: dict[str, Any]) -> dict[str, str]:
    known = {}
    if "session_id" in wanted:
        known["session_id"] = BRIDGE.now(_open_session(gateway))
    if "consent_id" in wanted:
        known["consent_id"] = BRIDGE.now(_live_consent(gateway))
    return known


async def _open_session(gateway: Any) -> str:
    listed = (await gateway.call("crm", "GET", "/v1/sessions")).json()
    return listed[0]["id"] if listed else await gateway.opened("crm")


async def _live_consent(gateway: Any) -> str:
    listed = (await gateway.call("crm", "GET", "/v1/consents?unfinished=true")).json()
    return listed[0]["id"] if listed else (await gateway.granted("crm"))[0]
