"""HTTP is read in exactly one way or refused, whatever pieces it comes in, at a cost that grows with its size."""

import gzip
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cwmp.wire.http import (
    MOST_LEFT_OVER,
    RequestParser,
    ResponseParser,
    encode_request,
    encode_response,
)
from drivers.cwmp.wire.http_body import MOST_CHUNKS, inflate
from drivers.cwmp.wire.http_head import MOST_FIELDS, MOST_HEAD_BYTES
from drivers.errors import BadHttp

ENVELOPE = b"<soap:Envelope>\xc3\xa9</soap:Envelope>"


def post(body: bytes = ENVELOPE, *more: bytes, version: bytes = b"1.1", length: int | None = None) -> bytes:
    lines = [b"POST /acs HTTP/" + version, b"Host: acs.example:7547", *more]
    return b"\r\n".join([*lines, b"Content-Length: %d" % (len(body) if length is None else length), b"", body])


def chunked(*chunks: bytes, trailer: bytes = b"\r\n") -> bytes:
    head = b"POST /acs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailer


def read(raw: bytes, **options):
    [request] = RequestParser(**options).feed(raw)
    return request


def refused(raw: bytes, **options) -> int:
    with pytest.raises(BadHttp) as caught:
        parser = RequestParser(**options)
        parser.feed(raw)
        parser.feed()
    assert str(caught.value).endswith(".")
    return caught.value.status


# --- what is taken ----------------------------------------------------------------------------------------------------


def test_a_post_is_read():
    request = read(post(ENVELOPE, b"SOAPAction:", b"X-A:  one \t", b"x-a: two"))
    assert (request.method, request.target, request.version, request.body) == ("POST", "/acs", "1.1", ENVELOPE)
    assert (request.header("host"), request.header("soapaction"), request.header("none")) == (
        "acs.example:7547",
        "",
        None,
    )
    assert request.all("x-a") == ("one", "two")
    assert request.keep_alive
    assert not request.expect_continue
    assert request.coding == ""


def test_an_empty_post_is_empty():
    assert read(post(b"")).body == b""
    assert read(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n").body == b""


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [
        (b"1.1", None, True),
        (b"1.1", b"close", False),
        (b"1.1", b"Keep-Alive, Close", False),
        (b"1.0", None, False),
        (b"1.0", b"Keep-Alive", True),
        (b"1.0", b"keep-alive, close", False),
        (b"1.7", None, True),
    ],
)
def test_who_may_keep_the_connection(version, connection, stays):
    more = [] if connection is None else [b"Connection: " + connection]
    assert read(post(b"", *more, version=version)).keep_alive is stays


@pytest.mark.parametrize(
    "raw",
    [
        chunked(ENVELOPE),
        chunked(ENVELOPE[:3], ENVELOPE[3:]),
        chunked(ENVELOPE, trailer=b"X-Sum: 1\r\nX-B: 2\r\n\r\n"),
        chunked(ENVELOPE).replace(b"\r\n0\r\n", b'\r\n000;last="yes"\r\n'),
        chunked(ENVELOPE).replace(b"chunked", b"Chunked"),
        post(ENVELOPE).replace(b"\r\n", b"\n"),
        b"\r\n\n" + post(ENVELOPE),
        post(ENVELOPE, b"Content-Length: %d" % len(ENVELOPE)),
        post(ENVELOPE).replace(b"Content-Length: ", b"Content-Length: 36,").replace(b"36", b"%d" % len(ENVELOPE)),
        post(gzip.compress(ENVELOPE, mtime=0), b"Content-Encoding: gzip"),
        post(gzip.compress(ENVELOPE, mtime=0), b"Content-Encoding: X-GZIP"),
        post(zlib.compress(ENVELOPE), b"Content-Encoding: deflate"),
        post(zlib.compress(ENVELOPE)[2:-4], b"Content-Encoding: deflate"),
        post(ENVELOPE, b"Content-Encoding: identity"),
        post(ENVELOPE, b"Expect: 100-continue", version=b"1.0"),
    ],
)
def test_however_it_is_framed_and_cut_the_body_is_the_same(raw):
    assert read(raw).body == ENVELOPE
    parser = RequestParser()
    found = [request for at in range(len(raw)) for request in parser.feed(raw[at : at + 1])]
    assert [request.body for request in found] == [ENVELOPE]
    assert parser.idle


