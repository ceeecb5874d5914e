"""RPCs of TR-069 in the journal: durable before they are sent, refused like commands, in the chain or beside it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from audit.entry import Kind, NewEntry
from audit.errors import BadEntry, RecordRefused
from audit.rpc import NewRpc, RecordedRpc
from audit.verify.log import verify_log


@pytest.fixture(params=["memory", "file"])
def journal(request, scene):
    return scene.in_memory() if request.param == "memory" else scene.open()


def rpc(session, consent, clock, **changes):
    wanted = {
        "rpc_id": "v-1", "method": "GetParameterValues", "wire": b"<SECRET-WIRE/>", "purpose": "command", "of": 1,
        "session": session, "consent_ref": consent, "deadline": clock.now() + timedelta(hours=1),
        "subscriber": "01SUBSCRIBER0000000000000A", "facts": {"count": 1}, "kept": {"names": ["Device.X"]},
    }  # fmt: skip
    return NewRpc(**{**wanted, **changes})


async def opened(journal, scene):
    consent = await scene.consent(journal)
    return await scene.session(journal, consent), consent


async def test_an_rpc_for_a_rep_is_a_link_of_the_chain(journal, scene):
    session, consent = await opened(journal, scene)
    recorded = await journal.append_rpc(rpc(session, consent, scene.clock))
    assert isinstance(recorded, RecordedRpc)
    assert (recorded.n, recorded.wire, recorded.rpc_id) == (1, b"<SECRET-WIRE/>", "v-1")
    assert journal.why_rpc_ended(recorded) is None
    reader = journal.reader()
    entry = reader.session(session)[-1]
    assert (entry.kind, entry.index) == (Kind.RPC_INTENT, recorded.entry_index)
    assert entry.head.facts == {"method": "GetParameterValues", "purpose": "command", "of": 1, "count": 1}
    assert reader.sealed(entry.index, "act") == {"names": ["Device.X"]}


@pytest.mark.parametrize("kind", [Kind.CONSENT_REVOKED, Kind.CONSENT_EXPIRED, Kind.SESSION_KILLED])
async def test_after_the_end_nothing_for_the_rep_is_recorded_and_what_was_may_not_be_sent(journal, scene, kind):
    session, consent = await opened(journal, scene)
    before = await journal.append_rpc(rpc(session, consent, scene.clock))
    of = session if kind is Kind.SESSION_KILLED else None
    await journal.append(NewEntry(kind=kind, session=of, consent_ref=consent))
    assert journal.why_rpc_ended(before) is not None
    for purpose in ("command", "keepalive"):
        with pytest.raises(RecordRefused):
            await journal.append_rpc(rpc(session, consent, scene.clock, purpose=purpose))
    undo = await journal.append_rpc(rpc(session, consent, scene.clock, purpose="undo"))
    assert journal.why_rpc_ended(undo) is None, "what must not outlive the consent can still be undone"


async def test_what_is_undone_later_stands_beside_the_chain_and_names_the_session(journal, scene):
    session, consent = await opened(journal, scene)
    await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session, facts={"reason": "end"}))
    recorded = await journal.append_rpc(rpc(session, consent, scene.clock, purpose="undo", of=None))
    entry = journal.reader().entry(recorded.entry_index)
    assert (recorded.n, entry.head.session, entry.head.facts["session"]) == (None, None, session)
    assert journal.reader().sealed(recorded.entry_index, "act") == {"names": ["Device.X"]}


async def test_the_deadline_counts_though_nobody_revoked(journal, scene):
    session, consent = await opened(journal, scene)
    with pytest.raises(RecordRefused, match="expired"):
        await journal.append_rpc(rpc(session, consent, scene.clock, deadline=scene.clock.now()))


@pytest.mark.parametrize("missing", ["session", "consent_ref"])
async def test_an_rpc_for_a_rep_relies_on_something(journal, scene, missing):
    session, consent = await opened(journal, scene)
    with pytest.raises(BadEntry, match="names its session"):
        await journal.append_rpc(replace(rpc(session, consent, scene.clock), **{missing: None}))


async def test_only_the_journal_proves(scene):
    with pytest.raises(TypeError, match=r"audit\.journal only"):
        RecordedRpc(
            rpc_id="", method="", wire=b"", purpose="machine", session=None, consent_ref=None, subscriber=None,
            entry_index=0, n=None, generation=0, mint=object(),
        )  # fmt: skip


async def test_the_log_verifies_with_rpcs_in_it(scene):
    journal = scene.open()
    session, consent = await opened(journal, scene)
    await journal.append_rpc(rpc(session, consent, scene.clock))
    await journal.append(NewEntry(kind=Kind.RPC_RESULT, session=session, facts={"of": 1}, sealed={"out": {"a": 1}}))
    await journal.append_rpc(rpc(None, None, scene.clock, purpose="machine", of=None))
    await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session, facts={"reason": "end"}))
    journal.close()
    report = verify_log(scene.directory, scene.keys_dir / "log.pub", keys_dir=scene.keys_dir)
    assert report.exit_code == 0, list(report.lines())
