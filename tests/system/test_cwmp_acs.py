"""The embedded ACS over real sockets, with CPEs made of strings: sessions, quirks, strangers, storms, and the cut."""

import asyncio
import ssl
import time
from dataclasses import replace

import pytest

from audit.entry import Kind
from audit.errors import AuditError
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.messages import Done, GetParameterValues, Reboot, Values
from drivers.cwmp.quirks import Quirks
from drivers.errors import RouterUnreachable
from gateway.cwmp.lanes import TURN_SECONDS
from gateway.cwmp.leftovers import MemoryTexts
from gateway.cwmp.limits import Limits
from gateway.cwmp.reception import MOST_ROOMY
from tests.acs_stage import KNOWN, acs_stage
from tests.cpe_certificates import TlsHouse
from tests.raw_cpe import RawCpe, envelope

UPTIME = GetParameterValues(("Device.DeviceInfo.UpTime",))
SESSION = "01JGFJJZ00AAAAAAAAAAAAAAAA"


@pytest.fixture
async def stage(tmp_path):
    async with acs_stage(tmp_path) as made:
        yield made


@pytest.fixture
def cpe(stage):
    made = RawCpe(stage.plain)
    yield made
    made.close()


async def held(stage, cpe, *events):
    """A console's link, and the CPE's task that waits for the next RPC."""
    attaching = asyncio.create_task(stage.hub.attach("r1", seconds=60, wake=False))
    await asyncio.sleep(0)
    answer = await cpe.inform(*events)
    assert answer.status == 200, answer
    waiting = asyncio.create_task(cpe.post())
    return await attaching, waiting


# --- a session --------------------------------------------------------------------------------------------------------


async def test_inform_and_nothing_more(stage, cpe):
    answer = await cpe.inform()
    assert (answer.status, answer.method, answer.id) == (200, "InformResponse", "100")
    assert b"<MaxEnvelopes>1</MaxEnvelopes>" in answer.body
    assert b"urn:dslforum-org:cwmp-1-0" in answer.body
    assert "Path=/" in answer.get("set-cookie")
    last = await cpe.post()
    assert (last.status, last.body, last.get("connection")) == (204, b"", "close")
    assert len(stage.reception.sessions) == 0
    seen = stage.directory.by_router("r1")
    assert (seen.address, seen.identity, seen.root) == ("127.0.0.1", "plain-digest", "Device.")
    assert (seen.software, seen.inform_seconds, seen.cr_url) == ("1.0.7", 300, "http://127.0.0.1:9/x")


@pytest.mark.parametrize("namespace", [f"urn:dslforum-org:cwmp-1-{minor}" for minor in range(5)])
async def test_the_namespace_of_the_inform_is_echoed(stage, cpe, namespace):
    cpe.namespace = namespace
    assert namespace.encode() in (await cpe.inform()).body


async def test_the_data_model_is_told_by_the_inform(stage, cpe):
    await cpe.post(cpe.inform_xml(root="InternetGatewayDevice."))
    assert stage.directory.by_router("r1").root == "InternetGatewayDevice."


async def test_requests_of_the_cpe_are_answered(stage, cpe):
    await cpe.inform()
    answer = await cpe.post(envelope("<cwmp:GetRPCMethods/>", id_="8"))
    assert (answer.method, answer.id) == ("GetRPCMethodsResponse", "8")
    assert b"<string>TransferComplete</string>" in answer.body
    answer = await cpe.post(
        envelope("<cwmp:RequestDownload><FileType>1 Firmware</FileType></cwmp:RequestDownload>", id_="9")
    )
    assert answer.method == "Fault"
    assert b"<FaultCode>8000</FaultCode>" in answer.body
    assert (await cpe.post()).status == 204


async def test_a_console_calls_over_a_held_session(stage, cpe):
    link, waiting = await held(stage, cpe)
    call = asyncio.create_task(stage.call(link, UPTIME))
    asked = await waiting
    assert asked.method == "GetParameterValues"
    assert b"Device.DeviceInfo.UpTime" in asked.body
    waiting = asyncio.create_task(cpe.response(asked))
    answer = await call
    assert isinstance(answer, Values)
    assert [(one.name, one.value) for one in answer.values] == [("Device.DeviceInfo.UpTime", "77")]
    assert len(await stage.entries(Kind.RPC_INTENT)) == 1
    assert link.contact.identity == "plain-digest"
    link.release()
    last = await waiting
    assert (last.status, last.get("connection")) == (204, "close")
    assert not link.alive


