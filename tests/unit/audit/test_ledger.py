"""The rules of what may still be recorded, in log order."""

import pytest

from audit.entry import Kind
from audit.errors import BadEntry, RecordRefused
from audit.ledger import CHAINED, CONSENT_ENDS, ChainedSession, Ledger, check_chain
from audit.store import ConsentEnd, SessionRow


class Log:
    """A ledger with an index that counts up, and a store that may know older rows."""

    def __init__(self, sessions=None, ends=None):
        self.sessions = sessions or {}
        self.ends = ends or {}
        self.ledger = Ledger(0, self.sessions.get, self.ends.get)
        self.index = 0

    def write(self, kind, session=None, consent=None):
        admitted = self.ledger.admit(kind, session, consent, self.index)
        return self._settle(kind, admitted, consent)

    def command(self, session="S", consent="C"):
        return self._settle(Kind.CMD_INTENT, self.ledger.admit_command(session, consent), consent)

    def _settle(self, kind, admitted, consent):
        end = self.ledger.settle(kind, admitted, consent, self.index, bytes([self.index]) * 32)
        self.index += 1
        return end


def refused(call, *args):
    with pytest.raises(RecordRefused) as caught:
        call(*args)
    return caught.value.reason


@pytest.fixture
def log():
    made = Log()
    made.write(Kind.SESSION_OPENED, "S", "C")
    return made


def test_commands_run_while_session_and_consent_last(log):
    for _ in range(3):
        log.command()
    session = log.ledger.session("S")
    assert (session.n, session.previous, session.state) == (4, bytes([3]) * 32, "open")
    assert log.ledger.why_ended("S", "C") is None


@pytest.mark.parametrize(("kind", "reason"), [item for item in CONSENT_ENDS.items() if item[1] != "used_up"])
def test_no_command_after_the_end_of_the_consent(log, kind, reason):
    log.command()
    assert log.write(kind, None, "C") == ConsentEnd("C", reason, 2)
    assert refused(log.command) == reason
    assert log.ledger.why_ended("S", "C") is not None
    assert log.ledger.generation == 1
    assert refused(log.write, Kind.SESSION_OPENED, "S2", "C") == reason
    log.write(Kind.CMD_RESULT, "S", "C")  # what was sent before is still answered
    log.write(Kind.SESSION_CLOSED, "S", "C")


def test_the_end_of_another_consent_changes_nothing(log):
    log.write(Kind.CONSENT_REVOKED, None, "C2")
    log.command()
    assert log.ledger.why_ended("S", "C") is None


def test_used_up_only_stops_new_sessions(log):
    log.write(Kind.CONSENT_USED_UP, None, "C")
    log.command()
    assert log.ledger.why_ended("S", "C") is None
    assert log.ledger.generation == 0
    assert refused(log.write, Kind.SESSION_OPENED, "S2", "C") == "used_up"
    log.write(Kind.CONSENT_REVOKED, None, "C")
    assert refused(log.command) == "revoked"


def test_the_session_that_uses_the_consent_up_may_open():
    log = Log()
    log.write(Kind.SESSION_REQUESTED, "S", "C")
    log.write(Kind.CONSENT_USED_UP, None, "C")
    log.write(Kind.CONSENT_USED_UP, None, "C")
    log.write(Kind.SESSION_OPENED, "S", "C")
    log.command()
    assert refused(log.write, Kind.SESSION_REQUESTED, "S2", "C") == "used_up"


def test_a_session_requested_before_the_revocation_does_not_open():
    log = Log()
    log.write(Kind.SESSION_REQUESTED, "S", "C")
    log.write(Kind.CONSENT_REVOKED, None, "C")
    assert refused(log.write, Kind.SESSION_OPENED, "S", "C") == "revoked"
    log.write(Kind.SESSION_CLOSED, "S", "C")


def test_an_end_found_in_the_store_counts():
    log = Log(ends={"C": ConsentEnd("C", "expired", 5)})
    assert refused(log.write, Kind.SESSION_OPENED, "S", "C") == "expired"
    log.write(Kind.SESSION_OPENED, "S", "other")
    assert refused(log.command, "S", "C") == "expired"


def test_the_first_end_keeps_its_reason(log):
    log.write(Kind.CONSENT_REVOKED, None, "C")
    assert log.write(Kind.CONSENT_EXPIRED, None, "C") is None
    assert refused(log.command) == "revoked"


