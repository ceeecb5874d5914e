"""Every message survives being written and read, whatever it says."""

import random
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cwmp import messages as m
from drivers.cwmp.codec.envelope import Envelope, decode, encode
from drivers.cwmp.device import DeviceId
from drivers.cwmp.quirks import Quirks
from drivers.errors import BadEnvelope

LEGAL = st.characters(codec="utf-8", exclude_characters=[*map(chr, set(range(0x20)) - {9, 10, 13}), "\ufffe", "\uffff"])
TEXT = st.text(LEGAL | st.sampled_from("\r\n\t &<>\"']"), max_size=20)
"""What XML 1.0 can hold, with all that needs care."""
WORD = TEXT.map(lambda text: text.strip(" \t\r\n"))
"""Ids and paths: white space around them means nothing."""
KEY = WORD
NAME = st.text(string.ascii_letters + string.digits + ".-_{}", min_size=1, max_size=30)
PART = WORD.filter(bool)
NUMBER = st.integers(-(2**31), 2**32 - 1)
TYPED = st.one_of(
    st.tuples(TEXT, st.just("xsd:string")),
    st.tuples(
        WORD, st.sampled_from(["xsd:int", "xsd:unsignedInt", "xsd:dateTime", "soap-enc:base64", "xsd:hexBinary"])
    ),
    st.tuples(st.sampled_from(["true", "false"]), st.just("xsd:boolean")),
)
VALUE = st.tuples(NAME, TYPED).map(lambda pair: m.ParameterValue(pair[0], *pair[1]))
VALUES = st.lists(VALUE, max_size=4, unique_by=lambda value: value.name).map(tuple)
WORDS = st.lists(WORD, max_size=3).map(tuple)
ATTRIBUTE = st.builds(m.Attribute, NAME, st.none() | NUMBER, st.none() | WORDS)
FAULTS = st.lists(st.builds(m.ParameterFault, NAME, NUMBER, TEXT), max_size=2).map(tuple)
RESULT = st.lists(
    st.builds(m.Argument, st.sampled_from(["UUID", "Version", "CurrentState"]), TEXT), unique_by=lambda a: a.name
)


def _ordered(arguments: list[m.Argument]) -> tuple[m.Argument, ...]:
    order = ("UUID", "Version", "CurrentState", "OperationPerformed")
    return tuple(sorted(arguments, key=lambda argument: order.index(argument.name)))


