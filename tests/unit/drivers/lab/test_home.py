"""The home computer counts what reaches it, and only that."""

import asyncio

import pytest

from drivers.lab import HomeComputer


async def test_connections_and_bytes_are_counted():
    async with HomeComputer() as home:
        reader, writer = await asyncio.open_connection("127.0.0.1", home.port(22))
        assert (await reader.read(100)).startswith(b"SSH-2.0")
        writer.write(b"hello")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(5):
            while home.bytes_received < 5:
                await asyncio.sleep(0.01)
        assert (home.connections, home.contacts[0].port) == (1, 22)


async def test_every_service_answers_at_its_own_port():
    async with HomeComputer() as home:
        ports = {home.port(service) for service in (22, 23, 80, 445)}
        assert len(ports) == 4
        assert None not in ports
        assert home.port(9) is None


@pytest.mark.parametrize("name", ["192.168.1.10", "laptop", "laptop.lan"])
def test_it_goes_by_its_address_and_its_names(name):
    assert HomeComputer().answers(name)
    assert not HomeComputer().answers("192.168.1.11")


async def test_it_may_be_opened_by_two_and_ends_with_open_connections():
    home = HomeComputer()
    async with home, home:
        reader, writer = await asyncio.open_connection("127.0.0.1", home.port(23))
        await reader.readexactly(1)
    assert home.port(23) is None
    writer.close()
