"""Fuzz target for CWMP's envelopes: nothing but `BadEnvelope`, and what was read is read again when written.

Run: `python tests/fuzz/fuzz_envelope.py -atheris_runs=20000 [corpus directory]`. Without atheris installed the same
checks run on random bodies: the script works everywhere, but has no guidance by coverage then.
Counterpart: tests/unit/drivers/cwmp/test_envelope.py.
"""

import contextlib
import random
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

try:
    import atheris
except ImportError:
    atheris = None

with contextlib.nullcontext() if atheris is None else atheris.instrument_imports(include=["drivers"]):
    from drivers.cwmp import messages as m
    from drivers.cwmp.codec.envelope import Envelope, check_answer, decode, encode
    from drivers.cwmp.device import DeviceId
    from drivers.errors import BadEnvelope

NAMESPACE = "urn:dslforum-org:cwmp-1-2"
VALUES = (
    m.ParameterValue("Device.WiFi.SSID.1.SSID", "a <b> & \r\n c "),
    m.ParameterValue("Device.WiFi.SSID.1.Enable", "true", "xsd:boolean"),
    m.ParameterValue("Device.Time.CurrentLocalTime", "2026-01-02T03:04:05.678Z", "xsd:dateTime"),
)
MESSAGES: tuple[m.Message, ...] = (
    m.Inform(
        manufacturer="Maker",
        device=DeviceId(oui="00D09E", product_class="DSL 2800", serial="AB-12"),
        events=(m.Event("2 PERIODIC"), m.Event("M Reboot", "key")),
        current_time="2026-01-02T03:04:05Z",
        retry_count=3,
        parameters=VALUES,
    ),
    m.TransferComplete(command_key="k", fault_code=9010, fault_string="no", start_time="t", complete_time="u"),
    m.TransferComplete(autonomous=True, transfer_url="http://x/", is_download=True, file_type="1 Firmware"),
    m.CpeRequest("GetRPCMethods"),
    m.CpeRequest(
        "DUStateChangeComplete",
        (
            m.Argument(
                "Results",
                inside=(m.Argument("OpResultStruct", inside=(m.Argument("UUID", "u"), m.Argument("Version", "1"))),),
            ),
            m.Argument("CommandKey", "key"),
        ),
    ),
    m.GetRPCMethods(),
    m.SetParameterValues(VALUES, "session"),
    m.GetParameterValues(("Device.", "Device.DeviceInfo.UpTime")),
    m.GetParameterNames("", next_level=True),
    m.SetParameterAttributes((m.Attribute("Device.X", 2, ("Subscriber",)), m.Attribute("Device.Y", None, ()))),
    m.GetParameterAttributes(("Device.",)),
    m.AddObject("Device.NAT.PortMapping.", "k"),
    m.DeleteObject("Device.NAT.PortMapping.1.", "k"),
    m.Reboot("k"),
    m.Download(command_key="k", file_type="1 Firmware Upgrade Image", url="http://x/y?a&b", file_size=12),
    m.Upload(command_key="k", file_type="2 Vendor Log File", url="http://x/"),
    m.FactoryReset(),
    m.ScheduleInform(5, "k"),
    m.GetQueuedTransfers(all=True),
    m.ScheduleDownload(command_key="k", file_type="x", url="http://x/", windows=(m.TimeWindow(0, 5, "1 At Any Time"),)),
    m.CancelTransfer("k"),
    m.Methods(("Inform", "Reboot")),
    m.Values(VALUES),
    m.Names((m.ParameterInfo("Device.", writable=False), m.ParameterInfo("Device.X", writable=True))),
    m.Attributes((m.Attribute("Device.X", 2, ("Subscriber",)),)),
    m.Transfers((m.QueuedTransfer("k", 2, download=True, file_type="x", file_size=5),), all=True),
    m.Transfers((m.QueuedTransfer("k", 2),)),
    m.Done("AddObject", 0, 7),
    m.Done("Download", 1, start_time="a", complete_time="b"),
    m.Done("Inform"),
    m.Fault(9003, "Invalid arguments", (m.ParameterFault("Device.X", 9006, "type"),)),
)
SEEDS = tuple(encode(Envelope("id-1", NAMESPACE, message)) for message in MESSAGES)
PIECES = (
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>~&b;~&#1;~&#x41;~<![CDATA[~]]>~<!--~-->~<?a ?>~<~>~/~=~\"~'~\0~\xff~\xef\xbb\xbf~"
    b"xmlns='x'~ href='#a'~<Name>x</Name>~</Name>~<Value/>~cwmp:~soap-env:~1.2~-0x7~ \r\n\t~[9999]~UTF-16~Response"
).split(b"~")
TYPES = ("", 'text/xml; charset="utf-8"', "text/xml; charset=utf-16", "text/xml;charset=gb2312", "x; charset=utf-7")
SECONDS_PER_BYTE = 20e-6


def body_of(data: bytes) -> bytes:
    """As it is, or an envelope with cuts, inserts and copies at places that `data` names."""
    if data[0] & 1:
        return data[3:]
    body = SEEDS[data[1] % len(SEEDS)]
    for at in range(3, len(data) - 3, 4):
        where = (data[at] << 8 | data[at + 1]) % (len(body) + 1)
        what = data[at + 3]
        if what < 96:
            body = body[:where] + PIECES[what % len(PIECES)] + body[where:]
        elif what < 160:
            body = body[:where] + body[where + data[at + 2] :]
        elif what < 200:
            body = body[:where] + body[where - data[at + 2] % (where + 1) : where] + body[where:]
        else:
            body = body[:where] + bytes([data[at + 2]]) + body[where + 1 :]
    return body


def check(data: bytes) -> None:
    """One input: how to make the body, which seed, which content type, and edits."""
    if len(data) < 4:
        return
    body = body_of(data)
    for sender in ("cpe", "acs"):
        start = time.process_time()
        try:
            envelope = decode(body, content_type=TYPES[data[2] % len(TYPES)], sender=sender)
        except BadEnvelope as error:
            assert str(error).endswith("."), error
            continue
        finally:
            taken = time.process_time() - start
            assert taken < 0.25 + len(body) * SECONDS_PER_BYTE, f"{taken:.2f} s for {len(body)} bytes"
        assert envelope.repaired == (envelope.raw_sha256 is not None)
        if isinstance(envelope.message, m.OtherRpc):
            continue
        again = decode(encode(envelope), sender=sender)
        assert replace(again, warnings=()) == replace(envelope, repaired=False, raw_sha256=None, warnings=())
        with contextlib.suppress(BadEnvelope):
            check_answer("AddObject", envelope.message)


def main() -> None:
    """Fuzz."""
    if atheris is not None:
        atheris.Setup(sys.argv, check)
        atheris.Fuzz()
        return
    runs = next((int(arg.partition("=")[2]) for arg in sys.argv if arg.startswith("-atheris_runs=")), 20_000)
    generator = random.Random(1)
    for run in range(runs):
        data = generator.randbytes(generator.choice((8, 16, 40)))
        try:
            check(data)
        except BaseException:
            print(f"run {run}: {data!r}")
            raise
    print(f"{runs} random bodies, no finding (atheris is not installed)")


if __name__ == "__main__":
    main()
