"""The way to the provider's own ACS, over real sockets."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from config.errors import ConfigError
from gateway.cwmp.scripted_acs import DROP, SILENCE, Raw, Say, ScriptedAcs, in_turn
from gateway.cwmp.upstream import Upstream, UpstreamAcs, upstream_acs
from gateway.cwmp.upstream_wire import UpstreamLost
from tests.certificates import make_certificates

INFORM = b"<cwmp:Inform>pretend</cwmp:Inform>"
HELLO = Say(b"<hello/>")


def line(acs: ScriptedAcs, user: str = "", password: str = "", *, seconds: float = 5.0) -> Upstream:
    return Upstream(replace(upstream_acs(acs.url), seconds=seconds), user, password)


async def test_an_answer_and_nothing_to_do() -> None:
    async with ScriptedAcs(in_turn([HELLO, Say(status=204), Say(status=200)])) as acs:
        upstream = line(acs)
        said = await upstream.post(INFORM)
        assert (said.body, said.content_type) == (b"<hello/>", 'text/xml; charset="utf-8"')
        assert (await upstream.post(b"")).body == b""
        assert (await upstream.post(b"")).body == b""
        upstream.close()
        upstream.close()
    first, second, _ = acs.requests
    assert (first.method, first.target, first.body) == ("POST", "/cwmp", INFORM)
    assert first.header("soapaction") == ""
    assert first.header("content-type") == 'text/xml; charset="utf-8"'
    assert (second.body, second.header("content-length"), second.header("content-type")) == (b"", "0", None)
    assert acs.connections == 1


async def test_the_cookie_of_the_ACS_comes_back_to_it() -> None:
    async with ScriptedAcs(in_turn([HELLO, HELLO])) as acs:
        upstream = line(acs)
        await upstream.post(INFORM)
        await upstream.post(b"")
        upstream.close()
    assert [request.header("cookie") for request in acs.requests] == [None, "acs-session=1"]


async def test_an_ACS_that_closes_after_each_answer_keeps_its_session() -> None:
    closing = replace(HELLO, close=True)
    async with ScriptedAcs(in_turn([closing, closing, closing])) as acs:
        upstream = line(acs)
        for _ in range(3):
            await upstream.post(INFORM if not acs.requests else b"")
        upstream.close()
    assert acs.connections == 3
    assert acs.requests[2].header("cookie") == "acs-session=1"


async def test_a_connection_that_the_ACS_closed_meanwhile_is_made_anew() -> None:
    async with ScriptedAcs(in_turn([HELLO, HELLO])) as acs:
        upstream = line(acs)
        await upstream.post(INFORM)
        acs.hang_up()
        while upstream.connected:
            await _a_moment()
        assert (await upstream.post(b"")).body == b"<hello/>"
        upstream.close()
    assert acs.connections == 2


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_compressed_answers(coding: str) -> None:
    step = Say(b"<hello/>" * 100, coding="gzip" if coding == "gzip" else "deflate")
    async with ScriptedAcs(in_turn([step])) as acs:
        upstream = line(acs)
        assert (await upstream.post(INFORM)).body == b"<hello/>" * 100
        upstream.close()


@pytest.mark.parametrize("scheme", ["digest", "basic"])
async def test_signing_in_with_what_the_device_has(scheme: str) -> None:
    async with ScriptedAcs(
        in_turn([HELLO, HELLO]), sign_in="digest" if scheme == "digest" else "basic", users={"cpe-1": "pass word"}
    ) as acs:
        upstream = line(acs, "cpe-1", "pass word")
        await upstream.post(INFORM)
        await upstream.post(b"")
        upstream.close()
    assert [bool(request.header("authorization")) for request in acs.requests] == [True, True]
    assert acs.connections == 1


async def test_one_account_for_all_devices() -> None:
    async with ScriptedAcs(in_turn([HELLO]), sign_in="digest", users={"gateway": "pw"}) as acs:
        upstream = Upstream(replace(upstream_acs(acs.url), user="gateway", password="pw"), "cpe-1", "own")
        assert (await upstream.post(INFORM)).body == b"<hello/>"
        upstream.close()


@pytest.mark.parametrize(("user", "password"), [("", ""), ("cpe-1", "wrong"), ("other", "pw")])
async def test_an_ACS_that_does_not_take_the_account(user: str, password: str) -> None:
    async with ScriptedAcs(in_turn([HELLO]), sign_in="digest", users={"cpe-1": "pw"}) as acs:
        with pytest.raises(UpstreamLost) as caught:
            await line(acs, user, password).post(INFORM)
    assert caught.value.why == "sign_in"
    assert acs.requests == []


async def test_a_password_is_not_sent_where_others_can_listen() -> None:
    """Basic, without TLS, to another host: the ACS is on loopback here, so the host is spelled otherwise."""
    async with ScriptedAcs(in_turn([HELLO]), sign_in="basic", users={"cpe-1": "pw"}) as acs:
        open_line = replace(upstream_acs(acs.url), host="127.1")
        assert not open_line.private
        with pytest.raises(UpstreamLost) as caught:
            await Upstream(open_line, "cpe-1", "pw").post(INFORM)
    assert caught.value.why == "sign_in"
    assert acs.requests == []


WHOLE = HELLO.wire()
CASES: list[tuple[str, Say | Raw, str]] = [
    ("301", Say(status=301, headers=(("Location", "http://elsewhere.example/"),)), "redirect"),
    ("302", Say(b"<hello/>", status=302, headers=(("Location", "/other"),)), "redirect"),
    ("307", Say(status=307, headers=(("Location", "/other"),)), "redirect"),
    ("304", Say(status=304), "redirect"),
    ("202", Say(b"<hello/>", status=202), "status"),
    ("206", Say(b"<hello/>", status=206), "status"),
    ("400", Say(b"<hello/>", status=400), "status"),
    ("404", Say(status=404), "status"),
    ("500", Say(b"<hello/>", status=500), "status"),
    ("503", Say(status=503, headers=(("Retry-After", "9"),)), "status"),
    ("drop", DROP, "closed"),
    ("half a head", Raw(WHOLE[:20]), "closed"),
    ("half a body", Raw(WHOLE[:-3]), "closed"),
    ("half a chunk", Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n<hel"), "closed"),
    ("two answers", Raw(WHOLE + WHOLE), "garbage"),
    ("no HTTP", Raw(b"hello\r\n\r\n"), "garbage"),
    ("no length and nothing", Raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"), "garbage"),
    ("two lengths", Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 8\r\n\r\n<hello/>"), "garbage"),
    ("too long", Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"), "garbage"),
    ("another protocol", Raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), "garbage"),
    ("silence", SILENCE, "silent"),
]


@pytest.mark.parametrize(("step", "why"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_no_fault_of_the_ACS_passes_for_an_answer(step: Say | Raw, why: str) -> None:
    async with ScriptedAcs(in_turn([step])) as acs:
        with pytest.raises(UpstreamLost) as caught:
            await line(acs, seconds=0.3).post(INFORM)
    assert caught.value.why == why
    assert len(acs.requests) == 1
    assert "elsewhere.example" not in str(caught.value)


async def test_a_request_is_not_said_twice_when_its_answer_is_lost() -> None:
    async with ScriptedAcs(in_turn([HELLO, DROP, HELLO])) as acs:
        upstream = line(acs)
        await upstream.post(INFORM)
        with pytest.raises(UpstreamLost):
            await upstream.post(b"")
    assert len(acs.requests) == 2


async def test_what_comes_unasked_is_no_answer_to_the_next_request() -> None:
    async with ScriptedAcs(in_turn([HELLO, HELLO])) as acs:
        upstream = line(acs)
        await upstream.post(INFORM)
        acs.blurt(Say(b"<smuggled/>").wire())
        while upstream.connected:
            await _a_moment()
        assert (await upstream.post(b"")).body == b"<hello/>"
        upstream.close()


async def test_no_ACS_there() -> None:
    async with ScriptedAcs(in_turn([])) as acs:
        gone = upstream_acs(acs.url)
    with pytest.raises(UpstreamLost) as caught:
        await Upstream(gone, "", "").post(INFORM)
    assert caught.value.why == "refused"


async def test_TLS_with_the_providers_own_authority(tmp_path: Path) -> None:
    ours, others = make_certificates(tmp_path), make_certificates(_made(tmp_path / "others"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(ours.certificate, ours.key)
    async with ScriptedAcs(in_turn([HELLO]), tls=server) as acs:
        upstream = Upstream(upstream_acs(acs.url, ca_file=ours.authority), "", "")
        assert (await upstream.post(INFORM)).body == b"<hello/>"
        upstream.close()
        for authority in (others.authority, None):
            with pytest.raises(UpstreamLost) as caught:
                await Upstream(upstream_acs(acs.url, ca_file=authority), "", "").post(INFORM)
            assert caught.value.why == "tls"
    assert len(acs.requests) == 1


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


async def _a_moment() -> None:
    await asyncio.sleep(0.005)


def test_the_setting() -> None:
    acs = upstream_acs("https://acs.example:8443/cwmp?x=1")
    assert (acs.host, acs.port, acs.target, acs.authority) == ("acs.example", 8443, "/cwmp?x=1", "acs.example:8443")
    assert upstream_acs("https://acs.example").authority == "acs.example"
    assert upstream_acs("https://[2001:db8::1]/").authority == "[2001:db8::1]"
    assert upstream_acs("http://acs.example/").port == 80
    assert "secret" not in repr(UpstreamAcs(host="h", port=1, target="/", user="u", password="secret"))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("acs.example", "not the URL of an ACS"),
        ("ftp://acs.example/", "not the URL of an ACS"),
        ("https://user:pw@acs.example/", "not the URL of an ACS"),
        ("https:///x", "not the URL of an ACS"),
        ("https://acs.example:99999/", "no URL"),
    ],
)
def test_settings_that_are_refused(url: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        upstream_acs(url)


def test_an_authority_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="upstream_ca_file"):
        upstream_acs("https://acs.example/", ca_file=tmp_path / "missing.pem")