async def test_a_fault_is_an_answer(stage, cpe):
    link, waiting = await held(stage, cpe)
    call = asyncio.create_task(stage.call(link, UPTIME))
    asked = await waiting
    fault = (
        "<soap:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>"
        "<FaultCode>9005</FaultCode><FaultString>Invalid name</FaultString></cwmp:Fault></detail></soap:Fault>"
    )
    waiting = asyncio.create_task(cpe.post(envelope(fault, id_=asked.id)))
    assert (await call).code == 9005
    assert link.alive
    link.release()
    await waiting


async def test_the_end_of_the_connection_while_held_is_seen_at_once_and_nothing_is_sent(stage, cpe):
    link, waiting = await held(stage, cpe)
    assert link.alive
    waiting.cancel()
    cpe.close()
    await stage.until(lambda: not link.alive)
    with pytest.raises(RouterUnreachable, match="nothing was sent"):
        await stage.call(link, UPTIME)


async def test_a_cut_is_a_cut(stage, cpe):
    link, waiting = await held(stage, cpe)
    begun = time.monotonic()
    link.cut()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)) as ended:
        await waiting
    assert time.monotonic() - begun < 1
    assert not getattr(ended.value, "partial", b""), "not a byte more"
    assert not link.alive
    assert len(stage.reception.sessions) == 0


async def test_a_cut_while_an_rpc_is_out(stage, cpe):
    link, waiting = await held(stage, cpe)
    call = asyncio.create_task(stage.call(link, UPTIME))
    await waiting
    link.cut()
    with pytest.raises(RouterUnreachable):
        await call
    assert await cpe.gone()


async def test_a_cpe_that_does_not_answer_is_cut(stage, cpe):
    link, waiting = await held(stage, cpe)
    call = asyncio.create_task(stage.call(link, UPTIME, seconds=0.1))
    await waiting
    with pytest.raises(RouterUnreachable, match="did not answer within"):
        await call
    assert await cpe.gone()


async def test_an_rpc_is_sent_once(stage, cpe):
    link, waiting = await held(stage, cpe)
    sent = []
    record = stage.rpcs.record

    async def keep(new):
        sent.append(await record(new))
        return sent[-1]

    stage.rpcs.record = keep
    call = asyncio.create_task(stage.call(link, UPTIME))
    waiting = asyncio.create_task(cpe.response(await waiting))
    await call
    with pytest.raises(RouterUnreachable, match="sent already"):
        await link.call(sent[0])
    waiting.cancel()


async def test_garbage_is_not_your_turn(stage, cpe):
    attaching = asyncio.create_task(stage.hub.attach("r1", seconds=1, wake=False))
    await cpe.inform()
    answer = await cpe.post("<soap:Envelope><not closed>")
    assert (answer.status, answer.get("connection")) == (400, "close")
    assert not attaching.done(), "nobody gets a CPE that speaks garbage"
    assert len(await stage.entries(Kind.CPE_VIOLATION)) == 1
    attaching.cancel()


async def test_an_answer_to_something_else_ends_the_session(stage, cpe):
    link, waiting = await held(stage, cpe)
    call = asyncio.create_task(stage.call(link, UPTIME))
    await waiting
    answer = await cpe.post(envelope("<cwmp:RebootResponse/>", id_="other"))
    assert answer.status == 400
    with pytest.raises(RouterUnreachable):
        await call
    assert len(await stage.entries(Kind.CPE_VIOLATION)) == 1


async def test_an_answer_of_the_wrong_kind_ends_the_session(stage, cpe):
    link, waiting = await held(stage, cpe)
    call = asyncio.create_task(stage.call(link, UPTIME))
    asked = await waiting
    await cpe.send(b"")
    answering = asyncio.create_task(cpe.post(envelope("<cwmp:RebootResponse/>", id_=asked.id)))
    with pytest.raises(RouterUnreachable, match="does not fit"):
        await call
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await answering


async def test_answering_where_nobody_asked(stage, cpe):
    await cpe.inform()
    assert (await cpe.post(envelope("<cwmp:RebootResponse/>"))).status == 400


async def test_get_is_no_method_here(stage, cpe):
    await cpe.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await cpe.read()
    assert (answer.status, answer.get("allow")) == (405, "POST")


# --- who it is --------------------------------------------------------------------------------------------------------


async def test_unknown_and_wrong_password_look_the_same(stage):
    wrong = RawCpe(stage.plain, password="guess")
    unknown = RawCpe(stage.plain, serial="ZZZ999", password="guess")
    answers = [await wrong.inform(), await unknown.inform()]
    for answer in answers:
        assert (answer.status, answer.body) == (401, b"")
        assert answer.get("connection") == "close"
    names = [[name for name, _ in answer.headers] for answer in answers]
    assert names[0] == names[1]
    assert [one.device_key for one in stage.seen.newest_first()] == ["00D09E-DSL2800-ZZZ999"]
    assert sorted(str(facts["why"]) for facts in await stage.entries(Kind.CPE_REFUSED)) == ["credentials", "unknown"]
    assert len(stage.reception.sessions) == 0


