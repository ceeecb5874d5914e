"""Whom a Connection Request goes to, and when a router is expected anyway."""

import pytest

from config.clock import FakeClock
from drivers.cwmp.hub import NeverCalled, NotToBeWoken
from drivers.cwmp.known import KnownCpe, MemoryCpeDirectory
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import Inform
from drivers.cwmp.quirks import Quirks
from drivers.cwmp.wire.connection_request import _judge
from drivers.errors import RouterUnreachable
from gateway.cwmp.credentials import Rotation
from gateway.cwmp.wake import CpeWaker

QUIRKS = Quirks(basic_connection_request=True)


def waker(clock, rotation=None, asks=None, **known):
    given = {
        "router_id": "r1", "router_name": "home", "subscriber_ref": "s", "device_key": "00D09E-A1", "cr_user": "u",
        "cr_password": "p", "cr_url": "http://192.0.2.7:7547/x", "address": "192.0.2.7", "informed_at": clock.now(),
        "inform_seconds": 300,
    }  # fmt: skip
    directory = MemoryCpeDirectory(KnownCpe(**{**given, **known}))
    return CpeWaker(directory, clock, rotation or Rotation(), lambda _known: QUIRKS, asks=asks or nothing)


async def nothing(*given, **more):
    pass


async def test_with_its_own_credentials_and_quirks():
    asked = []

    async def asks(url, user, password, *, quirks, seconds):
        asked.append((url.host, url.port, url.target, user, password, quirks, seconds))

    await waker(FakeClock(), asks=asks).wake("r1")
    assert asked == [("192.0.2.7", 7547, "/x", "u", "p", QUIRKS, 2.0)]


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ({"informed_at": None}, "never called"),
        ({"cr_url": ""}, "has not told where"),
        ({"cr_password": ""}, "no password for it yet"),
        ({"cr_user": "u\r\nX: y"}, "characters that cannot be sent"),
        ({"cr_url": "http://192.0.2.8:7547/x"}, "neither the one the router calls from"),
        ({"cr_url": "http://127.0.0.1:7547/x"}, "local"),
        ({"cr_url": "http://192.0.2.7:22/x"}, "port 22"),
        ({"cr_url": "https://192.0.2.7:7547/x"}, "must be http"),
    ],
)
async def test_who_is_not_asked(known, says):
    with pytest.raises(NotToBeWoken, match=says):
        await waker(FakeClock(), **known).wake("r1")


async def test_a_router_that_is_no_cpe():
    with pytest.raises(NeverCalled, match="not in the inventory"):
        await waker(FakeClock()).wake("r9")


async def test_only_who_never_called_is_not_worth_waiting_for():
    with pytest.raises(NeverCalled):
        await waker(FakeClock(), informed_at=None).wake("r1")
    with pytest.raises(NotToBeWoken) as caught:
        await waker(FakeClock(), cr_password="").wake("r1")
    assert not isinstance(caught.value, NeverCalled)


@pytest.mark.parametrize(("status", "again"), [(401, True), (503, False), (404, False)])
async def test_a_password_that_is_refused_is_set_anew(status, again):
    async def asks(*given, **more):
        _judge(status, challenged=True)

    rotation = Rotation()
    with pytest.raises(RouterUnreachable):
        await waker(FakeClock(), rotation, asks).wake("r1")
    known = KnownCpe(router_id="r1", router_name="n", subscriber_ref="s", device_key="k", cr_password="p")
    inform = Inform(manufacturer="", device=None, events=())
    contact = Contact(
        router_id="r1", device=None, root="Device.", namespace="", identity="", quirks=Quirks(), inform=inform
    )
    assert rotation.due(known, contact) is again


def test_the_next_periodic_inform():
    clock = FakeClock()
    woken = waker(clock)
    clock.advance(100)
    assert woken.expected_in("r1") == 200
    clock.advance(250)
    assert woken.expected_in("r1") == 250, "it missed one"
    assert waker(clock, inform_seconds=None).expected_in("r1") is None
    assert waker(clock, informed_at=None).expected_in("r1") is None
    assert woken.expected_in("r9") is None
