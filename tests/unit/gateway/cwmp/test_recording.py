"""What is recorded of CPEs: durable before a byte leaves, refused after the end, and nothing personal in a head."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from audit.encoding import encode
from audit.entry import Kind, NewEntry
from audit.errors import RecordRefused
from audit.journal import Journal
from audit.rpc import NewRpc
from config.clock import FakeClock
from config.ids import new_id
from drivers.cwmp.known import KnownCpe
from gateway.cwmp.recording import MOST_EVENTS, CpeRecord, RpcRecord

CPE = KnownCpe(
    router_id=new_id(), router_name="ann-home", subscriber_ref=new_id(), device_key="00D09E-DSL-SERIAL7",
    address="198.51.100.9",
)  # fmt: skip
PERSONAL = ("ann-home", "SERIAL7", "198.51.100.9", "Device.Hosts", "sealed-detail")


@pytest.fixture
def journal(clock: FakeClock) -> Iterator[Journal]:
    opened = Journal.in_memory(clock)
    yield opened
    opened.close()


@pytest.fixture
async def session(journal: Journal) -> tuple[str, str]:
    consent, session = new_id(), new_id()
    await journal.append(NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=consent))
    await journal.append(NewEntry(kind=Kind.SESSION_OPENED, session=session, consent_ref=consent))
    return session, consent


def rpc(session: tuple[str, str] | None, clock: FakeClock, **changes: object) -> NewRpc:
    wanted: dict[str, object] = {
        "rpc_id": "1", "method": "GetParameterValues", "wire": b"<x/>", "purpose": "machine",
        "subscriber": CPE.subscriber_ref, "kept": {"names": ["Device.Hosts."]},
    }  # fmt: skip
    if session is not None:
        wanted |= {"purpose": "command", "session": session[0], "consent_ref": session[1], "of": 1}
        wanted |= {"deadline": clock.now() + timedelta(hours=1)}
    return NewRpc(**{**wanted, **changes})  # type: ignore[arg-type]


async def test_a_recorded_rpc_and_its_answer_are_links_of_the_chain(journal, clock, session):
    record = RpcRecord(journal)
    recorded = await record.record(rpc(session, clock))
    await record.answered(recorded, {"count": 3, "hidden": 1}, {"values": [["Device.Hosts.", "sealed-detail"]]})
    intent, result = journal.reader().session(session[0])[-2:]
    assert (intent.kind, result.kind) == (Kind.RPC_INTENT, Kind.RPC_RESULT)
    assert result.head.facts == {"of": intent.n, "count": 3, "hidden": 1}
    assert journal.reader().sealed(result.index, "out") == {"values": [["Device.Hosts.", "sealed-detail"]]}


async def test_one_of_the_machine_stands_beside_every_chain(journal, clock, session):
    record = RpcRecord(journal)
    recorded = await record.record(rpc(None, clock))
    await record.answered(recorded, {"fault": 9001}, {})
    await record.record(rpc(None, clock, rpc_id="2"))  # the next one does not leave before it is durable
    result = list(journal.reader().entries())[-2]
    assert (result.head.session, result.head.facts) == (None, {"entry": recorded.entry_index, "fault": 9001})


async def test_after_the_revocation_nothing_goes(journal, clock, session):
    record = RpcRecord(journal)
    await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=session[1]))
    with pytest.raises(RecordRefused, match="revoked"):
        await record.record(rpc(session, clock))


async def test_no_head_tells_anything_of_the_home(journal, clock, session):
    record = CpeRecord(journal)
    record.inform(CPE, identity="tls-password", address=CPE.address, events=["2 PERIODIC"] * 40, retries=0)
    record.refused("credentials", device="00D09E-DSL-SERIAL7", address=CPE.address, cpe=CPE, count=7)
    record.refused("unknown", device="00D09E-DSL-SERIAL7", address=CPE.address)
    record.violation("two envelopes", address=CPE.address, detail="sealed-detail")
    await record.event("boot", CPE, session=session[0], detail={"key": "sealed-detail"})
    await record.blocked(CPE, method="X_VENDOR Do", rule="m-1", detail={"names": ["Device.Hosts."]})
    await RpcRecord(journal).record(rpc(None, clock))
    reader = journal.reader()
    entries = [entry for entry in reader.entries() if entry.kind.value.partition(".")[0] in {"cpe", "rpc"}]
    assert [entry.kind.value for entry in entries] == [
        "cpe.inform", "cpe.refused", "cpe.refused", "cpe.violation", "cpe.event", "rpc.blocked", "rpc.intent",
    ]  # fmt: skip
    for entry in entries:
        text = encode(dict(entry.head.facts)).decode()
        assert not [word for word in PERSONAL if word in text], text
    assert len(entries[0].head.facts["events"]) == MOST_EVENTS
    assert entries[0].head.facts["events"][0] == "2_PERIODIC"
    assert entries[4].head.facts == {"what": "boot", "session": session[0]}
    assert entries[5].head.facts == {"method": "X_VENDOR_Do", "rule": "m-1"}
    assert reader.sealed(entries[1].index, "who") == {"source": CPE.address, "device": CPE.device_key}


async def test_an_event_code_that_a_cpe_invents_is_sealed(journal):
    events = ["2 PERIODIC", "M Reboot", "X 00D09E ann-home calls from 198.51.100.9", "1 BOOT ann-home"]
    CpeRecord(journal).inform(CPE, identity="plain-digest", address="x", events=events, retries=0)
    await journal.append(NewEntry(kind=Kind.AUTH_OK, facts={}))
    entry = next(entry for entry in journal.reader().entries() if entry.kind == Kind.CPE_INFORM)
    assert entry.head.facts["events"] == ["2_PERIODIC", "M_Reboot", "other", "other"]
    assert journal.reader().sealed(entry.index, "act") == {"events": events[2:]}


async def test_an_answer_is_waited_for_only_where_a_person_sees_it(journal, clock, session):
    """What is queued is durable before the next RPC leaves."""
    record = RpcRecord(journal)
    asked = await record.record(rpc(None, clock))
    size = len(list(journal.reader().entries()))
    await record.answered(asked, {}, {"values": []})
    assert len(list(journal.reader().entries())) == size
    command = await record.record(rpc(session, clock, rpc_id="2"))
    assert [entry.kind for entry in journal.reader().entries()][-2:] == [Kind.RPC_RESULT, Kind.RPC_INTENT]
    await record.answered(command, {}, {"values": []})
    assert [entry.kind for entry in journal.reader().entries()][-1] == Kind.RPC_RESULT


async def test_the_answer_to_a_command_of_a_closed_session_is_refused(journal, clock, session):
    record = RpcRecord(journal)
    command = await record.record(rpc(session, clock))
    await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session[0]))
    with pytest.raises(RecordRefused):
        await record.answered(command, {}, {})