def test_the_answer_uses_the_coding_of_the_request():
    request = read(post(gzip.compress(ENVELOPE, mtime=0), b"Content-Encoding: gzip"))
    raw = encode_response(200, [("Content-Type", "text/xml")], ENVELOPE, keep_alive=True, coding=request.coding)
    answer = ResponseParser().feed(raw)
    assert answer is not None
    assert (answer.body, answer.coding) == (ENVELOPE, "gzip")


def test_the_head_can_be_judged_before_the_body_is_there():
    parser = RequestParser()
    raw = post(ENVELOPE, b"Expect: 100-Continue")
    assert parser.feed(raw[:-20]) == []
    assert parser.head is not None
    assert (parser.head.header("host"), parser.head.body) == ("acs.example:7547", b"")
    assert len(parser.feed(raw[-20:])) == 1
    assert parser.head is None


def test_an_interim_answer_is_wanted_once_and_only_before_the_body():
    head, body = post(ENVELOPE, b"Expect: 100-continue")[: -len(ENVELOPE)], ENVELOPE
    parser = RequestParser()
    parser.feed(head)
    assert [parser.wants_continue(), parser.wants_continue()] == [True, False]
    [request] = parser.feed(body)
    assert request.expect_continue
    assert not parser.wants_continue()
    parser.feed(head + body[:1])
    assert not parser.wants_continue()
    assert not RequestParser().wants_continue()
    empty = RequestParser()
    empty.feed(post(b"", b"Expect: 100-continue"))
    assert not empty.wants_continue()


def test_a_second_request_waits_for_its_turn():
    parser = RequestParser()
    [first] = parser.feed(post(b"one") + post(b"two") + b"\r\n" + post(b"three"))
    assert first.body == b"one"
    assert parser.left_over.startswith(b"POST")
    assert not parser.idle
    assert [request.body for _ in range(2) for request in parser.feed()] == [b"two", b"three"]
    assert parser.feed() == []
    assert parser.idle


def test_only_so_much_may_wait():
    assert refused(post(b"one") + post(b"x" * MOST_LEFT_OVER)) == 400


# --- what is refused --------------------------------------------------------------------------------------------------


