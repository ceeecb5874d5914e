"""The fake keeps what an ordering test needs: each command, its moment, and a router that a test can steer."""

import asyncio
import itertools

import pytest

from drivers.errors import HostKeyChanged, LoginRefused, RouterUnreachable
from drivers.fakes import FakeDriver, FakeReply
from drivers.session import Credential, Target
from tests.unit.drivers.minting import Minting

TARGET = Target(
    router_id="r1",
    name="home-1",
    platform="ios",
    address="192.0.2.1",
    port=22,
    host_key="ssh-ed25519 AAAA comment",
    credential=Credential(user="gw", password="opens-it"),
)


@pytest.fixture
def mint() -> Minting:
    return Minting()


async def test_the_shared_sequence_orders_what_arrives_among_other_things(mint):
    numbers = itertools.count()
    driver = FakeDriver(next_number=numbers.__next__)
    first, second = await driver.open(TARGET, "shell"), await driver.open(TARGET, "shell")
    other = Minting("01J99999999999999999999999")
    await second.send(other("b\n"))
    assert next(numbers) == 1
    await first.send(mint("a\n"))
    assert [(item.sequence, item.data) for item in driver.received] == [(0, b"b\n"), (2, b"a\n")]
    assert driver.received[1].command.n == 2


async def test_the_hook_runs_before_the_router_answers(mint):
    seen = []
    driver = FakeDriver(prompt=b"", on_send=lambda command: seen.append((command.wire, session.received[-1].data)))
    session = await driver.open(TARGET, "shell")
    await session.send(mint("a\n"))
    assert seen == [(b"a\n", b"a\n")]


async def test_a_router_may_speak_by_itself_and_hang_up(mint):
    driver = FakeDriver(banner=b"welcome\r\n", prompt=b"R1>", echo=False)
    session = await driver.open(TARGET, "shell")
    assert (await session.read()).data == b"welcome\r\nR1>"
    session.emit(b"%LINK-3-UPDOWN\r\n")
    session.hang_up()
    assert (await session.read()).data == b"%LINK-3-UPDOWN\r\n"
    assert (await session.read()).data == b""


async def test_a_held_command_ends_when_the_test_says_so(mint):
    driver = FakeDriver(respond=lambda wire: FakeReply(output=b"...", prompt=False))
    session = await driver.open(TARGET, "exec")
    await session.send(mint("ping\n"))
    assert (await session.read()).data == b"..."
    reading = asyncio.ensure_future(session.read())
    await asyncio.sleep(0)
    assert not reading.done()
    session.finish(2)
    assert (await reading).data == b""
    assert session.exit_status == 2


async def test_output_is_held_back_until_it_is_read(mint):
    driver = FakeDriver(respond=lambda wire: FakeReply(output=b"x" * 1_000_000))
    session = await driver.open(TARGET, "exec")
    await session.send(mint("flood\n"))
    assert session.paused
    total = 0
    while data := (await session.read()).data:
        total += len(data)
    assert total == 1_000_000


async def test_what_the_router_is_like_decides_the_opening():
    driver = FakeDriver(host_key="ssh-ed25519 BBBB")
    with pytest.raises(HostKeyChanged):
        await driver.open(TARGET, "shell")
    driver.host_key = "ssh-ed25519 AAAA"
    driver.password = "another"
    with pytest.raises(LoginRefused):
        await driver.open(TARGET, "shell")
    driver.password = "opens-it"
    driver.reachable = False
    with pytest.raises(RouterUnreachable):
        await driver.open(TARGET, "shell")
    driver.reachable = True
    await driver.open(TARGET, "shell")
    assert driver.opened == [(TARGET, "shell")]
