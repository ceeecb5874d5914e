"""One session for each device; whoever may end one, it is over at once."""

import asyncio

from tests.raw_cpe import RawCpe, envelope
from tests.unit.gateway.cwmp.reception_stage import House, post

INFORM = RawCpe(0, serial="A1").inform_xml()


async def test_a_newer_session_takes_the_place_of_an_older():
    house = House()
    old, new = house.caller(), house.caller()
    assert old.send(post(INFORM, b"p")) == [200]
    first = house.reception.sessions.of("r1")
    assert new.send(post(INFORM, b"p")) == [200]
    assert house.reception.sessions.of("r1") is not first
    assert len(house.reception.sessions) == 1
    assert first.over
    assert old.transport.ended


async def test_a_cut_ends_the_session_and_its_connection_at_once():
    house = House()
    cpe = house.caller()
    cpe.send(post(INFORM, b"p"))
    attaching = asyncio.create_task(house.hub.attach("r1", seconds=5, wake=False))
    await asyncio.sleep(0)
    assert cpe.send(post("")) == [], "it is held"
    for _ in range(3):
        await asyncio.sleep(0)
    link = await attaching
    written = len(cpe.transport.written)
    house.reception.sessions.cut("r1", "Its sign-in was changed.")
    assert cpe.transport.ended
    assert len(cpe.transport.written) == written, "not a byte more"
    assert not link.alive
    assert len(house.reception.sessions) == 0
    house.reception.sessions.cut("r1", "Once more.")
    house.reception.sessions.cut("r2", "Nobody.")


async def test_after_a_cut_nobody_goes_on_with_its_cookie_or_sign_in():
    house = House()
    cpe = house.caller()
    signed = cpe.digest()
    cpe.send(post(INFORM, extra=signed))
    cookie = cpe.transport.written.split(b"Set-Cookie: ")[1].split(b";")[0].decode()
    house.reception.sessions.cut("r1", "It was removed.")
    cpe.lose()
    again = post(envelope("<cwmp:GetRPCMethods/>"), extra=f"{signed}Cookie: {cookie}\r\n")
    assert cpe.send(again) == [401]
    assert cpe.send(post(INFORM, extra=signed)) == [401]


async def test_what_a_session_was_doing_is_waited_for_at_the_end():
    house = House()
    done = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            done.append(True)

    house.reception.sessions.run(work())
    await asyncio.sleep(0)
    await house.reception.sessions.stop()
    assert done == [True]


async def test_only_so_many_informs_of_one_router_are_recorded():
    house = House()
    cpe = house.caller()
    boot = RawCpe(0, serial="A1").inform_xml("1 BOOT")
    for _ in range(40):
        assert cpe.send(post(boot, b"p")) == [200]
    assert len(house.journal.informs) == 30