@pytest.mark.parametrize(
    "stranger",
    [
        {"serial": "ZZZ999"},
        {"password": "guess"},
        {"user": "somebody"},
        {"signs": False},
        {"scheme": "basic", "always": True},
    ],
    ids=["unknown", "wrong password", "wrong user", "no sign-in", "basic without TLS"],
)
async def test_no_stranger_ever_gets_to_a_console(stage, stranger):
    attaching = asyncio.create_task(stage.hub.attach("r1", seconds=0.3, wake=False))
    await asyncio.sleep(0)
    cpe = RawCpe(stage.plain, **stranger)
    for _ in range(3):
        answer = await cpe.inform("6 CONNECTION REQUEST")
        assert answer.status == 401
        assert b"Response" not in answer.body
        answer = await cpe.post()
        assert answer.status == 401
    with pytest.raises(RouterUnreachable, match="did not call"):
        await attaching
    assert stage.directory.by_router("r1").informed_at is None
    cpe.close()


async def test_the_challenge_comes_before_the_body_is_judged(stage):
    cpe = RawCpe(stage.plain, signs=False)
    assert (await cpe.post(b"\xff\xfe not XML at all")).status == 401
    cpe.close()


async def test_somebody_with_the_device_id_but_no_proof_changes_nothing(stage, cpe):
    link, waiting = await held(stage, cpe)
    for stranger in (RawCpe(stage.plain, password="guess"), RawCpe(stage.plain, signs=False)):
        assert (await stranger.inform("0 BOOTSTRAP")).status == 401
        stranger.close()
    assert link.alive
    assert stage.reset == []
    call = asyncio.create_task(stage.call(link, Reboot("k")))
    waiting = asyncio.create_task(cpe.response(await waiting))
    assert await call == Done("Reboot")
    link.release()
    await waiting


async def test_somebody_elses_cookie_is_no_proof(stage, cpe):
    link, waiting = await held(stage, cpe)
    thief = RawCpe(stage.plain, user="other", password="guess", jar=dict(cpe.jar))
    assert (await thief.post()).status == 401
    thief.signs = False
    assert (await thief.post()).status == 401
    assert link.alive
    link.release()
    await waiting


async def test_the_same_device_takes_over_and_the_old_connection_is_cut(stage, cpe):
    link, waiting = await held(stage, cpe)
    again = RawCpe(stage.plain)
    assert (await again.inform("1 BOOT")).status == 200
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await waiting
    assert not link.alive
    assert len(stage.reception.sessions) == 1
    assert (await again.post()).status == 204


async def test_too_many_wrong_sign_ins_keep_nobody_out_who_knows_the_password(tmp_path):
    async with acs_stage(tmp_path, limits=Limits(failures_per_minute=3)) as stage:
        wrong = RawCpe(stage.plain, password="guess")
        for _ in range(5):
            assert (await wrong.inform()).status == 401
        assert (await RawCpe(stage.plain).inform()).status == 200
        assert (await RawCpe(stage.plain, serial="OTHER").inform()).status == 401
        why = [facts["why"] for facts in await stage.entries(Kind.CPE_REFUSED)]
        assert why == ["credentials", "too_many", "unknown"], "each kind once, the others are counted"


async def test_guesses_from_one_address_are_looked_at_one_after_the_other(tmp_path):
    async with acs_stage(tmp_path, limits=Limits(failures_per_minute=1)) as stage:
        assert (await RawCpe(stage.plain, password="guess").inform()).status == 401
        guesses = [RawCpe(stage.plain, password="guess") for _ in range(10)]
        begun = time.monotonic()
        answers = await asyncio.gather(*(one.inform() for one in guesses), RawCpe(stage.plain).inform())
        assert [answer.status for answer in answers] == [401] * 10 + [200]
        assert time.monotonic() - begun > 9 * TURN_SECONDS


@pytest.mark.parametrize("qop", [True, False], ids=["qop", "as in RFC 2069"])
async def test_a_captured_authorization_is_worth_nothing_to_a_neighbour(stage, qop):
    cpe = RawCpe(stage.plain, always=True, qop=qop)
    assert (await cpe.inform()).status == 200
    line = next(line for line in cpe.sent.decode().split("\r\n") if line.startswith("Authorization"))
    thief = RawCpe(stage.plain, signs=False, extra=line)
    for body in (cpe.inform_xml("0 BOOTSTRAP"), "", envelope("<cwmp:GetRPCMethods/>")):
        answer = await thief.post(body)
        assert answer.status == 401
        assert "stale=true" in answer.get("www-authenticate")
    assert (await cpe.post()).status == 204
    assert (await thief.post(cpe.inform_xml())).status == 401
    assert stage.reset == []
    assert await stage.entries(Kind.CPE_REFUSED) == []


