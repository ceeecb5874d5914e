"""Connection Requests: digest, its variants, and when a CPE is busy."""

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from drivers.lab.cpe.config import FAST
from drivers.lab.cpe.digest import SignIn, pairs
from drivers.lab.cpe.http import LostAcs, fetch
from tests.unit.drivers.lab.cpe.tiny_acs import set_values

SERVER = "Device.ManagementServer."


async def knock(cpe, user="knock", password="knock-password", path=None) -> int:
    url = cpe.connection_request_url
    return (await fetch(url if path is None else url.rpartition("/")[0] + path, user=user, password=password)).status


@pytest.mark.parametrize("moods", [(), ("digest-no-qop",), ("qop-twice",), ("basic-knock",), ("close-after-401",)])
async def test_it_is_woken(cpe_for, moods):
    async with cpe_for(*moods, bootstrapped=True) as cpe:
        await cpe.booted()
        assert await knock(cpe) == 200
        await cpe.until(lambda: "6 CONNECTION REQUEST" in cpe.events)
        assert [status for _, _, status in cpe.knocks] == [401, 200]


async def test_without_credentials_it_challenges(cpe_for):
    async with cpe_for() as cpe:
        answer = await fetch(cpe.connection_request_url)
        assert answer.status == 401
        fields = pairs(answer.first("www-authenticate").removeprefix("Digest "))
        assert fields["qop"] == "auth"
        assert fields["nonce"]


@pytest.mark.parametrize(("user", "password"), [("knock", "wrong"), ("other", "knock-password")])
async def test_the_wrong_credentials(cpe_for, user, password):
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.booted()
        assert await knock(cpe, user, password) == 401
        assert cpe.events == ["1 BOOT"]


async def test_a_nonce_serves_once(cpe_for):
    async with cpe_for() as cpe:
        path = "/" + cpe.connection_request_url.rpartition("/")[2]
        challenge = (await fetch(cpe.connection_request_url)).first("www-authenticate")
        sign_in = SignIn("knock", "knock-password", challenge)
        header = sign_in.header("GET", path)
        port, statuses = urlsplit(cpe.connection_request_url).port, []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\n\r\n".encode())
            statuses.append((await reader.readline()).split()[1])
            writer.close()
        assert statuses == [b"200", b"401"]


async def test_another_path_is_unknown(cpe_for):
    async with cpe_for() as cpe:
        assert await knock(cpe, path="/guess") == 404


async def test_new_credentials_hold_at_once(acs, cpe_for):
    acs.todo = [set_values((f"{SERVER}ConnectionRequestUsername", "gw"), (f"{SERVER}ConnectionRequestPassword", "new"))]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.booted()
        assert await knock(cpe) == 401
        assert await knock(cpe, "gw", "new") == 200


@pytest.mark.parametrize(("moods", "status"), [((), 503), (("deaf-in-session",), 0)])
async def test_in_a_session_it_is_busy_or_deaf(acs, cpe_for, moods, status):
    acs.on_request = lambda request: None if request.method == "Inform" else b" "
    async with cpe_for(*moods, pace=replace(FAST, boot=0.0)) as cpe:
        await cpe.until(lambda: cpe.in_session and cpe.informs)
        if status:
            assert await knock(cpe) == status
        else:
            with pytest.raises(LostAcs, match="TimeoutError"):
                await fetch(cpe.connection_request_url, user="knock", password="knock-password", seconds=0.1)
        assert cpe.knocks[-1][2] == status
