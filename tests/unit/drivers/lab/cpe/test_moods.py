"""Each mood shows on the wire, and without it the wire is as TR-069 says."""

import gzip
import re

import pytest

from drivers.lab.cpe import MOODS, check_moods
from tests.unit.drivers.lab.cpe.tiny_acs import get_values, reply, rpc, set_values

INFO = "Device.DeviceInfo."


def names(path: str, next_level: int) -> bytes:
    return rpc("GetParameterNames", f"<ParameterPath>{path}</ParameterPath><NextLevel>{next_level}</NextLevel>")


async def exchange(acs, cpe, *todo: bytes):
    """The CPE's answers to some RPCs."""
    acs.todo = list(todo)
    async with cpe:
        await cpe.booted()
    return [one for one in acs.requests if one.method.endswith("Response") or one.method == "Fault"]


def test_the_27_quirks_are_all_there():
    assert {mood.quirk for mood in MOODS.values()} - {0} == set(range(1, 28))
    assert check_moods(MOODS) == frozenset(MOODS)


async def test_in_no_mood_it_is_plain(acs, cpe_for):
    await exchange(acs, cpe_for())
    inform = acs.requests[0]
    assert inform.raw.startswith(b"POST / HTTP/1.1\r\n")
    assert inform.header("Content-Type") == 'text/xml; charset="utf-8"'
    assert inform.header("Content-Length") == str(len(inform.body))
    assert 'xmlns:cwmp="urn:dslforum-org:cwmp-1-2"' in inform.text
    assert inform.header("Expect") is None


async def test_no_cookies(acs, cpe_for):
    await exchange(acs, cpe_for("no-cookies"))
    assert [one.header("Cookie") for one in acs.requests] == [None, None]


@pytest.mark.parametrize(("path", "cookie"), [("/", "sid=x"), ("/acs", None)])
async def test_cookie_path(acs, cpe_for, path, cookie):
    acs.cookie = f"sid=x; Path={path}"
    await exchange(acs, cpe_for("cookie-path"))
    assert acs.requests[1].header("Cookie") == cookie


async def test_cookie_commas(acs, cpe_for):
    await exchange(acs, cpe_for("cookie-commas"))
    assert acs.requests[1].header("Cookie") == 'sid="c1", lang="de"'


async def test_old_cookie(acs, cpe_for):
    async with cpe_for("old-cookie") as cpe:
        await cpe.booted()
        await cpe.inform_now()
    assert [one.header("Cookie") for one in acs.said("Inform")] == [None, "sid=c1"]


async def test_odd_namespace(acs, cpe_for):
    async with cpe_for("odd-namespace") as cpe:
        await cpe.booted()
    assert 'xmlns:ns7="urn:dslforum-org:cwmp-1-3"' in acs.requests[0].text
    assert "<ns7:Inform>" in acs.requests[0].text
    assert "<SOAP-LAB:Body>" in acs.requests[0].text


async def test_an_answer_in_another_namespace_is_not_understood(acs, cpe_for):
    body = rpc("InformResponse", "<MaxEnvelopes>1</MaxEnvelopes>", "1", ns="urn:dslforum-org:cwmp-1-0")
    acs.on_request = lambda request: reply(body)
    async with cpe_for() as cpe:
        await cpe.until(lambda: cpe.failures)
    assert "speaks urn:dslforum-org:cwmp-1-0" in cpe.failures[0]


async def test_single_quotes(acs, cpe_for):
    await exchange(acs, cpe_for("single-quotes"))
    text = acs.requests[0].text
    assert "xmlns:cwmp='urn:dslforum-org:cwmp-1-2'" in text
    assert re.search(r"ID soap-env:mustUnderstand='1'>\n  1\n ", text)
    assert re.search(r"xsi:type='xsd:unsignedInt'>\n   300\n  <", text)


async def test_control_characters(acs, cpe_for):
    await exchange(acs, cpe_for("control-characters"))
    assert b"1.4.2\x03<" in acs.requests[0].body


@pytest.mark.parametrize(
    ("mood", "charset", "kind"),
    [
        ("charset-utf16", "utf-16", 'text/xml; charset="utf-16"'),
        ("charset-latin1", "latin-1", "text/xml"),
        ("charset-unknown", "utf-8", 'text/xml; charset="x-lab-777"'),
    ],
)
async def test_charsets(acs, cpe_for, mood, charset, kind):
    seen = []
    acs.on_request = lambda request: seen.append(request) or reply(b"", status="500 x")
    async with cpe_for(mood, manufacturer="Lab") as cpe:
        await cpe.until(lambda: cpe.failures)
    assert seen[0].header("Content-Type") == kind
    text = seen[0].body.decode(charset)
    assert "<SerialNumber>0001</SerialNumber>" in text
    assert (mood == "charset-unknown") == ("Lab</Manufacturer>" in text)
    assert ("ISO-8859-1" in text) == (mood == "charset-latin1")


