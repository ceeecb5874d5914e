"""Nothing anybody posts, in any order, makes a stranger a session; what was used once is used up."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cwmp.lanes import TURN_SECONDS
from gateway.cwmp.reception import LONGEST_IN_TURN
from tests.raw_cpe import RawCpe, envelope
from tests.unit.gateway.cwmp.reception_stage import House, post

CPE = RawCpe(0, serial="A1")
BODIES = {
    "inform": CPE.inform_xml(),
    "boot": CPE.inform_xml("1 BOOT", ("M Reboot", "k")),
    "unknown": RawCpe(0, serial="B2").inform_xml(),
    "empty": "",
    "methods": envelope("<cwmp:GetRPCMethods/>"),
    "transfer": envelope("<cwmp:TransferComplete><CommandKey>k</CommandKey></cwmp:TransferComplete>"),
    "answer": envelope("<cwmp:RebootResponse/>"),
    "rpc": envelope("<cwmp:FactoryReset/>"),
    "garbage": "<soap",
}
COOKIES = ["", "Cookie: session=" + "0" * 32 + "\r\n", "Cookie: x\r\n"]


@given(st.lists(st.tuples(st.sampled_from([*BODIES, "lose"]), st.sampled_from([None, b"x"]), st.sampled_from(COOKIES))))
async def test_no_order_of_posts_makes_a_stranger_a_session(steps):
    house = House()
    cpe = house.caller()
    for what, password, cookie in steps:
        if what == "lose":
            cpe.lose()
            continue
        statuses = cpe.send(post(BODIES[what], password, cookie))
        if what == "garbage" and not statuses:  # the rest of it may be on its way
            statuses = cpe.expire()
        [status] = statuses
        assert status in (400, 401, 503)
        assert len(house.reception.sessions) == 0
    assert house.journal.informs == []
    assert house.directory.by_router("r1").informed_at is None


@given(st.lists(st.tuples(st.sampled_from([*BODIES, "lose"]), st.sampled_from([None, b"p", b"x"]))))
async def test_no_order_of_posts_of_a_customer_breaks_anything(steps):
    house = House()
    cpe = house.caller()
    for what, password in steps:
        if what == "lose":
            cpe.lose()
            continue
        statuses = cpe.send(post(BODIES[what], password))
        for _ in range(4):  # what is recorded first is answered a little later
            await asyncio.sleep(0)
        assert 500 not in statuses
        assert len(house.reception.sessions) <= 1
    cpe.lose()
    for _ in range(4):
        await asyncio.sleep(0)
    await house.reception.stop()
    assert len(house.reception.sessions) == 0


@given(st.binary(max_size=300), st.booleans())
async def test_no_bytes_break_anything(data, begun):
    house = House()
    statuses = house.caller().send((b"POST / HTTP/1.1\r\n" * begun) + data)
    assert all(400 <= status < 500 or status == 505 for status in statuses)
    assert len(house.reception.sessions) == 0


# --- a digest is good for once ----------------------------------------------------------------------------------------

INFORM, EMPTY = CPE.inform_xml(), ""


@pytest.mark.parametrize("qop", [True, False], ids=["qop", "as in RFC 2069"])
async def test_a_captured_digest_begins_no_session_on_another_connection(qop):
    house = House()
    cpe, thief = house.caller(), house.caller()
    signed = cpe.digest(qop=qop)
    assert cpe.send(post(INFORM, extra=signed)) == [200]
    session = house.reception.sessions.of("r1")
    assert thief.send(post(INFORM, extra=signed)) == [401]
    assert b"stale=true" in thief.transport.written
    assert house.reception.sessions.of("r1") is session, "it goes on undisturbed"
    assert cpe.send(post(EMPTY)) == [204]
    assert thief.send(post(INFORM, extra=signed)) == [401], "nor when it is over"
    assert house.journal.refusals == [], "that is no wrong password"


@pytest.mark.parametrize("qop", [True, False], ids=["qop", "as in RFC 2069"])
async def test_who_is_told_that_it_is_stale_signs_in_by_the_new_nonce(qop):
    house = House()
    cpe = house.caller()
    first, second = cpe.digest(qop=qop), cpe.digest(qop=qop)
    assert first != second, "in the same second too"
    assert cpe.send(post(INFORM, extra=first)) == [200]
    cpe.lose()
    assert cpe.send(post(INFORM, extra=first)) == [401]
    assert cpe.send(post(INFORM, extra=second)) == [200]


async def test_a_cpe_that_repeats_its_authorization_on_its_connection_is_let_in_again():
    house = House()
    cpe = house.caller()
    signed = cpe.digest()
    for _ in range(3):
        assert cpe.send(post(INFORM, extra=signed)) == [200]
    assert cpe.send(post(EMPTY, extra=signed)) == [204]


async def test_a_connection_for_each_post_with_the_same_authorization():
    """Within its session that is good, for its connection is gone; nobody else gets in with it while it is there."""
    house = House()
    cpe, thief = house.caller(), house.caller()
    signed = cpe.digest()
    assert cpe.send(post(INFORM, extra=signed)) == [200]
    assert thief.send(post(EMPTY, extra=signed)) == [401]
    for _ in range(2):
        cpe.lose()
        assert cpe.send(post(envelope("<cwmp:GetRPCMethods/>"), extra=signed)) == [200]
    cpe.lose()
    assert cpe.send(post(EMPTY, extra=signed)) == [204]
    assert cpe.send(post(INFORM, extra=signed)) == [401], "that would be another session"


# --- many wrong ones --------------------------------------------------------------------------------------------------


async def test_a_right_password_gets_in_whatever_others_of_its_address_tried():
    house = House(failures_per_minute=3)
    for _ in range(5):
        guess = house.caller()
        guess.send(post(INFORM, b"x"))
        await turn()
    cpe = house.caller()
    cpe.send(post(INFORM, b"p"))
    await turn()
    assert len(house.reception.sessions) == 1
    assert [why for why, _, _ in house.journal.refusals] == ["credentials", "too many"], "the others are counted"


async def test_guesses_wait_for_their_turn_and_who_hangs_up_loses_it():
    house = House(failures_per_minute=1)
    assert house.caller().send(post(INFORM, b"x")) == [401]
    assert house.caller().send(post(INFORM, b"x")) == [401], "nobody was before"
    guesses = [house.caller() for _ in range(20)]
    assert [guess.send(post(INFORM, b"x")) for guess in guesses] == [[]] * 20
    for guess in guesses:
        guess.lose()
    cpe = house.caller()
    cpe.send(post(INFORM, b"p"))
    await turn()
    assert len(house.reception.sessions) == 1, "twenty turns would have taken longer"


async def test_a_session_is_no_way_to_guess_faster():
    house = House(failures_per_minute=1)
    cpe = house.caller()
    assert cpe.send(post(INFORM, b"p")) == [200]
    assert house.caller().send(post(INFORM, b"x")) == [401]
    assert house.caller().send(post(INFORM, b"x")) == [401]
    assert cpe.send(post(RawCpe(0, serial="B2").inform_xml(), b"x")) == [], "it waits for its turn too"


async def test_what_waits_for_its_turn_is_short():
    house = House(failures_per_minute=1)
    assert house.caller().send(post(INFORM, b"x")) == [401]
    assert house.caller().send(post(INFORM + " " * LONGEST_IN_TURN, b"p")) == [503]


async def turn():
    """Until the next one has had its turn."""
    await asyncio.sleep(TURN_SECONDS * 1.5)