async def test_quirk_always_the_same_nc(stage):
    """It counts nothing, over one connection or over several."""
    cpe = RawCpe(stage.plain, counts=False, always=True)
    for _ in range(2):
        assert (await cpe.inform()).status == 200
    assert (await cpe.post()).status == 204
    assert (await cpe.inform()).status == 200
    assert (await cpe.post()).status == 204


async def test_without_qop_a_connection_for_each_session(stage):
    cpe = RawCpe(stage.plain, qop=False, always=True)
    for _ in range(3):
        assert (await cpe.inform()).status == 200
        assert (await cpe.post()).status == 204


@pytest.mark.parametrize("body", [b"x" * 100_000, b"<a>" * 30_000])
async def test_what_strangers_make_the_gateway_read_counts_by_its_length(tmp_path, body):
    async with acs_stage(tmp_path, limits=Limits(failures_per_address=20)) as stage:
        told = []
        while 503 not in told:
            cpe = RawCpe(stage.plain)
            head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp5\r\nContent-Length: {len(body)}\r\n\r\n"
            await cpe.send(head.encode() + body)
            told.append((await cpe.read()).status)
            assert len(told) <= 21
        assert told == [400] * 2 + [503]


async def test_the_neighbours_of_a_customer_cannot_post_much_all_at_once(tmp_path):
    async with acs_stage(tmp_path) as stage:
        assert (await RawCpe(stage.plain).inform()).status == 200
        long = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n"
        others = [RawCpe(stage.plain) for _ in range(MOST_ROOMY + 1)]
        for one in others:
            await one.send(long)
        assert (await others[-1].read()).status == 413
        assert len(stage.reception.connections) >= MOST_ROOMY


async def test_basic_without_tls_only_where_it_is_allowed(tmp_path):
    async with acs_stage(tmp_path, plain_basic=True) as stage:
        cpe = RawCpe(stage.plain, scheme="basic", always=True)
        assert (await cpe.inform()).status == 200
        assert (await cpe.post()).status == 204
        assert stage.directory.by_router("r1").identity == "plain-basic"


async def test_a_device_without_a_password_in_the_inventory_cannot_sign_in_with_an_empty_one(tmp_path):
    async with acs_stage(tmp_path, replace(KNOWN, user="", password="")) as stage:
        assert (await RawCpe(stage.plain, user="", password="").inform()).status == 401


# --- quirks -----------------------------------------------------------------------------------------------------------


async def test_quirk_1_no_cookies_on_one_connection(stage, cpe):
    cpe.cookies = False
    link, waiting = await held(stage, cpe)
    call = asyncio.create_task(stage.call(link, UPTIME))
    waiting = asyncio.create_task(cpe.response(await waiting))
    assert isinstance(await call, Values)
    link.release()
    assert (await waiting).status == 204


@pytest.mark.parametrize("cookies", [True, False], ids=["cookies", "no cookies"])
async def test_quirks_1_and_22_a_connection_for_every_request(stage, cookies):
    cpe = RawCpe(stage.plain, version="HTTP/1.0", cookies=cookies, always=True)
    link, waiting = await held(stage, cpe)
    for _ in range(3):
        call = asyncio.create_task(stage.call(link, UPTIME))
        waiting = asyncio.create_task(cpe.response(await waiting))
        assert isinstance(await call, Values)
    link.release()
    assert (await waiting).status == 204


async def test_a_reconnect_with_the_cookie_must_sign_in_again(stage, cpe):
    await cpe.inform()
    cpe.close()
    cpe.signs = False
    assert (await cpe.post()).status == 401
    cpe.close()
    cpe.signs = True
    assert (await cpe.post()).status == 204


@pytest.mark.parametrize(
    "header",
    ["Cookie: a=1,session={0}", 'Cookie: session="{0}"; b=2', "Cookie: a=1; b=2,$Path=/, session={0}"],
)
async def test_quirk_3_cookies_however_they_are_written(stage, header):
    cpe = RawCpe(stage.plain, always=True)
    await cpe.inform()
    cpe.close()
    session = cpe.jar.popitem()[1]
    cpe.extra = header.format(session)
    assert (await cpe.post()).status == 204


