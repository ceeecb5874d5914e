"""A simulated CPE's life: it boots, informs, is woken, reboots, is reset, and keeps what it was asked."""

import asyncio
import json
import re
import time
from dataclasses import replace

import pytest

from drivers.lab.cpe import FAST, CpeConfig, Pace, SimulatedCpe
from drivers.lab.cpe.digest import pairs, response
from tests.unit.drivers.lab.cpe.tiny_acs import get_values, reply, rpc, set_values

SERVER = "Device.ManagementServer."


async def test_it_boots_informs_and_ends_its_session(acs, cpe_for):
    async with cpe_for() as cpe:
        await cpe.booted()
        inform, empty = acs.requests
        assert inform.method == "Inform"
        assert "<EventCode>0 BOOTSTRAP</EventCode>" in inform.text
        assert "<EventCode>1 BOOT</EventCode>" in inform.text
        assert "<SerialNumber>0001</SerialNumber>" in inform.text
        assert 'arrayType="cwmp:EventStruct[2]"' in inform.text
        assert cpe.connection_request_url in inform.text
        assert empty.body == b""
        assert cpe.events == ["0 BOOTSTRAP", "1 BOOT"]
        assert empty.header("Cookie") == "sid=c1"
        assert inform.connection == empty.connection


async def test_one_that_knows_its_acs_tells_no_bootstrap(cpe_for):
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.booted()
        assert cpe.events == ["1 BOOT"]


