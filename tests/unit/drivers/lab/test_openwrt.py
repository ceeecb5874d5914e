"""The simulated OpenWrt router as SSH clients see it."""

import asyncio
import itertools

import asyncssh
import pytest

from drivers.lab import Access, HomeComputer, OpenWrtRouter, Wire


def connect(router: OpenWrtRouter, **options):
    settings = {"username": "root", "password": router.access.password, "client_keys": None, "agent_path": None}
    key = asyncssh.import_public_key(router.host_key)
    return asyncssh.connect("127.0.0.1", router.port, known_hosts=([key], [], []), config=[], **(settings | options))


async def test_a_stock_client_runs_commands():
    async with OpenWrtRouter() as router, connect(router) as client:
        done = await client.run("ubus call system board | grep model; ls /nosuch")
        assert "Archer" in done.stdout
        assert done.stderr == "ls: /nosuch: No such file or directory\n"
        assert done.exit_status == 1


async def test_login_shows_the_banner_and_the_prompt():
    async with OpenWrtRouter() as router, connect(router) as client:
        process = await client.create_process(term_type="vt100")
        seen = await process.stdout.readuntil("root@OpenWrt:~# ")
        assert "BusyBox v1.36.1" in seen
        assert "W I R E L E S S" in seen
        process.stdin.write("cd /etc\n")
        assert "root@OpenWrt:/etc# " in await process.stdout.readuntil("/etc# ")
        process.stdin.write("sh\nexit\nexit\n")
        await asyncio.wait_for(process.wait(), 5)


async def test_every_byte_is_noted_before_it_acts():
    home = HomeComputer()
    numbers = itertools.count(10)
    states = []
    wire = Wire(next_number=numbers.__next__, on_received=lambda data: states.append((data, home.connections)))
    async with OpenWrtRouter(home=home, wire=wire) as router, connect(router) as client:
        await client.run("nc -z laptop 22")
        await client.run("cat", input="typed in")
    assert router.received == [(10, b"nc -z laptop 22\n"), (11, b"cat\n"), (12, b"typed in")]
    assert states[0] == (b"nc -z laptop 22\n", 0)
    assert home.connections == 1


async def test_a_forwarded_port_leads_to_the_home_and_is_noted():
    async with OpenWrtRouter() as router, connect(router) as client:
        reader, writer = await client.open_connection("192.168.1.10", 22)
        assert (await reader.read(100)).startswith(b"SSH-2.0")
        writer.write(b"inwards\n")
        writer.close()
        with pytest.raises(asyncssh.ChannelOpenError):
            await client.open_connection("198.51.100.1", 22)
        assert router.received == [(0, b"direct-tcpip 192.168.1.10:22\n")]
        assert router.home.connections == 1


async def test_wrong_credentials_are_refused():
    async with OpenWrtRouter() as router:
        with pytest.raises(asyncssh.PermissionDenied):
            await connect(router, password="wrong")
        with pytest.raises(asyncssh.PermissionDenied):
            await connect(router, username="admin")
        assert "password" in router.access.attempts


async def test_a_key_logs_in_where_it_is_known():
    key = asyncssh.generate_private_key("ssh-ed25519")
    access = Access(public_key=key.export_public_key().decode())
    async with OpenWrtRouter(access=access) as router, connect(router, password=None, client_keys=[key]) as client:
        assert (await client.run("echo in")).stdout == "in\n"


async def test_a_reboot_cuts_everybody_and_starts_again():
    async with OpenWrtRouter() as router, connect(router) as client, connect(router) as other:
        await client.run("uci set wireless.radio0.channel=44; uci commit")
        await client.run("reboot")
        await asyncio.wait_for(other.wait_closed(), 5)
        async with connect(router) as again:
            assert "Channel: 44" in (await again.run("iwinfo wlan0 info")).stdout


async def test_a_power_cut():
    async with OpenWrtRouter() as router, connect(router) as client:
        router.cut()
        await asyncio.wait_for(client.wait_closed(), 5)


async def test_the_host_key_may_be_given():
    key = asyncssh.generate_private_key("ssh-ed25519")
    async with OpenWrtRouter(host_key=key) as router:
        assert router.host_key == key.export_public_key().decode().strip()
        assert router.target().host_key == router.host_key