async def test_quirk_4_an_old_cookie_on_a_new_inform(stage, cpe):
    first = await cpe.inform()
    second = await cpe.inform()
    assert (second.status, second.method) == (200, "InformResponse")
    assert second.get("set-cookie") != first.get("set-cookie")
    assert len(stage.reception.sessions) == 1
    assert (await cpe.post()).status == 204


async def test_quirk_18_another_connection_after_the_challenge(stage):
    cpe = RawCpe(stage.plain, signs=False)
    challenge = await cpe.inform()
    assert challenge.status == 401
    cpe.challenge = challenge.get("www-authenticate")
    cpe.close()
    assert (await cpe.post(cpe.inform_xml(), sign=True)).status == 200
    cpe.close()


async def short(cpe):
    """An Inform whose Content-Length counts characters."""
    body = cpe.inform_xml().replace("Acme", "Ünïcödé")
    await cpe.send(cpe.head(len(body), sign=True) + body.encode())
    return await cpe.read()


async def test_quirk_20_content_length_in_characters(tmp_path):
    for number, quirks in enumerate((Quirks(short_content_length=True), Quirks())):
        async with acs_stage(tmp_path / str(number), quirks=quirks) as stage:
            cpe = RawCpe(stage.plain, signs=False)
            cpe.challenge = (await cpe.inform()).get("www-authenticate")
            assert (await short(cpe)).status == (200 if quirks.short_content_length else 400)
            cpe.close()


async def test_who_counts_characters_without_a_quirk_is_told_apart(stage, cpe):
    """What the operator can do about it stands in the record."""
    assert (await cpe.inform()).status == 200
    body = cpe.inform_xml().replace("Acme", "Ünïcödé")
    await cpe.send(cpe.head(len(body), sign=False) + body.encode())
    assert (await cpe.read()).status == 400
    [violation] = await stage.entries(Kind.CPE_VIOLATION)
    assert "short_content_length" in str(violation["why"])