async def test_what_it_is_asked_is_kept_with_its_time(acs, cpe_for, tmp_path):
    before = time.monotonic()
    acs.todo = [get_values("Device.DeviceInfo.SoftwareVersion")]
    async with cpe_for() as cpe:
        await cpe.booted()
        assert [one.method for one in cpe.received] == ["InformResponse", "GetParameterValues"]
        assert [one.method for one in cpe.rpcs] == ["GetParameterValues"]
        assert cpe.rpcs[0].body == get_values("Device.DeviceInfo.SoftwareVersion")
        assert before < cpe.rpcs[0].at < time.monotonic()
        cpe.dump(tmp_path / "received.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "received.jsonl").read_text().splitlines()]
    assert [line["method"] for line in lines] == ["InformResponse", "GetParameterValues"]
    assert "SoftwareVersion" in lines[1]["body"]


async def test_it_is_told_of_each_message_before_it_answers(acs):
    seen = []
    acs.todo = [rpc("GetRPCMethods")]
    config = CpeConfig(acs=acs.url, pace=FAST)
    async with SimulatedCpe(config, on_received=lambda one: seen.append((one.method, len(acs.requests)))) as cpe:
        await cpe.booted()
    assert seen == [("InformResponse", 1), ("GetRPCMethods", 2)]


async def test_an_acs_that_fails_is_tried_again_and_told_how_often(acs, cpe_for):
    answers = [reply(b"", status="500 Oops"), reply(b"<html>", status="200 OK"), b""]
    acs.on_request = lambda request: answers.pop(0) if answers else None
    async with cpe_for() as cpe:
        await cpe.booted()
        counts = [re.search(r"<RetryCount>(\d+)<", one.text)[1] for one in acs.said("Inform")]
        assert counts == ["0", "1", "2", "3"]
        assert len(cpe.failures) == 3
        assert "the ACS answered 500" in cpe.failures[0]
        assert cpe.events == ["0 BOOTSTRAP", "1 BOOT"]


async def test_a_busy_acs_says_when(acs):
    answers = [reply(b"", status="503 Busy", more="Retry-After: 1\r\n")]
    acs.on_request = lambda request: answers.pop(0) if answers else None
    pace = replace(FAST, retry=60.0, second=0.02)
    async with SimulatedCpe(CpeConfig(acs=acs.url, pace=pace)) as cpe:
        await cpe.booted()
        assert cpe.failures == ["the ACS is busy"]


async def test_an_acs_that_answers_with_a_fault_is_tried_again(acs, cpe_for):
    fault = "<c:Fault><FaultCode>8005</FaultCode><FaultString>later</FaultString></c:Fault>"
    answers = [reply(rpc("Fault", f"<detail>{fault}</detail>").replace(b"c:Fault>", b"s:Fault>", 1))]
    acs.on_request = lambda request: answers.pop(0) if answers else None
    async with cpe_for() as cpe:
        await cpe.booted()
        assert len(cpe.failures) == 1


@pytest.mark.parametrize(("status", "word"), [("302 Found", "Location"), ("307 Temporary Redirect", "location")])
async def test_it_follows_a_redirect(acs, cpe_for, status, word):
    answers = [reply(b"", status=status, more=f"{word}: /elsewhere\r\n")]
    acs.on_request = lambda request: answers.pop(0) if answers else None
    async with cpe_for() as cpe:
        await cpe.booted()
    assert [one.head.split(" ")[1] for one in acs.requests] == ["/", "/elsewhere", "/elsewhere"]


async def test_it_does_not_go_in_circles(acs, cpe_for):
    acs.on_request = lambda request: reply(b"", status="302 Found", more="Location: /again\r\n")
    async with cpe_for() as cpe:
        await cpe.until(lambda: cpe.failures)
        assert "circles" in cpe.failures[0]


async def test_it_signs_in_by_digest(acs, cpe_for):
    challenge = 'WWW-Authenticate: Digest realm="acs", qop="auth,auth-int", nonce="n1", opaque="o1"\r\n'

    def gate(request):
        return None if request.header("Authorization") else reply(b"", status="401 No", more=challenge)

    acs.on_request = gate
    async with cpe_for(user="cpe", password="pass word") as cpe:
        await cpe.booted()
    header = acs.requests[1].header("Authorization")
    fields = pairs(header.removeprefix("Digest "))
    assert (fields["username"], fields["uri"], fields["qop"], fields["nc"]) == ("cpe", "/", "auth", "00000001")
    assert fields["opaque"] == "o1"
    assert fields["response"] == response(fields, "POST", "cpe", "pass word")
    assert pairs(acs.requests[2].header("Authorization"))["nc"] == "00000002"


async def test_it_signs_in_by_basic(acs, cpe_for):
    acs.on_request = lambda request: (
        None
        if request.header("Authorization")
        else reply(b"", status="401 No", more='WWW-Authenticate: Basic realm="x"\r\n')
    )
    async with cpe_for(user="cpe", password="pw") as cpe:
        await cpe.booted()
    assert acs.requests[1].header("Authorization") == "Basic Y3BlOnB3"


async def test_a_wrong_password_is_a_failure(acs, cpe_for):
    acs.on_request = lambda request: reply(b"", status="401 No", more='WWW-Authenticate: Basic realm="x"\r\n')
    async with cpe_for(user="cpe", password="wrong") as cpe:
        await cpe.until(lambda: cpe.failures)
    assert cpe.failures[0].startswith("the ACS answered 401")


async def test_it_informs_when_it_is_told_to(cpe_for):
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.booted()
        await cpe.inform_now()
        assert cpe.informs == [(("1 BOOT", ""),), (("2 PERIODIC", ""),)]


async def test_it_informs_periodically(acs, cpe_for):
    acs.todo = [set_values((f"{SERVER}PeriodicInformInterval", "3"))]
    async with cpe_for() as cpe:
        await cpe.until(lambda: cpe.events.count("2 PERIODIC") >= 2)


async def test_a_reboot_is_told_with_its_command_key(acs, cpe_for):
    acs.todo = [rpc("Reboot", "<CommandKey>K9</CommandKey>")]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.until(lambda: len(cpe.informs) == 2)
        assert cpe.informs[1] == (("M Reboot", "K9"), ("1 BOOT", ""))
        assert cpe.boots == 2
        assert "<EventCode>M Reboot</EventCode><CommandKey>K9</CommandKey>" in acs.said("Inform")[1].text


async def test_a_factory_reset_forgets_everything(acs, cpe_for):
    acs.todo = [set_values((f"{SERVER}PeriodicInformInterval", "77")), rpc("FactoryReset")]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.until(lambda: len(cpe.informs) == 2)
        assert cpe.values[f"{SERVER}PeriodicInformInterval"] == "300"
        assert cpe.informs[1] == (("0 BOOTSTRAP", ""), ("1 BOOT", ""))
        assert cpe.values[f"{SERVER}ParameterKey"] == ""
        assert cpe.values[f"{SERVER}ConnectionRequestURL"] == cpe.connection_request_url


async def test_the_reset_button_does_the_same_and_a_plug_does_not(cpe_for):
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.booted()
        cpe.press_reset()
        await cpe.until(lambda: len(cpe.informs) == 2)
        cpe.power_cycle()
        await cpe.until(lambda: len(cpe.informs) == 3)
        assert [dict(one).keys() for one in cpe.informs[1:]] == [{"0 BOOTSTRAP", "1 BOOT"}, {"1 BOOT"}]


async def test_a_scheduled_inform(acs, cpe_for):
    acs.todo = [rpc("ScheduleInform", "<DelaySeconds>2</DelaySeconds><CommandKey>later</CommandKey>")]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.until(lambda: "3 SCHEDULED" in cpe.events)
        assert ("M ScheduleInform", "later") in cpe.informs[1]


async def test_active_notification_tells_a_change_at_once_and_passive_later(acs, cpe_for):
    struct = (
        "<SetParameterAttributesStruct><Name>{}</Name><NotificationChange>1</NotificationChange><Notification>{}"
        "</Notification><AccessListChange>0</AccessListChange><AccessList/></SetParameterAttributesStruct>"
    )
    ssid, country = "Device.WiFi.SSID.1.SSID", "Device.WiFi.Radio.1.RegulatoryDomain"
    both = struct.format(ssid, 2) + struct.format(country, 1)
    acs.todo = [rpc("SetParameterAttributes", f"<ParameterList>{both}</ParameterList>")]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.booted()
        cpe.values[country] = "FR"
        await asyncio.sleep(0.05)
        assert len(cpe.informs) == 1
        cpe.values[ssid] = "neu"
        await cpe.until(lambda: len(cpe.informs) == 2)
        assert cpe.informs[1] == (("4 VALUE CHANGE", ""),)
        told = acs.said("Inform")[1].text
        assert "<Name>Device.WiFi.SSID.1.SSID</Name>" in told
        assert ">neu<" in told
        assert ">FR<" in told


async def test_a_new_acs_is_a_bootstrap_there(acs, cpe_for):
    acs.todo = [set_values((f"{SERVER}URL", f"{acs.url}new"))]
    async with cpe_for(bootstrapped=True) as cpe:
        await cpe.booted()
        await cpe.inform_now()
        assert ("0 BOOTSTRAP", "") in cpe.informs[1]
        assert acs.said("Inform")[1].head.startswith("POST /new ")


async def test_while_it_is_held_it_waits(acs, cpe_for):
    asked = asyncio.Event()
    acs.on_request = lambda request: None if request.method == "Inform" else asked.set() or b""
    async with cpe_for(bootstrapped=True) as cpe:
        await asyncio.wait_for(asked.wait(), 5)
        await cpe.until(lambda: cpe.failures)
        assert cpe.events[0] == "1 BOOT"  # delivered, although the session broke off


async def test_an_acs_that_says_nothing_is_given_up(acs):
    acs.on_request = lambda request: b" " if request.method == "Inform" else None
    pace = Pace(boot=0, answer=0.05, retry=10)
    async with SimulatedCpe(CpeConfig(acs=acs.url, pace=pace)) as cpe:
        await cpe.until(lambda: cpe.failures)
        assert "TimeoutError" in cpe.failures[0]


async def test_an_unknown_mood_is_named():
    with pytest.raises(ValueError, match="no mood 'sulky'"):
        SimulatedCpe(CpeConfig(acs="http://127.0.0.1:1/", moods=frozenset({"sulky"})))


async def test_https_without_a_trusted_certificate_is_a_failure(acs, cpe_for):
    pace = replace(FAST, answer=0.1)
    async with cpe_for(acs=acs.url.replace("http", "https"), pace=pace) as cpe:
        await cpe.until(lambda: cpe.failures)
        assert "no answer from the ACS" in cpe.failures[0]
