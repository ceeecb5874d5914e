"""What must hold of any log after a crash or a failure: every command accounted for, every session closed."""

import contextlib
import re
from contextlib import AbstractContextManager

from audit.entry import Kind
from audit.reader import EvidenceReader, StoredEntry
from tests.running import RunningGateway

_MARK = re.compile(rb"(h\d+(?:x\d+)+)\.example\.org")


def lookup(*numbers: int) -> str:
    """A harmless command line that no other one equals: a look-up of a name made of `numbers` (two or more)."""
    return f"nslookup h{'x'.join(map(str, numbers))}.example.org\n"


def marks(text: bytes) -> set[str]:
    """The names of `lookup` lines in a text."""
    return {found.decode() for found in _MARK.findall(text)}


def mark_of(wire: bytes) -> str:
    """The name in a `lookup` line, or the whole of a line that is the gateway's own."""
    found = _MARK.search(wire)
    return (found[1] if found else wire.strip()).decode()


def open_evidence(gateway: RunningGateway) -> AbstractContextManager[EvidenceReader]:
    """The log of an installation, to read."""
    return contextlib.closing(EvidenceReader.open(gateway.settings.evidence_dir, gateway.settings.keys_dir))


def recorded_marks(reader: EvidenceReader, entries: list[StoredEntry]) -> set[str]:
    """`mark_of` every command on record."""
    intents = [entry for entry in entries if entry.kind is Kind.CMD_INTENT]
    return {mark_of(str(reader.sealed(entry.index, "act")["canonical"]).encode()) for entry in intents}


def commands_without_result(entries: list[StoredEntry]) -> int:
    """Checks that each command has a result or stands as unknown, never both; how many are unknown."""
    intents = {(e.session, e.n) for e in entries if e.kind is Kind.CMD_INTENT}
    results = {(e.session, e.facts["of"]) for e in entries if e.kind is Kind.CMD_RESULT}
    unknown = {(e.session, e.facts["of"]) for e in entries if e.kind is Kind.CMD_UNKNOWN}
    assert intents == results | unknown
    assert not results & unknown
    return len(unknown)


def ends_of_sessions(entries: list[StoredEntry]) -> list[str]:
    """Checks that each session that was opened is closed; the reasons."""
    opened = {e.session for e in entries if e.kind is Kind.SESSION_OPENED}
    closed = {e.session: str(e.facts["reason"]) for e in entries if e.kind is Kind.SESSION_CLOSED}
    assert opened <= set(closed)
    return [reason for session, reason in closed.items() if session in opened]