async def test_missing_fields(acs, cpe_for):
    done = await exchange(
        acs, cpe_for("missing-fields"), set_values((f"{INFO}ProvisioningCode", "x")), names(INFO, 1), names(INFO, 1)
    )
    inform = acs.requests[0].text
    assert not any(name in inform for name in ("RetryCount", "CommandKey", "CurrentTime"))
    assert "Status" not in done[0].text
    assert "Writable" not in done[1].text


async def test_no_xsi_type(acs, cpe_for):
    await exchange(acs, cpe_for("no-xsi-type"))
    assert "xsi:type" not in acs.requests[0].text


@pytest.mark.parametrize(("mood", "text"), [("booleans-1-0", "1"), ("booleans-true", "True")])
async def test_booleans(acs, cpe_for, mood, text):
    path = "Device.WiFi.Radio.1.Enable"
    read, written = await exchange(acs, cpe_for(mood), get_values(path), set_values((path, "false")))
    assert f'xsi:type="xsd:boolean">{text}<' in read.text
    assert ("<FaultCode>9007</FaultCode>" in written.text) == (mood == "booleans-1-0")


@pytest.mark.parametrize(("value", "refused"), [("2026-01-01T00:00:00.000Z", True), ("2026-01-01T00:00:00Z", False)])
async def test_no_milliseconds(acs, cpe_for, value, refused):
    path = "Device.ManagementServer.PeriodicInformTime"
    (done,) = await exchange(acs, cpe_for("no-milliseconds"), set_values((path, value)))
    assert (done.method == "Fault") == refused


async def test_the_empty_path(acs, cpe_for):
    (fault, whole) = await exchange(acs, cpe_for("empty-path-fault"), names("", 1), names("Device.", 1))
    assert "<FaultCode>9005</FaultCode>" in fault.text
    assert "<Name>Device.WiFi.</Name>" in whole.text


async def test_the_empty_path_with_nothing_below(acs, cpe_for):
    (done,) = await exchange(acs, cpe_for("empty-path-nothing"), names("", 0))
    assert "ParameterInfoStruct[0]" in done.text


async def test_no_trailing_dots(acs, cpe_for):
    (done,) = await exchange(acs, cpe_for("no-trailing-dots"), names("Device.", 1))
    found = re.findall(r"<Name>(.*?)</Name>", done.text)
    assert "Device.WiFi" in found
    assert not any(name.endswith(".") for name in found)
    *_, whole = await exchange(acs, cpe_for(), names("Device.", 1))
    assert len(re.findall("<Name>", whole.text)) > len(found)


async def test_wrong_writable(acs, cpe_for):
    path = "Device.WiFi.Radio.1.Channel"
    listed, done = await exchange(acs, cpe_for("wrong-writable"), names(path, 0), set_values((path, "11")))
    assert "<Writable>0</Writable>" in listed.text
    assert done.method == "SetParameterValuesResponse"


async def test_small_memory(acs, cpe_for):
    many = [f"{INFO}UpTime"] * 33
    few, fault = await exchange(acs, cpe_for("small-memory"), get_values(*many[:32]), get_values(*many))
    assert few.method == "GetParameterValuesResponse"
    assert "<FaultCode>9004</FaultCode>" in fault.text


async def test_small_memory_dies_of_the_whole_tree(acs, cpe_for):
    acs.todo = [names("Device.", 0)]
    async with cpe_for("small-memory") as cpe:
        await cpe.until(lambda: cpe.failures)
        assert cpe.failures == ["out of memory"]


async def test_a_listed_parameter_that_it_does_not_know(acs, cpe_for):
    listed, fault, other = await exchange(
        acs, cpe_for("fault-9005-listed"), names(INFO, 1), get_values(INFO), get_values(f"{INFO}UpTime")
    )
    assert f"<Name>{INFO}AdditionalHardwareVersion</Name>" in listed.text
    assert "<FaultCode>9005</FaultCode>" in fault.text
    assert other.method == "GetParameterValuesResponse"