def field(line: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("status", "raw"),
    [
        (400, b"<soap:Envelope>"),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01"),
        (400, b"get / HTTP/1.1\r\n\r\n"),
        (400, b"GET /\r\n\r\n"),
        (400, b"GET  / HTTP/1.1\r\n\r\n"),
        (400, b"GET / HTTP/1.1 \r\n\r\n"),
        (400, b"GET / http/1.1\r\n\r\n"),
        (400, b"GET /\xe9 HTTP/1.1\r\n\r\n"),
        (400, b"GET / HTTP/1.10\r\n\r\n"),
        (505, b"GET / HTTP/2.0\r\n\r\n"),
        (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (505, b"GET / HTTP/0.9\r\n\r\n"),
        (400, field(b"X : y")),
        (400, field(b": y")),
        (400, field(b"X y")),
        (400, field(b" X: y")),
        (400, field(b"X: a\r\n b")),
        (400, field(b"X: a\r\n\tb")),
        (400, field(b"X: a\x00b")),
        (400, field(b"X: a\x0bb")),
        (400, field(b"X: a\rb: c")),
        (400, field(b"X: a\nB: c")),
        (400, b"GET / HTTP/1.1\nX: a\r\nY: b\n\n"),
        (400, b"GET / HTTP/1.1\r\nX: a\n\nGET / HTTP/1.1\r\n\r\n"),
        (400, field(b"Host: b")),
        (400, field(b"Content-Length: -1")),
        (400, field(b"Content-Length: +1")),
        (400, field(b"Content-Length: 0x10")),
        (400, field(b"Content-Length: 1_0")),
        (400, field(b"Content-Length: 1 0")),
        (400, field(b"Content-Length: \xb2")),
        (400, field(b"Content-Length:")),
        (400, field(b"Content-Length: 5\r\nContent-Length: 6")),
        (400, field(b"Content-Length: 5, 6")),
        (400, field(b"Content-Length: 5,")),
        (400, field(b"Content-Length: 9999999999999999")),
        (400, field(b"Content-Length: 0\r\nTransfer-Encoding: chunked")),
        (400, field(b"Transfer-Encoding: chunked, chunked")),
        (400, field(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")),
        (400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (501, field(b"Transfer-Encoding: gzip, chunked")),
        (501, field(b"Transfer-Encoding: identity")),
        (501, field(b"Transfer-Encoding: xchunked")),
        (501, field(b'Transfer-Encoding: "chunked"')),
        (501, field(b"Transfer-Encoding:")),
        (411, b"POST / HTTP/1.1\r\n\r\n<soap:Envelope>"),
        (411, b"POST / HTTP/1.1\r\nContent-Type: text/xml\r\n\r\n"),
        (415, field(b"Content-Encoding: br")),
        (415, field(b"Content-Encoding: gzip, gzip")),
        (417, field(b"Expect: 200-ok")),
        (413, post(b"", length=8 * 1024 * 1024 + 1)),
        (431, b"GET / HTTP/1.1\r\nX: " + b"a" * MOST_HEAD_BYTES),
        (431, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (MOST_FIELDS + 1) + b"\r\n"),
        (431, b"GET /" + b"a" * MOST_HEAD_BYTES),
        (400, chunked(b"abc").replace(b"3\r\n", b"2\r\n")),
        (400, chunked(b"abc").replace(b"3\r\n", b"4\r\n", 1)),
        (400, chunked(b"abc").replace(b"3\r\n", b"-3\r\n", 1)),
        (400, chunked(b"abc").replace(b"3\r\n", b"+3\r\n", 1)),
        (400, chunked(b"abc").replace(b"3\r\n", b"0x3\r\n", 1)),
        (400, chunked(b"abc").replace(b"3\r\n", b" 3\r\n", 1)),
        (400, chunked(b"abc").replace(b"3\r\n", b"3\nx\r\n", 1)),
        (400, chunked(b"abc").replace(b"3\r\n", b"\r\n", 1)),
        (400, chunked(b"abc").replace(b"3\r\n", b"000000003\r\n", 1)),
        (400, chunked(b"abc").replace(b"3\r\n", b"3;" + b"x" * 300, 1)),
        (400, chunked(trailer=b"X y\r\n\r\n")),
        (400, chunked(trailer=b"X: a\r\n b\r\n\r\n")),
        (431, chunked(trailer=b"X: " + b"a" * 5000)),
        (413, chunked(b"a").replace(b"1\r\na", b"ffffffff\r\na")),
    ],
)
def test_what_could_be_read_in_two_ways_or_is_too_much_is_refused(status, raw):
    assert refused(raw) == status


def test_an_unframed_post_with_a_body_is_never_an_empty_one():
    parser = RequestParser()
    assert parser.feed(b"POST / HTTP/1.1\r\nHost: a\r\n\r") == []
    with pytest.raises(BadHttp) as caught:
        parser.feed(b"\n<soap:Envelope>")
    assert caught.value.status == 411


def test_many_tiny_chunks_are_too_many():
    raw = chunked(*[b"a"] * (MOST_CHUNKS + 1))
    assert refused(raw) == 413
    assert len(read(chunked(*[b"a"] * 5000)).body) == 5000


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_is_not_inflated(coding):
    packer = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    bomb = packer.compress(bytes(64 * 1024 * 1024)) + packer.flush()
    assert len(bomb) < 100_000
    assert refused(post(bomb, b"Content-Encoding: " + coding.encode())) == 413


@pytest.mark.parametrize(
    "body",
    [
        b"no gzip",
        gzip.compress(ENVELOPE, mtime=0)[:-3],
        gzip.compress(ENVELOPE, mtime=0) + b"x",
        gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0),
    ],
)
def test_a_compressed_body_is_whole_and_alone(body):
    assert refused(post(body, b"Content-Encoding: gzip")) == 400


def test_an_empty_body_with_a_coding_is_empty():
    assert read(post(b"", b"Content-Encoding: gzip")).body == b""


# --- quirk 20: lengths that count characters --------------------------------------------------------------------------


def short(body: bytes) -> bytes:
    return post(body, length=len(body.decode()))


def test_a_short_length_is_refused_unless_the_model_is_known_for_it():
    parser = RequestParser()
    [request] = parser.feed(short(ENVELOPE))
    assert request.body == ENVELOPE[:-1]
    assert parser.left_over == b">"
    with pytest.raises(BadHttp, match="longer than its Content-Length"):
        parser.feed()


def test_a_short_length_is_made_good_up_to_the_end_of_the_envelope():
    body = b"<soap:Envelope>" + "é€".encode() * 40 + b"</soap:Envelope>"
    raw = short(body)
    for cut in range(len(raw) - 60, len(raw) + 1):
        parser = RequestParser()
        found = parser.feed(raw[:cut])
        if not found:
            continue
        longer = parser.lengthen(found[0])
        if longer is None:
            longer = parser.lengthen(found[0], raw[cut:])
        assert longer is not None
        assert longer.body == body
        assert parser.left_over in (b"", raw[cut:])


@pytest.mark.parametrize("body", ["<a:Envelope>é</a:Envelope>", "<Envelope>ééé</Envelope\n>", "é<Envelope></Envelope>"])
def test_a_short_envelope_is_made_good_too(body):
    raw = short(body.encode())
    parser = RequestParser()
    [request] = parser.feed(raw)
    longer = parser.lengthen(request)
    assert longer is not None
    assert longer.body == body.encode()
    assert parser.idle


def test_the_end_of_an_envelope_may_drip_in():
    body = "<Envelope>" + "é" * 400 + "</Envelope >"
    raw, parser = short(body.encode()), RequestParser()
    [request] = parser.feed(raw[:-400])
    found = [parser.lengthen(request, raw[at : at + 1]) for at in range(len(raw) - 400, len(raw))]
    assert [each.body for each in found if each is not None] == [body.encode()]
    assert found[-1] is not None
    assert len(parser.feed(post())) == 1


def test_a_whole_envelope_is_not_made_longer():
    parser = RequestParser()
    [request] = parser.feed(post(ENVELOPE + b"\r\n") + post(ENVELOPE))
    assert parser.lengthen(request) is request
    assert parser.left_over == post(ENVELOPE)


def test_an_envelope_without_an_end_is_given_up():
    parser = RequestParser()
    [request] = parser.feed(post(b"<a>"))
    assert parser.lengthen(request, b"x" * 100) is None
    with pytest.raises(BadHttp, match="no end"):
        parser.lengthen(request, b"x" * MOST_LEFT_OVER)
    [packed] = RequestParser().feed(post(gzip.compress(b"<a>", mtime=0), b"Content-Encoding: gzip"))
    with pytest.raises(BadHttp, match="compressed"):
        RequestParser().lengthen(packed)


# --- responses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "status", "body", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc", True),
        (b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, b"abc", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, b"", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", False),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            401,
            b"",
            False,
        ),
        (b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", 503, b"", True),
    ],
)
def test_responses_are_read(raw, status, body, keeps):
    parser = ResponseParser()
    found = [response for at in range(len(raw)) if (response := parser.feed(raw[at : at + 1]))]
    assert [(each.status, each.body, each.keep_alive) for each in found] == [(status, body, keeps)]
    assert parser.left_over == b""


def test_a_response_may_end_with_its_connection():
    parser = ResponseParser()
    assert parser.feed(b"HTTP/1.1 200 OK\r\nWWW-Authenticate: a\r\nWWW-Authenticate: b\r\n\r\nab") is None
    assert parser.head is not None
    assert parser.feed(b"c") is None
    response = parser.finish()
    assert response is not None
    assert (response.body, response.keep_alive, response.all("www-authenticate")) == (b"abc", False, ("a", "b"))
    assert response.header("www-authenticate") == "a"


def test_a_response_that_is_cut_off_is_no_response():
    assert ResponseParser().finish() is None
    for raw in (b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"):
        parser = ResponseParser()
        parser.feed(raw)
        with pytest.raises(BadHttp, match="inside the answer"):
            parser.finish()


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 9,
        b"HTTP/1.1 999 X\r\n\r\n",
        b"HTTP/1.1 20 X\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (8 * 1024 * 1024 + 1),
    ],
)
def test_a_bad_response_is_refused(raw):
    with pytest.raises(BadHttp):
        ResponseParser().feed(raw)


def test_the_answer_to_head_has_no_body():
    response = ResponseParser("HEAD").feed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
    assert response is not None
    assert response.body == b""


# --- writing ----------------------------------------------------------------------------------------------------------


def test_what_is_written():
    assert encode_response(204, keep_alive=False) == b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
    assert encode_response(200, [("A", "b")], b"xy", keep_alive=True, version="1.0") == (
        b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nxy"
    )
    assert encode_request("GET", "/a?b", host="h:1") == b"GET /a?b HTTP/1.1\r\nHost: h:1\r\n\r\n"
    assert encode_request("POST", "/", [("A", "b")], host="h", keep_alive=False) == (
        b"POST / HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("bad", ["a\r\nX: y", "a\nb", "a\x00"])
def test_no_second_header_can_be_smuggled_into_what_is_written(bad):
    with pytest.raises(ValueError, match="control character"):
        encode_response(200, [("A", bad)], keep_alive=True)
    with pytest.raises(ValueError, match="control character"):
        encode_request("GET", "/", [("A", bad)], host="h")
    for target in ("/ HTTP/1.1", "", "/" + bad):
        with pytest.raises(ValueError, match="target"):
            encode_request("GET", target, host="h")


# --- properties -------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        *(
            b"POST / HTTP/1.1\r\n",
            b"GET /x HTTP/1.0\r\n",
            b"\r\n",
            b"\n",
            b"\r",
            b"Content-Length: 3\r\n",
            b"abc",
            b"0",
        ),
        *(b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n", b"0\r\n", b"Expect: 100-continue\r\n", b"X: y\r\n", b"0"),
        *(b"Content-Encoding: gzip\r\n", b"\xff", b"Content-Length: 0\r\n", b"Envelope>", b"Connection: close\r\n"),
    ]
)