FAULT = st.builds(m.Fault, NUMBER, TEXT, FAULTS)
FROM_CPE = st.one_of(
    st.builds(
        m.Inform,
        manufacturer=WORD,
        device=st.builds(DeviceId, oui=PART, product_class=WORD, serial=PART),
        events=st.lists(st.builds(m.Event, WORD, KEY), max_size=3).map(tuple),
        current_time=WORD,
        retry_count=NUMBER,
        parameters=VALUES,
    ),
    st.builds(
        m.TransferComplete,
        command_key=KEY,
        fault_code=NUMBER,
        fault_string=TEXT,
        start_time=WORD,
        complete_time=WORD,
    ),
    st.builds(
        m.TransferComplete,
        autonomous=st.just(True),
        announce_url=WORD,
        transfer_url=WORD,
        is_download=st.booleans(),
        file_type=WORD,
        file_size=NUMBER,
        target_file_name=TEXT,
        fault_code=NUMBER,
        fault_string=TEXT,
        start_time=WORD,
        complete_time=WORD,
    ),
    st.builds(m.TransferComplete, command_key=KEY, fault_code=st.none(), complete_time=WORD),
    st.just(m.CpeRequest("GetRPCMethods")),
    st.just(m.CpeRequest("X_00D09E_Hello")),
    st.builds(
        lambda *texts: m.CpeRequest(
            "Kicked",
            tuple(m.Argument(*pair) for pair in zip(("Command", "Referer", "Arg", "Next"), texts, strict=True)),
        ),
        *[TEXT] * 4,
    ),
    st.builds(
        lambda kind, pairs: m.CpeRequest(
            "RequestDownload",
            (
                m.Argument("FileType", kind),
                m.Argument(
                    "FileTypeArg",
                    inside=tuple(
                        m.Argument("ArgStruct", inside=(m.Argument("Name", name), m.Argument("Value", value)))
                        for name, value in pairs
                    ),
                ),
            ),
        ),
        TEXT,
        st.lists(st.tuples(TEXT, TEXT), max_size=2),
    ),
    st.builds(
        lambda results: m.CpeRequest(
            "AutonomousDUStateChangeComplete",
            (
                m.Argument(
                    "Results",
                    inside=tuple(m.Argument("AutonOpResultStruct", inside=_ordered(result)) for result in results),
                ),
            ),
        ),
        st.lists(RESULT, max_size=2),
    ),
    st.builds(m.Methods, WORDS),
    st.builds(m.Values, VALUES),
    st.builds(m.Names, st.lists(st.builds(m.ParameterInfo, NAME, st.booleans()), max_size=3).map(tuple)),
    st.builds(m.Attributes, st.lists(ATTRIBUTE, max_size=3).map(tuple)),
    st.builds(m.Transfers, st.lists(st.builds(m.QueuedTransfer, KEY, NUMBER), max_size=2).map(tuple)),
    st.builds(
        m.Transfers,
        st.lists(st.builds(m.QueuedTransfer, KEY, NUMBER, st.booleans(), WORD, NUMBER, TEXT), max_size=2).map(tuple),
        st.just(True),
    ),
    st.builds(m.Done, st.just("AddObject"), NUMBER, NUMBER),
    st.builds(m.Done, st.sampled_from(["SetParameterValues", "DeleteObject"]), NUMBER),
    st.builds(m.Done, st.sampled_from(["Reboot", "FactoryReset", "ScheduleInform", "ScheduleDownload"])),
    st.builds(m.Done, st.sampled_from(["CancelTransfer", "SetParameterAttributes"])),
    st.builds(m.Done, st.sampled_from(["Download", "Upload"]), NUMBER, st.none(), WORD, WORD),
    FAULT,
)
FROM_ACS = st.one_of(
    st.just(m.GetRPCMethods()),
    st.builds(m.SetParameterValues, VALUES, TEXT),
    st.builds(m.GetParameterValues, WORDS),
    st.builds(m.GetParameterNames, WORD, st.booleans()),
    st.builds(m.SetParameterAttributes, st.lists(ATTRIBUTE, max_size=3).map(tuple)),
    st.builds(m.GetParameterAttributes, WORDS),
    st.builds(m.AddObject, WORD, TEXT),
    st.builds(m.DeleteObject, WORD, TEXT),
    st.builds(m.Reboot, TEXT),
    st.builds(
        m.Download,
        command_key=TEXT,
        file_type=WORD,
        url=WORD,
        username=TEXT,
        password=TEXT,
        file_size=NUMBER,
        target_file_name=TEXT,
        delay_seconds=NUMBER,
        success_url=WORD,
        failure_url=WORD,
    ),
    st.builds(m.Upload, command_key=TEXT, file_type=WORD, url=WORD, username=TEXT, password=TEXT, delay_seconds=NUMBER),
    st.just(m.FactoryReset()),
    st.builds(m.ScheduleInform, NUMBER, TEXT),
    st.builds(m.GetQueuedTransfers, st.booleans()),
    st.builds(
        m.ScheduleDownload,
        command_key=TEXT,
        file_type=WORD,
        url=WORD,
        username=TEXT,
        password=TEXT,
        file_size=NUMBER,
        target_file_name=TEXT,
        windows=st.lists(st.builds(m.TimeWindow, NUMBER, NUMBER, WORD, TEXT, NUMBER), max_size=2).map(tuple),
    ),
    st.builds(m.CancelTransfer, TEXT),
    st.builds(m.Methods, WORDS),
    st.builds(m.Done, st.sampled_from(["Inform", "TransferComplete", "Kicked", "RequestDownload"])),
    st.builds(m.Done, st.sampled_from(["AutonomousTransferComplete", "DUStateChangeComplete"])),
    FAULT,
)
NAMESPACES = st.sampled_from([f"urn:dslforum-org:cwmp-1-{minor}" for minor in range(5)])
QUIRKS = st.builds(Quirks, boolean_form=st.sampled_from(["true", "1"]))
SENT = st.one_of(st.tuples(FROM_CPE, st.just("cpe")), st.tuples(FROM_ACS, st.just("acs")))


@given(SENT, st.none() | PART, NAMESPACES, QUIRKS)
def test_what_is_written_is_read_again(sent, envelope_id, namespace, quirks):
    message, sender = sent
    body = encode(Envelope(envelope_id, namespace, message), quirks=quirks)
    read = decode(body, content_type='text/xml; charset="utf-8"', sender=sender)
    assert replace(read, warnings=()) == Envelope(envelope_id, namespace, message)


@given(SENT, st.randoms(use_true_random=False))
def test_a_broken_body_is_refused_or_read_the_same_twice(sent, generator: random.Random):
    """Cuts, copies, turned bits and inserted markup: nothing but `BadEnvelope`, and one stable reading."""
    message, sender = sent
    body = bytearray(encode(Envelope("1", "urn:dslforum-org:cwmp-1-0", message)))
    for _ in range(generator.randint(1, 4)):
        at, length = generator.randrange(len(body)), generator.randint(1, 40)
        match generator.randint(0, 3):
            case 0:
                del body[at : at + length]
            case 1:
                body[at:at] = body[at : at + length]
            case 2:
                body[at] ^= 1 << generator.randint(0, 7)
            case _:
                body[at:at] = generator.choice([b"<a/>", b"&#0;", b"<!--", b"]]>", b"\0", b"\xff", b"<?x?>", b"&amp;"])
    try:
        read = decode(bytes(body), sender=sender)
    except BadEnvelope as error:
        assert str(error).endswith(".")
        return
    if not isinstance(read.message, m.OtherRpc):
        again = decode(encode(read), sender=sender)
        assert (again.id, again.namespace, again.message) == (read.id, read.namespace, read.message)


@pytest.mark.parametrize(
    "message",
    [
        m.Download(command_key="", file_type="", url="", username="user-7f", password="secret-7f"),
        m.Upload(command_key="", file_type="", url="", username="user-7f", password="secret-7f"),
        m.SetParameterValues((m.ParameterValue("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "secret-7f"),)),
    ],
)
def test_no_repr_shows_a_secret(message):
    assert "7f" not in repr(message)