@pytest.mark.parametrize("moods", [(), ("close-after-401",)])
async def test_close_after_401(acs, cpe_for, moods):
    acs.on_request = lambda request: (
        None if request.header("Authorization") else reply(b"", status="401 x", more="WWW-Authenticate: Basic\r\n")
    )
    await exchange(acs, cpe_for(*moods, user="u", password="p"))
    assert [one.connection for one in acs.requests] == ([1, 2, 2] if moods else [1, 1, 1])


@pytest.mark.parametrize("moods", [(), ("auth-once",)])
async def test_authorization_with_the_inform_only(acs, cpe_for, moods):
    acs.on_request = lambda request: (
        None
        if request.header("Authorization") or request.method != "Inform"
        else reply(b"", status="401 x", more="WWW-Authenticate: Basic\r\n")
    )
    await exchange(acs, cpe_for(*moods, user="u", password="p"))
    assert bool(acs.requests[2].header("Authorization")) == (not moods)


async def test_content_length_in_characters(acs, cpe_for):
    acs.on_request = lambda request: None
    await exchange(acs, cpe_for("content-length-in-characters"))
    inform = acs.requests[0]
    assert int(inform.header("Content-Length")) == len(inform.body.decode()) == len(inform.body) - 3


async def test_wrong_counts(acs, cpe_for):
    await exchange(acs, cpe_for("wrong-counts"))
    assert "EventStruct[5]" in acs.requests[0].text
    assert 'mustUnderstand="7"' in acs.requests[0].text


async def test_expect_100(acs, cpe_for):
    await exchange(acs, cpe_for("expect-100"))
    assert acs.requests[0].header("Expect") == "100-continue"
    assert acs.requests[1].header("Expect") is None


async def test_chunked(acs, cpe_for):
    await exchange(acs, cpe_for("chunked"))
    inform = acs.requests[0]
    assert inform.header("Transfer-Encoding") == "chunked"
    assert inform.header("Content-Length") is None
    assert inform.raw.endswith(b"0\r\n\r\n")


async def test_http10(acs, cpe_for):
    await exchange(acs, cpe_for("http10"), rpc("GetRPCMethods"))
    assert acs.requests[0].raw.startswith(b"POST / HTTP/1.0\r\n")
    assert [one.connection for one in acs.requests] == [1, 2, 3]


async def test_gzip(acs, cpe_for):
    await exchange(acs, cpe_for("gzip"))
    assert acs.requests[0].header("Content-Encoding") == "gzip"
    assert b"<cwmp:Inform>" in gzip.decompress(acs.requests[0].body)


async def test_no_bootstrap(cpe_for):
    async with cpe_for("no-bootstrap", bootstrapped=True) as cpe:
        await cpe.booted()
        cpe.press_reset()
        await cpe.until(lambda: len(cpe.informs) == 2)
        assert cpe.informs[1] == (("1 BOOT", ""),)


async def test_cdata(acs, cpe_for):
    await exchange(acs, cpe_for("cdata"))
    assert "<SerialNumber><![CDATA[0001]]></SerialNumber>" in acs.requests[0].text


async def test_requests_in_the_wrong_state(acs, cpe_for):
    await exchange(acs, cpe_for("transfer-complete-early"), get_values(f"{INFO}UpTime"))
    assert [one.method for one in acs.requests][:4] == ["Inform", "", "GetRPCMethods", "GetParameterValuesResponse"]


async def test_plain_only(acs, cpe_for):
    async with cpe_for("plain-only", acs=acs.url.replace("http", "https")) as cpe:
        await cpe.until(lambda: cpe.failures)
        assert cpe.failures[0] == "this CPE does not speak https"


async def test_any_case(acs, cpe_for):
    (lower,) = await exchange(acs, cpe_for("any-case"), get_values("device.deviceinfo.uptime"))
    assert "<Name>Device.DeviceInfo.UpTime</Name>" in lower.text


async def test_wildcards(acs, cpe_for):
    (done,) = await exchange(acs, cpe_for("wildcards"), get_values("Device.WiFi.Radio.*.Channel"))
    assert re.findall(r"<Name>(.*?)</Name>", done.text) == [f"Device.WiFi.Radio.{n}.Channel" for n in (1, 2)]


async def test_saying_more_than_was_asked(acs, cpe_for):
    (done,) = await exchange(acs, cpe_for("says-more"), get_values("Device.WiFi.AccessPoint.1.Security.ModeEnabled"))
    assert "Security.KeyPassphrase</Name>" in done.text