def outcome(pieces: list[bytes]) -> tuple[list, object]:
    parser, found = RequestParser(), []
    try:
        for piece in pieces:
            found += parser.feed(piece)
            while parser.left_over and (more := parser.feed()):
                found += more
    except BadHttp as error:
        return found, (error.status, "refused")
    return found, (parser.idle, parser.head)


@given(st.lists(WORDS, max_size=14).map(b"".join), st.data())
def test_how_it_is_cut_changes_nothing(raw, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    whole, cut, single = outcome([raw]), outcome(pieces), outcome([raw[at : at + 1] for at in range(len(raw))])
    assert whole[0][: len(cut[0])] == cut[0][: len(whole[0])]
    if b"POST" not in raw:  # an unframed POST is refused if something is behind it, and that may come later
        assert whole == cut == single


@given(st.binary(max_size=300))
def test_chunks_of_any_bytes_come_back(data):
    cut = len(data) // 2
    pieces = [piece for piece in (data[:cut], data[cut:]) if piece]
    assert read(chunked(*pieces)).body == data
    assert read(post(data)).body == data


def seconds(raw: bytes, size: int) -> float:
    best = float("inf")
    for _ in range(3):
        parser, start = RequestParser(), time.process_time()
        for at in range(0, len(raw), size):
            parser.feed(raw[at : at + size])
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize(
    "make",
    [
        lambda size: post(b"x" * size),
        lambda size: chunked(b"x" * size),
        lambda size: chunked(*[b"x" * 8] * (size // 8)),
    ],
    ids=["length", "one chunk", "many chunks"],
)
def test_byte_by_byte_costs_no_more_for_a_byte_of_a_long_body(make):
    """A ratio, so that a busy machine changes nothing: quadratic time would be 8 times as much a byte."""
    short_one, long_one = make(20_000), make(160_000)
    rates = [seconds(raw, 1) / len(raw) for raw in (short_one, long_one)]
    assert rates[1] < 4 * rates[0]


@given(st.binary(max_size=200))
def test_inflating_garbage_is_refused_or_bounded(data):
    for coding in ("gzip", "deflate"):
        try:
            assert len(inflate(data, coding, 100)) <= max(100, 0)
        except BadHttp as error:
            assert error.status in (400, 413)