async def test_quirk_22_expect_and_chunks(stage, cpe):
    await cpe.inform()
    body = envelope("<cwmp:GetRPCMethods/>").encode()
    await cpe.send(cpe.head(len(body), sign=False)[:-2] + b"Expect: 100-continue\r\n\r\n")
    assert await cpe.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await cpe.send(body)
    assert (await cpe.read()).method == "GetRPCMethodsResponse"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:10], body[10:]))
    head = cpe.head(None, sign=False)[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
    await cpe.send(head + chunks + b"0\r\n\r\n")
    assert (await cpe.read()).method == "GetRPCMethodsResponse"
    await cpe.send(cpe.head(None, sign=False)[:-2] + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert (await cpe.read()).status == 204


async def test_quirk_26_a_request_instead_of_an_answer(stage, cpe):
    link, waiting = await held(stage, cpe)
    call = asyncio.create_task(stage.call(link, UPTIME))
    asked = await waiting
    told = envelope(
        "<cwmp:TransferComplete><CommandKey>x</CommandKey><FaultStruct><FaultCode>0</FaultCode><FaultString/>"
        "</FaultStruct></cwmp:TransferComplete>",
        id_="55",
    )
    answer = await cpe.post(told)
    assert (answer.method, answer.id) == ("TransferCompleteResponse", "55")
    waiting = asyncio.create_task(cpe.response(asked))
    assert isinstance(await call, Values)
    link.release()
    await waiting


async def test_two_requests_at_once_are_refused(stage, cpe):
    _, waiting = await held(stage, cpe)
    await cpe.send(cpe.head(0, sign=False))
    assert (await waiting).status == 400
    assert len(stage.reception.sessions) == 0


# --- what it tells later ----------------------------------------------------------------------------------------------


async def test_first_contact_sets_credentials_recorded_first(tmp_path):
    async with acs_stage(tmp_path, replace(KNOWN, cr_user="", cr_password="")) as stage:
        cpe = RawCpe(stage.plain)
        await cpe.inform("0 BOOTSTRAP")
        asked = await cpe.post()
        assert asked.method == "SetParameterValues"
        known = stage.directory.by_router("r1")
        assert known.cr_password.encode() in asked.body
        assert known.cr_user.encode() in asked.body
        assert len(known.cr_password) == 32
        [intent] = await stage.entries(Kind.RPC_INTENT)
        assert intent["method"] == "SetParameterValues"
        assert (await cpe.response(asked)).status == 204
        assert len(await stage.entries(Kind.RPC_RESULT)) == 1
        assert stage.reset == [], "there was no contact before that a consent could be about"
        await cpe.inform()
        assert (await cpe.post()).status == 204, "once is enough"
        await cpe.inform("0 BOOTSTRAP")
        assert (await cpe.post()).method == "SetParameterValues"
        assert stage.directory.by_router("r1").cr_password != known.cr_password
        assert stage.reset == ["r1"]


async def test_credentials_that_were_not_confirmed_are_set_again(tmp_path):
    async with acs_stage(tmp_path, replace(KNOWN, cr_password="")) as stage:
        cpe = RawCpe(stage.plain)
        await cpe.inform()
        assert (await cpe.post()).method == "SetParameterValues"
        cpe.close()
        await cpe.inform()
        assert (await cpe.post()).method == "SetParameterValues"
        cpe.close()


async def test_quirk_24_a_reset_without_bootstrap(tmp_path):
    async with acs_stage(tmp_path, quirks=Quirks(no_bootstrap=True)) as stage:
        cpe = RawCpe(stage.plain)
        await cpe.inform("1 BOOT")
        assert (await cpe.post()).status == 204
        await cpe.post(cpe.inform_xml("1 BOOT").replace(">vestibule<", "><"))
        assert stage.reset == ["r1"]
        assert (await cpe.post()).method == "SetParameterValues"


async def test_leftovers_are_undone_at_the_next_contact(tmp_path):
    texts = MemoryTexts()
    async with acs_stage(tmp_path / "1", texts=texts) as stage:
        await stage.owed.remember("r1", SESSION, Leftover("notification", "Device.WiFi.SSID.1.SSID", 0))
        cpe = RawCpe(stage.plain)
        await cpe.inform()
        assert (await cpe.post()).status == 204, "its session lives"
    async with acs_stage(tmp_path / "2", texts=texts) as stage:
        cpe = RawCpe(stage.plain)
        await cpe.inform()
        asked = await cpe.post()
        assert asked.method == "SetParameterAttributes"
        assert b"Device.WiFi.SSID.1.SSID" in asked.body
        assert (await cpe.response(asked)).status == 204
        [intent] = await stage.entries(Kind.RPC_INTENT)
        assert intent["purpose"] == "undo"
        await cpe.inform()
        assert (await cpe.post()).status == 204
    assert texts.pending("r1") == ""


async def test_a_reboot_and_a_transfer_are_tied_to_the_session_that_ordered_them(stage, cpe):
    await stage.owed.expects("r1", SESSION, SESSION, "transfer")
    await cpe.inform("1 BOOT", ("M Reboot", SESSION))
    told = (
        "<cwmp:TransferComplete><CommandKey>{}</CommandKey><FaultStruct><FaultCode>0</FaultCode><FaultString/>"
        "</FaultStruct></cwmp:TransferComplete>"
    )
    for key in (SESSION, "somebody elses"):
        answer = await cpe.post(envelope(told.format(key)))
        assert answer.method == "TransferCompleteResponse"
    events = await stage.entries(Kind.CPE_EVENT)
    assert [one.get("session") for one in events] == [SESSION, SESSION, None]
    assert (await cpe.post()).status == 204


async def test_quirk_23_a_transfer_that_is_never_heard_of_again(tmp_path):
    async with acs_stage(tmp_path, quirks=Quirks(no_transfer_complete_minutes=0)) as stage:
        await stage.owed.expects("r1", SESSION, SESSION, "transfer")
        await stage.reception.sessions.happenings.give_up()
        await stage.reception.sessions.happenings.give_up()
        [event] = await stage.entries(Kind.CPE_EVENT)
        assert event["session"] == SESSION


@pytest.mark.parametrize(("setting", "recorded"), [("events", 2), ("all", 4)])
async def test_which_informs_are_recorded(tmp_path, setting, recorded):
    async with acs_stage(tmp_path, record_informs=setting) as stage:
        cpe = RawCpe(stage.plain)
        for events in (("2 PERIODIC",), ("6 CONNECTION REQUEST",), ("1 BOOT",), ("2 PERIODIC", "4 VALUE CHANGE")):
            await cpe.inform(*events)
            assert (await cpe.post()).status == 204
        assert len(await stage.entries(Kind.CPE_INFORM)) == recorded


# --- waking -----------------------------------------------------------------------------------------------------------


async def test_a_console_wakes_the_cpe(stage, cpe):
    asked = []

    async def door(reader, writer):
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            asked.append("Authorization" in head)
            if "Authorization" in head:
                assert 'username="vcr"' in head
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                break
            writer.write(
                b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="cpe", nonce="n", qop="auth"\r\n'
                b"Content-Length: 0\r\n\r\n"
            )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(door, "127.0.0.1", 0)
    cpe.cr_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/secret"
    await cpe.inform()
    await cpe.post()
    attaching = asyncio.create_task(stage.hub.attach("r1", seconds=5))
    await stage.until(lambda: asked == [False, True])
    await cpe.inform("6 CONNECTION REQUEST")
    waiting = asyncio.create_task(cpe.post())
    (await attaching).release()
    assert (await waiting).status == 204
    server.close()


async def test_a_router_that_cannot_be_woken_is_expected_at_its_next_inform(stage, cpe):
    await cpe.inform()
    await cpe.post()
    with pytest.raises(RouterUnreachable, match=r"could not be woken: .*Next contact expected in (300|299) s"):
        await stage.hub.attach("r1", seconds=5)


# --- storms and strangers ---------------------------------------------------------------------------------------------


async def test_overload_is_told_before_a_session_is_made(tmp_path):
    async with acs_stage(tmp_path, limits=Limits(sessions=0)) as stage:
        answer = await RawCpe(stage.plain).inform()
        assert answer.status == 503
        assert 30 <= int(answer.get("retry-after")) <= 60
        assert len(stage.reception.sessions) == 0
        assert await stage.entries(Kind.CPE_INFORM) == []


async def test_what_cannot_be_recorded_is_not_answered(stage, cpe):
    link, waiting = await held(stage, cpe)
    await asyncio.to_thread(stage.journal.close)
    with pytest.raises(AuditError):
        await stage.call(link, UPTIME)
    link.cut()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await waiting
    answer = await RawCpe(stage.plain).inform("1 BOOT")
    assert answer.status == 503
    assert int(answer.get("retry-after")) >= 30
    assert len(stage.reception.sessions) == 0


async def test_a_late_event_loop_is_overload(stage, cpe):
    stage.reception.late = 5.0
    assert (await cpe.inform()).status == 503


async def test_more_connections_than_there_may_be(tmp_path):
    async with acs_stage(tmp_path, limits=Limits(connections=2)) as stage:
        idle = [RawCpe(stage.plain) for _ in range(2)]
        for one in idle:
            await one.open()
        await stage.until(lambda: len(stage.reception.connections) == 2)
        third = RawCpe(stage.plain)
        await third.open()
        answer = await third.read()
        assert (answer.status, answer.get("connection")) == (503, "close")
        for one in idle:
            one.close()


async def test_strangers_of_one_address_are_few_but_its_customers_are_not(tmp_path):
    async with acs_stage(tmp_path, KNOWN, limits=Limits(strangers=2)) as stage:
        customer = RawCpe(stage.plain)
        assert (await customer.inform()).status == 200
        idle = [RawCpe(stage.plain) for _ in range(2)]
        for one in idle:
            await one.open()
        await stage.until(lambda: len(stage.reception.connections) == 3)
        third = RawCpe(stage.plain)
        await third.open()
        assert (await third.read()).status == 503
        assert (await customer.post()).status == 204
        for one in idle:
            one.close()


async def test_slow_requests_are_cut(tmp_path):
    limits = Limits(head_seconds=0.2, body_seconds=0.4, idle_seconds=0.6)
    async with acs_stage(tmp_path, limits=limits) as stage:
        silent, head, body = (RawCpe(stage.plain) for _ in range(3))
        await silent.open()
        await head.send(b"POST / HTTP/1.1\r\nHost: x\r\n")
        await body.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<soap")
        drip = asyncio.create_task(dripping(head))
        assert (await body.read()).status == 408
        assert (await head.read()).status == 408
        assert await silent.gone()
        drip.cancel()
        await stage.until(lambda: not stage.reception.connections)


async def dripping(cpe):
    """A byte now and then gives no more time."""
    while cpe.writer is not None:
        cpe.writer.write(b"X")
        await asyncio.sleep(0.05)


async def test_a_session_that_does_not_go_on_ends(tmp_path):
    async with acs_stage(tmp_path, limits=Limits(idle_seconds=0.2)) as stage:
        cpe = RawCpe(stage.plain)
        await cpe.inform()
        assert await cpe.gone()
        assert len(stage.reception.sessions) == 0


async def test_a_stranger_cannot_post_much(stage):
    cpe = RawCpe(stage.plain)
    await cpe.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n")
    assert (await cpe.read()).status == 413


async def test_a_long_answer_of_a_customer_is_taken(stage, cpe):
    link, waiting = await held(stage, cpe)
    call = asyncio.create_task(stage.call(link, UPTIME))
    asked = await waiting
    value = "<ParameterValueStruct><Name>Device.X.{}</Name><Value>v</Value></ParameterValueStruct>"
    listed = "".join(value.format(number) for number in range(10_000))
    waiting = asyncio.create_task(cpe.response(asked, f"<ParameterList>{listed}</ParameterList>"))
    assert len((await call).values) == 10_000
    link.release()
    await waiting


async def test_the_gateway_stops_with_sessions_open(tmp_path):
    async with acs_stage(tmp_path) as stage:
        cpe = RawCpe(stage.plain)
        link, waiting = await held(stage, cpe)
    assert not link.alive
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await waiting


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls_house(tmp_path):
    (tmp_path / "tls").mkdir()
    return TlsHouse(tmp_path / "tls")


@pytest.fixture
async def secure(tmp_path, tls_house):
    async with acs_stage(tmp_path, tls=tls_house.server()) as stage:
        yield stage


@pytest.mark.parametrize(
    "names", [("00D09E-ABC123",), ("00D09E-DSL2800-ABC123",), ("cpe of Acme", "00D09E-ABC123")], ids=str
)
async def test_a_client_certificate_proves_the_device(secure, tls_house, names):
    cpe = RawCpe(secure.secure, tls=tls_house.client(*names), signs=False)
    answer = await cpe.inform()
    assert answer.status == 200
    assert "; Secure" in answer.get("set-cookie")
    assert (await cpe.post()).status == 204
    assert secure.directory.by_router("r1").identity == "tls-certificate"


async def test_a_certificate_goes_for_every_connection(secure, tls_house):
    """Connection per request, no cookies, no Authorization: the certificate alone says whose session it is."""
    cpe = RawCpe(secure.secure, tls=tls_house.client("00D09E-ABC123"), signs=False, cookies=False, version="HTTP/1.0")
    link, waiting = await held(secure, cpe)
    call = asyncio.create_task(secure.call(link, UPTIME))
    waiting = asyncio.create_task(cpe.response(await waiting))
    assert isinstance(await call, Values)
    link.release()
    assert (await waiting).status == 204


async def test_a_certificate_of_another_device_proves_nothing(secure, tls_house):
    link, waiting = await held(secure, RawCpe(secure.secure, tls=tls_house.client("00D09E-ABC123"), signs=False))
    for names in (("00D09E-ZZZ999",), ("r1",), ("00d09e-abc123",)):
        cpe = RawCpe(secure.secure, tls=tls_house.client(*names), signs=False)
        answer = await cpe.inform()
        assert answer.status == 401
        assert (await cpe.post()).status == 401
    assert link.alive
    link.release()
    await waiting
    assert (await secure.entries(Kind.CPE_REFUSED))[0]["why"] == "certificate"


async def test_the_registered_name_is_the_only_one(tmp_path, tls_house):
    async with acs_stage(tmp_path, replace(KNOWN, certificate_name="cpe-7.isp.example"), tls=tls_house.server()) as on:
        wrong = RawCpe(on.secure, tls=tls_house.client("00D09E-ABC123"), signs=False)
        assert (await wrong.inform()).status == 401
        right = RawCpe(on.secure, tls=tls_house.client("any", "cpe-7.isp.example"), signs=False)
        assert (await right.inform()).status == 200


async def test_a_certificate_of_another_authority_ends_the_handshake(secure, tls_house, tmp_path_factory):
    other = TlsHouse(tmp_path_factory.mktemp("other"))
    context = other.client("00D09E-ABC123")
    context.load_verify_locations(tls_house.authority)
    cpe = RawCpe(secure.secure, tls=context, signs=False)
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await cpe.inform()
    assert len(secure.reception.sessions) == 0


@pytest.mark.parametrize("scheme", ["digest", "basic"])
async def test_a_password_inside_tls(secure, tls_house, scheme):
    cpe = RawCpe(secure.secure, tls=tls_house.client(), scheme=scheme, always=True)
    assert (await cpe.inform()).status == 200
    assert (await cpe.post()).status == 204
    assert secure.directory.by_router("r1").identity == "tls-password"
    cpe.password = "guess"
    assert (await cpe.inform()).status == 401


async def test_a_cut_inside_tls(secure, tls_house):
    cpe = RawCpe(secure.secure, tls=tls_house.client("00D09E-ABC123"), signs=False)
    link, waiting = await held(secure, cpe)
    link.cut()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ssl.SSLError)):
        await waiting
    assert len(secure.reception.sessions) == 0


async def test_the_end_of_the_connection_inside_tls(secure, tls_house):
    cpe = RawCpe(secure.secure, tls=tls_house.client("00D09E-ABC123"), signs=False)
    link, waiting = await held(secure, cpe)
    waiting.cancel()
    cpe.close()
    await secure.until(lambda: not link.alive, 1)


async def test_who_begins_no_handshake_is_cut(tmp_path, tls_house):
    async with acs_stage(tmp_path, tls=tls_house.server(), limits=Limits(handshake_seconds=0.2)) as on:
        cpe = RawCpe(on.secure)
        await cpe.open()
        assert await cpe.gone(5)
