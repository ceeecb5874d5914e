"""The subscriber's log: what was done under one consent, line by line, in plain words. No command, no name, no secret.

Reads the evidence through `audit.reader.EvidenceReader`. Only open facts are read, so no key is needed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from audit.entry import Json, Kind
from audit.reader import EvidenceReader
from gateway.consent.model import Language
from gateway.evidence.log_words import blocked, done, event

MAX_LINES = 500


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: when (UTC), what, and whether it was refused."""

    at: datetime
    text: str
    refused: bool = False


LogFor: TypeAlias = Callable[[str, Language], Awaitable[Sequence[LogLine]]]
"""The log of a consent, by its id, in a language. Raises `audit.errors.AuditError`."""


class Entry(Protocol):
    """What is needed of `audit.reader.StoredEntry`."""

    @property
    def kind(self) -> Kind: ...
    @property
    def time(self) -> datetime: ...
    @property
    def facts(self) -> Mapping[str, Json]: ...


class Reader(Protocol):
    """What is needed of `audit.reader.EvidenceReader`."""

    def consent(self, consent_ref: str, /) -> Sequence[Entry]:
        """Entries of a consent outside sessions, in order."""
        ...

    def session(self, session: str, /) -> Sequence[Entry]:
        """Entries of a session, in order."""
        ...


def evidence_log(evidence_dir: Path) -> LogFor:
    """Reads the embedded journal in `evidence_dir`, beside its writer."""

    def read(consent_ref: str, language: Language) -> Sequence[LogLine]:
        with closing(EvidenceReader.open(evidence_dir)) as reader:
            return plain_log(reader, consent_ref, language)

    async def log_for(consent_ref: str, language: Language) -> Sequence[LogLine]:
        return await asyncio.to_thread(read, consent_ref, language)

    return log_for


def plain_log(reader: Reader, consent_ref: str, language: Language) -> list[LogLine]:
    """The newest `MAX_LINES` lines of one consent, oldest first; the same thing several times in a row is one line."""
    entries = list(_entries(reader, consent_ref))
    entries.sort(key=lambda entry: entry.time)
    lines: list[LogLine] = []
    for entry in entries:
        line = _line(entry, language)
        if line is not None and not (lines and lines[-1].text == line.text):
            lines.append(line)
    return lines[-MAX_LINES:]


def _entries(reader: Reader, consent_ref: str) -> Iterator[Entry]:
    """Of the consent, and of the sessions opened under it, which its `consent.used` entries name."""
    for entry in reader.consent(consent_ref):
        yield entry
        session = entry.facts.get("session")
        if entry.kind is Kind.CONSENT_USED and isinstance(session, str):
            yield from reader.session(session)


def _line(entry: Entry, language: Language) -> LogLine | None:
    facts = entry.facts
    capability, why = str(facts.get("cap", "")), str(facts.get("why", ""))
    if entry.kind is Kind.CMD_INTENT:
        return LogLine(entry.time, done(capability, language)) if facts.get("purpose") == "command" else None
    if entry.kind is Kind.CMD_BLOCKED:
        return LogLine(entry.time, blocked(why, capability, language), refused=True)
    if entry.kind is Kind.SESSION_ATTEMPT:
        return LogLine(entry.time, event("attempt", language), refused=True)
    name = _event_name(entry)
    return None if name is None else LogLine(entry.time, event(name, language))


def _event_name(entry: Entry) -> str | None:
    match entry.kind:
        case Kind.SESSION_OPENED:
            return "opened"
        case Kind.SESSION_CLOSED:
            return "closed"
        case Kind.SESSION_KILLED | Kind.SESSION_FROZEN:
            return "killed"
        case Kind.WATCH_JOIN:
            return "watched"
        case Kind.CONSENT_GRANTED:
            return "granted"
        case Kind.CONSENT_EXTENSION:
            return {"granted": "extended", "refused": "not_extended"}.get(str(entry.facts.get("phase")))
        case Kind.CONSENT_REVOKED:
            return "revoked"
        case Kind.CONSENT_EXPIRED | Kind.CONSENT_USED_UP | Kind.CONSENT_CLOSED:
            return "over"
        case _:
            return None
