"""What tests of feeds share: a log with one session, and events that try to break each spelling."""

from datetime import UTC, datetime

import pytest

from audit.entry import Kind, NewEntry
from audit.feeds.event import Event, Party
from audit.journal import Journal
from config.clock import FakeClock
from config.ids import new_id

HOSTILE = 'a|b\\c=d"e]f\r\nCEF:0|x <13>1 \u2028 \x1b[31m\x9b é'


@pytest.fixture
def journal():
    journal = Journal.in_memory(FakeClock(datetime(2026, 11, 23, 10, 0, tzinfo=UTC)))
    yield journal
    journal.close()


@pytest.fixture
async def session(journal) -> str:
    """A session on record: who, where, a command, a refusal, its end."""
    session, consent = new_id(), new_id()
    who = {"id": "p-1", "name": "alice.rep", "source": "198.51.100.7"}
    subject = {"router": "cpe-0042", "subscriber": "Ann Example"}
    await journal.append(NewEntry(kind=Kind.AUTH_OK, facts={"factor": "key"}, sealed={"who": who}))
    await journal.append(NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=consent, sealed={"subj": subject}))
    await journal.append(
        NewEntry(
            kind=Kind.SESSION_REQUESTED, session=session, consent_ref=consent, sealed={"who": who, "subj": subject}
        )
    )
    await journal.append(NewEntry(kind=Kind.SESSION_OPENED, session=session, consent_ref=consent))
    await journal.append(
        NewEntry(
            kind=Kind.CMD_BLOCKED,
            session=session,
            facts={"verdict": "deny", "cap": "never.pivot"},
            sealed={"act": {"typed": "telnet 10.0.0.9", "reason": "No onward login."}},
        )
    )
    await journal.append(NewEntry(kind=Kind.STRIKE, session=session, facts={"number": 1}))
    await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session, facts={"reason": "logout"}))
    return session


def event(kind: Kind = Kind.CMD_BLOCKED, **given) -> Event:
    """An event with a session, a person and a router; `given` replaces parts."""
    parts = {
        "origin": "logs.isp/x",
        "index": 7,
        "leaf_hash": bytes(range(32)),
        "kind": kind,
        "time": datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC),
        "session": new_id(),
        "n": 4,
        "consent_ref": new_id(),
        "facts": {"cap": "never.pivot", "reason": "logout", "number": 3},
        "actor": Party("actor-00112233"),
        "router": Party("router-44556677"),
    }
    return Event(**{**parts, **given})
