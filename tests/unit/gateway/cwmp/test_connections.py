"""A connection without a socket: what it hands on, when it gives up, and that nothing follows a cut."""

import asyncio

import pytest

from gateway.cwmp.connections import NEVER, Connection
from gateway.cwmp.limits import Limits

POST = b"POST /acs HTTP/1.1\r\nHost: x\r\n"
EMPTY = POST + b"Content-Length: 0\r\n\r\n"


class MemoryTransport(asyncio.Transport):
    """Keeps what is written; closing takes effect at once."""

    def __init__(self, protocol, address="192.0.2.1"):
        super().__init__({"peername": (address, 40000)})
        self.protocol = protocol
        self.written = b""
        self.ended = ""

    def write(self, data):
        assert not self.ended
        self.written += data

    def is_closing(self):
        return bool(self.ended)

    def close(self):
        self._end("closed")

    def abort(self):
        self._end("aborted")

    def _end(self, how):
        if not self.ended:
            self.ended = how
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class FakeOwner:
    limits = Limits(head_seconds=10, body_seconds=30, idle_seconds=60, stranger_body=1000, body=5000)

    def __init__(self, *, room=True):
        self.room = room
        self.requests = []
        self.errors = []
        self.gone = 0

    def opened(self, connection):
        if not self.room:
            connection.turn_away(503, [("Retry-After", "30")])
        return self.room

    def roomy(self, connection):
        return False

    def asked(self, connection, request):
        self.requests.append(request)

    def broken(self, connection, error):
        self.errors.append(error.status)

    def closed(self, connection):
        self.gone += 1


@pytest.fixture
async def owner():
    return FakeOwner()


def connect(owner, address="192.0.2.1"):
    connection = Connection(owner, tls=False)
    transport = MemoryTransport(connection, address)
    connection.connection_made(transport)
    return connection, transport


async def test_a_request_in_pieces(owner):
    connection, transport = connect(owner)
    for byte in EMPTY:
        connection.data_received(bytes([byte]))
    assert [request.method for request in owner.requests] == ["POST"]
    assert connection.waiting
    assert connection.answer(204)
    assert transport.written == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert not connection.answer(204), "once"
    assert not transport.ended


async def test_the_address_is_without_a_port_and_ipv4_is_ipv4(owner):
    assert connect(owner, "::ffff:192.0.2.5")[0].address == "192.0.2.5"


async def test_what_the_client_wants_closed_is_closed(owner):
    connection, transport = connect(owner)
    connection.data_received(POST + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    connection.answer(204)
    assert transport.ended == "closed"
    assert connection.closes
    await asyncio.sleep(0)
    assert owner.gone == 1


async def test_nobody_hears_an_answer_after_the_end(owner):
    connection, transport = connect(owner)
    connection.data_received(EMPTY)
    connection.connection_lost(None)
    assert not connection.waiting
    assert not connection.answer(200, body=b"secret")
    assert transport.written == b""


async def test_nothing_follows_a_cut(owner):
    connection, transport = connect(owner)
    connection.data_received(EMPTY)
    connection.abort()
    assert not connection.answer(200, body=b"secret")
    connection.data_received(EMPTY)
    assert transport.written == b""
    assert transport.ended == "aborted"
    assert len(owner.requests) == 1


async def test_a_second_request_before_the_answer(owner):
    connection, transport = connect(owner)
    connection.data_received(EMPTY)
    connection.data_received(EMPTY)
    assert owner.errors == [400]
    assert transport.written.startswith(b"HTTP/1.1 400 ")
    assert transport.ended == "closed"
    assert not connection.waiting


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", 400),
        (POST + b"Content-Length: 1001\r\n\r\n", 413),
        (POST + b"X: " + b"x" * 20_000, 431),
        (POST.replace(b"1.1", b"2.0") + b"\r\n", 505),
    ],
    ids=["TLS", "long body", "long head", "version"],
)
async def test_what_is_no_request_here(owner, sent, status):
    connection, transport = connect(owner)
    connection.data_received(sent)
    assert owner.errors == [status]
    assert transport.written.startswith(b"HTTP/1.1 %d " % status)
    assert transport.ended == "closed"


