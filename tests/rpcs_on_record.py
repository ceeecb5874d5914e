"""RPCs of TR-069 that carry out a command of a session, on record as the gateway writes them: for tests of pages."""

from audit.entry import Kind, NewEntry
from audit.journal import Journal
from audit.rpc import NewRpc

RADIO = "Device.WiFi.Radio.1.Channel"
SECRET = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
VALUE = "quux-channel-11"
HOSTILE_NAME = "Device.<b>x</b>.\u202e\x1b]0;x\x07"


async def add_rpcs(journal: Journal, session: str, consent: str, of: int) -> list[int]:
    """Three: values that came, a write that failed, one without an answer. Indices of their intents."""
    read = await _asked(
        journal, session, consent, of, "GetParameterValues", 3, {"names": [RADIO, SECRET, HOSTILE_NAME]}
    )
    values = [{"name": RADIO, "value": VALUE}, {"name": SECRET, "value": "******"}]
    await _answered(journal, session, consent, read[1], {"values": 2, "masked": 1, "unasked": 1}, {"values": values})
    written = [{"name": RADIO, "value": "15", "type": "xsd:unsignedInt"}]
    write = await _asked(journal, session, consent, of, "SetParameterValues", 1, {"values": written, "key": "k-1"})
    parameters = [{"name": RADIO, "fault": 9007}]
    await _answered(journal, session, consent, write[1], {"fault": 9003}, {"parameters": parameters})
    silent = await _asked(journal, session, consent, of, "GetParameterNames", None, {"path": "Device.IP."})
    return [read[0], write[0], silent[0]]


async def _asked(
    journal: Journal, session: str, consent: str, of: int, method: str, names: int | None, kept: dict[str, object]
) -> tuple[int, int]:
    recorded = await journal.append_rpc(
        NewRpc(
            rpc_id="v-1", method=method, wire=b"<x/>", purpose="command", session=session, consent_ref=consent, of=of,
            facts={} if names is None else {"names": names}, kept=kept,  # type: ignore[arg-type]
        )
    )  # fmt: skip
    assert recorded.n is not None
    return recorded.entry_index, recorded.n


async def _answered(
    journal: Journal, session: str, consent: str, of: int, facts: dict[str, int], out: dict[str, object]
) -> None:
    await journal.append(
        NewEntry(
            kind=Kind.RPC_RESULT, session=session, consent_ref=consent, facts={"of": of, **facts},
            sealed={"out": out},  # type: ignore[dict-item]
        )
    )  # fmt: skip
