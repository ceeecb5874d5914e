"""A Connection Request goes to the CPE alone, answers its challenge and tells what became of it without a secret."""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from drivers.cwmp.quirks import Quirks
from drivers.cwmp.wire.connection_request import Url, check_url, wake
from drivers.cwmp.wire.digest import Challenger, Verified
from drivers.cwmp.wire.http import HttpRequest, RequestParser, encode_response
from drivers.errors import RouterUnreachable

PEER = "203.0.113.7"


@pytest.mark.parametrize(
    ("url", "peer", "expected"),
    [
        ("http://203.0.113.7:7547/a1b2c3?x=1", PEER, Url("203.0.113.7", 7547, "/a1b2c3?x=1")),
        ("HTTP://203.0.113.7:7547", PEER, Url("203.0.113.7", 7547, "/")),
        ("http://203.0.113.7:7547?q", PEER, Url("203.0.113.7", 7547, "/?q")),
        ("http://203.0.113.7/x", PEER, Url("203.0.113.7", 80, "/x")),
        ("http://[2001:db8::7]:30005/", "2001:DB8:0::7", Url("2001:db8::7", 30005, "/")),
        ("http://[::ffff:203.0.113.7]:7547/", PEER, Url("203.0.113.7", 7547, "/")),
        ("http://203.0.113.7:7547/", "::ffff:203.0.113.7", Url("203.0.113.7", 7547, "/")),
        ("http://127.0.0.1:7547/", "127.0.0.1", Url("127.0.0.1", 7547, "/")),
        ("http://[fe80::1]:7547/", "fe80::1%eth0", Url("fe80::1%eth0", 7547, "/")),
        ("http://10.20.3.4:7547/", PEER, Url("10.20.3.4", 7547, "/")),
        ("http://CPE.example.:7547/", PEER, Url("cpe.example", 7547, "/")),
    ],
)
def test_what_leads_to_the_router_is_taken(url, peer, expected):
    hosts = ("10.20.0.0/16", "cpe.example")
    assert check_url(url, peer=peer, allowed_hosts=hosts, allowed_ports=(80,)) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("", "http://", "http:///x", "//203.0.113.7:7547/", "203.0.113.7:7547", " http://203.0.113.7:7547/"),
        *("https://203.0.113.7:7547/", "ftp://203.0.113.7:7547/", "file:///etc/passwd", "gopher://203.0.113.7:7547/"),
        *("http://user@203.0.113.7:7547/", "http://203.0.113.7:7547@127.0.0.1:7547/", "http://u:p@203.0.113.7:7547/"),
        *("http://203.0.113.7:7547/#x", "http://203.0.113.7:7547#@127.0.0.1/", "http://203.0.113.7:7547\\@127.0.0.1/"),
        *(
            "http://203.0.113.7:7547/ x",
            "http://203.0.113.7:7547/\r\nX: y",
            "http://203.0.113.7:7547/é",
            "http://2\x00/",
        ),
        *('http://203.0.113.7:7547/"', "http://203.0.113.7:7547/a\\b", "http://203.0.113.7:7547/" + "a" * 1024),
        *("http://203.0.113.7:0/", "http://203.0.113.7:65536/", "http://203.0.113.7:-1/", "http://203.0.113.7:x/"),
        *("http://203.0.113.7:22/", "http://203.0.113.7:1023/", "http://203.0.113.7:/", "http://203.0.113.7:99999/"),
        *("http://203.0.113.8:7547/", "http://10.0.0.1:7547/", "http://169.254.169.254:7547/", "http://[::1]:7547/"),
        *("http://127.0.0.1:7547/", "http://0.0.0.0:7547/", "http://0:7547/", "http://224.0.0.1:7547/"),
        *("http://255.255.255.255:7547/", "http://[::]:7547/", "http://[ff02::1]:7547/", "http://[fe80::1]:7547/"),
        *("http://2130706433:7547/", "http://0x7f000001:7547/", "http://0177.0.0.1:7547/", "http://127.1:7547/"),
        *(
            "http://3405803783:7547/",
            "http://0xcb007107:7547/",
            "http://0313.0.0161.07:7547/",
            "http://203.113.7:7547/",
        ),
        *("http://203.0.113.007:7547/", "http://203.0.113.7.:7547/", "http://203.0.113.7.nip.example:7547/"),
        *(
            "http://localhost:7547/",
            "http://metadata:7547/",
            "http://cpe.example.evil:7547/",
            "http://xcpe.example:7547/",
        ),
        *("http://[203.0.113.7]:7547/", "http://[::ffff:127.0.0.1]:7547/", "http://[::ffff:7f00:1]:7547/"),
        *("http://[64:ff9b::7f00:1]:7547/", "http://[2002:7f00:1::]:7547/", "http://2001:db8::7:7547/"),
        *("http://[2001:db8::7%25eth0]:7547/", "http://[fe80::1%eth0]:7547/", "http://cpe..example:7547/"),
    ],
)
def test_what_may_lead_elsewhere_is_refused_with_the_reason(url):
    with pytest.raises(RouterUnreachable, match="Connection Request URL is not asked: ") as caught:
        check_url(url, peer=PEER, allowed_hosts=("cpe.example", "198.51.100.0/24"))
    assert "/etc/passwd" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "[::1]", "[ff02::1]"])