@pytest.mark.parametrize(("kind", "state"), [(Kind.SESSION_KILLED, "killed"), (Kind.SESSION_FROZEN, "frozen")])
def test_a_killed_or_frozen_session_takes_no_command_but_its_end(log, kind, state):
    log.write(kind, "S")
    assert refused(log.command) == state
    assert log.ledger.why_ended("S", "C") is not None
    assert log.ledger.generation == 1
    for late in (Kind.CMD_SENT, Kind.CMD_RESULT, Kind.REC_CHUNK, Kind.REC_END, Kind.SESSION_CLOSED):
        log.write(late, "S")
    assert refused(log.write, Kind.CMD_RESULT, "S") == "closed"


def test_freezing_does_not_revive_a_killed_session(log):
    log.write(Kind.SESSION_KILLED, "S")
    log.write(Kind.SESSION_FROZEN, "S")
    assert log.ledger.session("S").state == "killed"


def test_nothing_joins_a_closed_session_and_it_is_forgotten(log):
    log.write(Kind.SESSION_CLOSED, "S")
    assert log.ledger.session("S") is None
    for kind in sorted(CHAINED - {Kind.CMD_INTENT}):
        expected = "duplicate" if kind.value in ("session.opened", "session.requested", "session.refused") else "closed"
        assert refused(log.write, kind, "S") == expected
    assert refused(log.command) == "closed"
    assert log.ledger._by_consent == {}


def test_a_session_nobody_opened():
    log = Log(sessions={"old": SessionRow("old", "closed", None, 3)})
    assert refused(log.command) == "unopened"
    assert refused(log.write, Kind.CMD_RESULT, "S") == "unopened"
    assert refused(log.write, Kind.CMD_RESULT, "old") == "closed"
    assert refused(log.write, Kind.SESSION_OPENED, "old") == "duplicate"
    log.write(Kind.SESSION_REQUESTED, "S", "C")
    assert refused(log.command) == "unopened"


def test_a_session_is_opened_once(log):
    assert refused(log.write, Kind.SESSION_OPENED, "S", "C") == "duplicate"
    assert refused(log.write, Kind.SESSION_REQUESTED, "S", "C") == "duplicate"
    log.write(Kind.SESSION_KILLED, "S")
    assert refused(log.write, Kind.SESSION_OPENED, "S", "C") == "killed"


def test_a_refused_session_is_a_chain_of_one():
    log = Log(ends={"C": ConsentEnd("C", "revoked", 0)})
    log.write(Kind.SESSION_REFUSED, "S", "C")
    assert refused(log.write, Kind.SESSION_OPENED, "S", "other") == "duplicate"


def test_other_kinds_do_not_join_the_chain(log):
    for kind in (Kind.REPLAY_VIEW, Kind.REVIEW_GRADED, Kind.EXPORT_MADE, Kind.CONSENT_USED):
        assert log.ledger.admit(kind, "nobody", None, 9) is None
    assert log.ledger.session("S").n == 1


def test_chunks_are_counted(log):
    log.write(Kind.REC_CHUNK, "S")
    log.write(Kind.REC_CHUNK, "S")
    assert log.ledger.session("S").chunks == 2


def test_a_restored_session_goes_on():
    log = Log(ends={"C": ConsentEnd("C", "revoked", 1)})
    log.ledger.restore(ChainedSession("S", "C", 0, "open", n=5, previous=b"p"))
    assert refused(log.command) == "revoked"
    assert [session.id for session in log.ledger.unclosed()] == ["S"]


def test_many_ends_do_not_fill_memory(log):
    for number in range(25_000):
        log.ledger.settle(Kind.CONSENT_REVOKED, None, f"C{number}", number, b"")
    assert len(log.ledger._recent_ends) <= 10_000
    assert log.ledger._recent_ends["C24999"].reason == "revoked"
    assert log.ledger.generation == 25_000


@pytest.mark.parametrize(
    ("kind", "session", "consent"),
    [
        (Kind.CMD_INTENT, "S", "C"),
        (Kind.SESSION_OPENED, None, "C"),
        (Kind.SESSION_CLOSED, None, None),
        (Kind.SESSION_KILLED, None, None),
        (Kind.CONSENT_REVOKED, None, None),
    ],
)
def test_entries_that_name_too_little(kind, session, consent):
    with pytest.raises(BadEntry):
        check_chain(kind, session, consent)