async def test_longer_bodies_once_somebody_signed_in(owner):
    connection, _ = connect(owner)
    connection.roomy()
    connection.data_received(POST + b"Content-Length: 4000\r\n\r\n" + b"x" * 4000)
    assert len(owner.requests[0].body) == 4000


async def test_turned_away_unread():
    owner = FakeOwner(room=False)
    connection, transport = connect(owner)
    connection.data_received(EMPTY)
    assert b"503 Service Unavailable\r\nRetry-After: 30\r\n" in transport.written
    assert owner.requests == []


async def test_deadlines(owner):
    loop = asyncio.get_running_loop()
    connection, _ = connect(owner)

    def left():
        return round(connection.deadline - loop.time())

    assert left() == 10
    connection.data_received(POST)
    assert left() == 10
    connection.deadline -= 4
    connection.data_received(b"Content-Le")
    assert left() == 6, "bytes of the head give no more time"
    connection.data_received(b"ngth: 10\r\n\r\nab")
    assert left() == 30
    connection.deadline -= 4
    connection.data_received(b"cd")
    assert left() == 26, "nor do those of the body"
    connection.data_received(b"efghij")
    assert connection.deadline == NEVER, "now it is our turn"
    connection.answer(200, body=b"x")
    assert left() == 60


async def test_what_expires(owner):
    silent, silent_transport = connect(owner)
    silent.expired()
    assert (silent_transport.written, silent_transport.ended) == (b"", "aborted")
    slow, slow_transport = connect(owner)
    slow.data_received(POST)
    slow.expired()
    assert slow_transport.written.startswith(b"HTTP/1.1 408 ")
    await asyncio.sleep(0)
    assert slow_transport.ended == "aborted"


async def test_expect_is_answered_once(owner):
    connection, transport = connect(owner)
    connection.data_received(POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    connection.data_received(b"ab")
    assert transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.data_received(b"cd")
    assert owner.requests[0].body == b"abcd"


async def test_a_body_that_is_longer_than_it_says(owner):
    """Quirk 20: the owner cannot read it, and asks for the rest."""
    connection, _ = connect(owner)
    body = f"<Envelope>{'x' * 80}ü</Envelope>".encode()
    connection.data_received(POST + b"Content-Length: %d\r\n\r\n" % (len(body) - 1) + body[:-1])
    assert connection.wait_for_rest()
    assert not connection.waiting
    connection.data_received(body[-1:])
    assert connection.lengthened
    assert [request.body for request in owner.requests] == [body[:-1], body]
    assert not connection.wait_for_rest(), "only once"
    connection.answer(200)
    assert not connection.lengthened


@pytest.mark.parametrize(
    ("body", "stays"),
    [
        (b"<s:Envelope>\xc3\xbc</s:Envelope>", True),
        (b"<s:Envelope>\xc3\xbc</s:Envelope> \r\n", True),
        (b"<s:Envelope>\xc3\xbc</s:Envelope", False),
        (b"<s:Envelope>\xc3", False),
        (b"anything", True),
        (b"", True),
    ],
)
async def test_a_challenge_to_a_body_that_goes_on_closes(owner, body, stays):
    """What follows would be taken for the next request."""
    connection, transport = connect(owner)
    connection.data_received(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    connection.answer(401, [("WWW-Authenticate", "Basic realm=x")])
    assert (b"Connection: close" in transport.written, transport.ended) == ((False, "") if stays else (True, "closed"))
    if not stays:
        connection.data_received(b"elope>")
        assert transport.written.count(b"HTTP/1.1 ") == 1
        assert owner.errors == []


async def test_answers_are_coded_as_the_question_was(owner):
    import gzip

    connection, transport = connect(owner)
    body = gzip.compress(b"<x/>")
    connection.data_received(POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert owner.requests[0].body == b"<x/>"
    connection.answer(200, body=b"<y/>")
    head, _, coded = transport.written.partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert gzip.decompress(coded) == b"<y/>"