def test_a_list_of_everything_still_leaves_out_what_is_local(host):
    with pytest.raises(RouterUnreachable, match="local, multicast or unspecified"):
        check_url(f"http://{host}:7547/", peer=PEER, allowed_hosts=("0.0.0.0/0", "::/0"))


def test_without_an_inform_only_listed_hosts_are_asked():
    with pytest.raises(RouterUnreachable, match="neither"):
        check_url("http://203.0.113.7:7547/", peer="")


def test_the_path_is_not_shown():
    assert "a1b2" not in repr(check_url("http://203.0.113.7:7547/a1b2", peer=PEER))


# --- asking -----------------------------------------------------------------------------------------------------------


@dataclass
class Cpe:
    """A CPE's listener: what it does with each request, and what it saw."""

    challenger: Challenger = field(default_factory=lambda: Challenger(b"s" * 16, "cpe", without_qop=True))
    status: int = 200
    closes: bool = False
    """After its challenge, without saying so."""
    challenge: tuple[str, ...] | None = None
    challenge_status: int = 401
    challenge_body: bytes = b"<html>who?</html>"
    raw: bytes | None = None
    stale_first: bool = False
    silent_on_kept: bool = False
    seen: list[HttpRequest] = field(default_factory=list)
    connections: int = 0
    url: Url | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.append(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        parser = RequestParser()
        first = True
        try:
            while data := await reader.read(4096):
                for request in parser.feed(data):
                    if not first and self.silent_on_kept:
                        continue
                    first = False
                    self.seen.append(request)
                    writer.write(self.answer(request))
                    if self.closes and not request.header("authorization"):
                        writer.close()
                        return
        except ConnectionError:
            pass
        finally:
            writer.close()

    def answer(self, request: HttpRequest) -> bytes:
        if self.raw is not None:
            return self.raw
        now = time.monotonic()
        if (said := request.header("authorization")) is not None:
            verdict = self.challenger.verify(
                said, "GET", request.target, {"cr-user": "cr-password"}.get, now, "", basic=True
            )
            if isinstance(verdict, Verified) and not (self.stale_first and len(self.seen) == 2):
                return encode_response(self.status, keep_alive=False)
        offered = self.challenge or self.challenger.challenge(now, "", stale=len(self.seen) == 2 and self.stale_first)
        headers = [("WWW-Authenticate", value) for value in offered]
        return encode_response(self.challenge_status, headers, self.challenge_body, keep_alive=True)


@asynccontextmanager
async def listening(cpe: Cpe):
    server = await asyncio.start_server(cpe.start, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cpe.url = check_url(f"http://127.0.0.1:{port}/tr069?id=7", peer="127.0.0.1")
    try:
        yield cpe
    finally:
        server.close()
        for task in cpe.tasks:
            task.cancel()
        await asyncio.gather(*cpe.tasks, return_exceptions=True)
        await asyncio.sleep(0)


async def woken(cpe: Cpe, password: str = "cr-password", **more) -> None:
    async with listening(cpe):
        assert cpe.url is not None
        await wake(cpe.url, "cr-user", password, **more)


@pytest.mark.parametrize("status", [200, 204])
async def test_a_router_that_will_call_is_asked_over_one_connection(status):
    cpe = Cpe(status=status)
    await woken(cpe)
    assert cpe.connections == 1
    first, second = cpe.seen
    assert (first.method, first.target, first.body, first.header("authorization")) == ("GET", "/tr069?id=7", b"", None)
    said = second.header("authorization")
    assert 'uri="/tr069?id=7"' in said
    assert "nc=00000001" in said


@pytest.mark.parametrize("cpe", [Cpe(closes=True), Cpe(silent_on_kept=True)], ids=["closes", "silent"])
async def test_a_router_that_drops_its_connection_is_asked_over_a_second_one(cpe):
    await woken(cpe, seconds=0.4)
    assert (cpe.connections, len(cpe.seen)) == (2, 2)


async def test_a_model_that_always_closes_gets_a_fresh_connection_at_once():
    cpe = Cpe()
    await woken(cpe, quirks=Quirks(fresh_connection_request=True))
    assert cpe.connections == 2


async def test_a_nonce_that_is_too_old_is_answered_once_more():
    cpe = Cpe(stale_first=True)
    await woken(cpe)
    assert len(cpe.seen) == 3


async def test_a_challenge_without_qop_is_answered_without():
    cpe = Cpe()
    cpe.challenge = (cpe.challenger.challenge(time.monotonic(), "")[0].replace('qop="auth", ', ""),)
    await woken(cpe)
    said = cpe.seen[1].header("authorization")
    assert not any(word in said for word in ("qop", "nc=", "cnonce", "opaque"))


async def test_a_router_that_asks_for_nothing_gets_no_credential():
    cpe = Cpe(raw=b"HTTP/1.0 200 OK\r\n\r\n")
    await woken(cpe)
    assert [request.header("authorization") for request in cpe.seen] == [None]


async def test_bare_line_feeds_of_a_small_server_are_read():
    await woken(Cpe(raw=b"HTTP/1.1 204 No Content\nServer: tiny\n\n"))


async def test_a_body_that_never_comes_is_not_waited_for():
    cpe = Cpe(raw=None, challenge_body=b"")
    nonce = cpe.challenger.challenge(time.monotonic(), "")[0]
    cpe.raw = f"HTTP/1.1 401 No\r\nContent-Length: 99\r\nWWW-Authenticate: {nonce}\r\n\r\n".encode()
    with pytest.raises(RouterUnreachable, match="refused the gateway's Connection Request user"):
        await woken(cpe, seconds=0.4)
    assert cpe.connections == len(cpe.seen) == 3, "a nonce may belong to its connection, so it is answered once more"


@pytest.mark.parametrize(
    ("cpe", "sentence"),
    [
        (Cpe(status=503), "busy"),
        (Cpe(raw=b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), "busy"),
        (Cpe(status=500), "status 500"),
        (Cpe(status=404), "status 404"),
        (Cpe(status=403), "refused the gateway's Connection Request user or password .403"),
        (Cpe(raw=b"HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/\r\n\r\n"), "redirect"),
        (Cpe(raw=b"SSH-2.0-dropbear\r\n\r\n"), "does not speak HTTP"),
        (Cpe(raw=b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000), "does not speak HTTP"),
        (Cpe(challenge=("Negotiate",)), "neither Digest nor Basic"),
        (Cpe(challenge=('Basic realm="cpe"',)), "not done here .basic."),
        (Cpe(challenge=('Digest realm="x", nonce="y", algorithm=SHA-512-256',)), "not done here .digest."),
    ],
)
async def test_what_it_answers_is_told_without_a_secret(cpe, sentence):
    with pytest.raises(RouterUnreachable, match=sentence) as caught:
        await woken(cpe, seconds=1.0)
    assert not any(secret in str(caught.value) for secret in ("cr-user", "cr-password", "tr069", "127.0.0.1"))
    assert len(cpe.seen) <= 2


async def test_a_wrong_password_is_said_once():
    cpe = Cpe()
    with pytest.raises(RouterUnreachable, match=r"refused the gateway's Connection Request user or password .401"):
        await woken(cpe, "wrong")
    assert len(cpe.seen) == 2


async def test_basic_goes_out_only_where_the_model_needs_it():
    cpe = Cpe(challenge=('Basic realm="cpe"',))
    await woken(cpe, quirks=Quirks(basic_connection_request=True))
    assert [request.header("authorization") for request in cpe.seen] == [None, "Basic Y3ItdXNlcjpjci1wYXNzd29yZA=="]


async def test_digest_is_preferred_to_basic():
    cpe = Cpe()
    cpe.challenge = ('Basic realm="cpe"', *cpe.challenger.challenge(time.monotonic(), ""))
    await woken(cpe, quirks=Quirks(basic_connection_request=True))
    assert cpe.seen[1].header("authorization").startswith("Digest ")


async def test_silence_ends_in_time_and_an_empty_port_at_once():
    with pytest.raises(RouterUnreachable, match=r"did not answer the Connection Request within 0\.05 seconds"):
        await woken(Cpe(raw=b""), seconds=0.05)
    cpe = Cpe()
    async with listening(cpe):
        pass
    with pytest.raises(RouterUnreachable, match="cannot be reached"):
        await wake(cpe.url, "cr-user", "cr-password")
