"""The app behind real sockets: what the kernel and the network say arrives where the guard looks for it."""

import asyncio
import os

import httpx
import pytest

from audit.entry import Kind
from gateway.session.listeners import HttpListener, bind_tcp, bind_unix


@pytest.fixture
async def places(gateway, tmp_path):
    """A Unix socket and a TCP port, as `gateway.assembly` serves them."""
    await gateway.registry.add_person("me", "rep", uid=os.getuid())
    unix = HttpListener(gateway.app, bind_unix(tmp_path / "api.sock"), peer=True)
    tcp = HttpListener(gateway.app, bind_tcp("127.0.0.1", 0, "api.port"))
    await unix.start()
    await tcp.start()
    over_unix = httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(tmp_path / "api.sock")), base_url="http://gateway"
    )
    over_tcp = httpx.AsyncClient(base_url=f"http://127.0.0.1:{tcp.port}")
    try:
        yield gateway, over_unix, over_tcp
    finally:
        await over_unix.aclose()
        await over_tcp.aclose()
        await unix.stop()
        await tcp.stop()


async def test_the_kernel_tells_who_is_at_the_socket_and_nobody_is_at_the_port(places):
    gateway, over_unix, over_tcp = places
    me = await over_unix.get("/v1/me")
    assert (me.json()["name"], me.json()["factors"]) == ("me", ["peer"])
    assert (await over_tcp.get("/v1/me")).status_code == 401
    token = {"Authorization": f"Bearer {gateway.tokens['crm']}"}
    assert (await over_tcp.get("/v1/me", headers=token)).json()["name"] == "crm"
    assert (await over_unix.get("/v1/me", headers=token)).json()["name"] == "crm"
    assert "server" not in me.headers


async def test_a_session_outlives_the_connection_it_was_opened_on(places):
    gateway, _, over_tcp = places
    await gateway.granted("crm")
    token = {"Authorization": f"Bearer {gateway.tokens['crm']}"}
    port = over_tcp.base_url.port
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=token) as client:
        session = (await client.post("/v1/sessions", json={"router": "r-1"})).json()["id"]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=token) as client:
        answer = await client.post(f"/v1/sessions/{session}/commands", json={"line": "show version"})
        assert answer.json()["outcome"] == "done"


async def test_a_client_that_goes_away_leaves_its_line_on_record_and_the_session_usable(places):
    gateway, _, over_tcp = places
    session = await gateway.opened("crm")
    token = {"Authorization": f"Bearer {gateway.tokens['crm']}"}
    path = f"/v1/sessions/{session}/commands"
    impatient = asyncio.create_task(over_tcp.post(path, json={"line": "show logging"}, headers=token, timeout=0.3))
    with pytest.raises(httpx.ReadTimeout):
        await impatient
    assert (await gateway.run(session, "show version")).json()["code"] == "busy"
    gateway.driver.sessions[-1].emit(b"\r\nR1#")
    while gateway.app.state.sessions.busy(session):
        await asyncio.sleep(0.01)
    assert (await gateway.run(session, "show version")).status_code == 200
    assert len(await gateway.facts(Kind.CMD_INTENT)) >= 2


async def test_a_body_without_a_length_is_bounded_too(places):
    gateway, _, over_tcp = places

    async def endless():
        for _ in range(10_000):
            yield b"x" * 1000

    token = {"Authorization": f"Bearer {gateway.tokens['crm']}"}
    try:
        answer = await over_tcp.post("/v1/consents", content=endless(), headers=token)
    except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        return  # hung up on while it was still sending
    assert answer.status_code == 413
