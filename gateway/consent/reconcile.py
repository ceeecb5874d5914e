"""Brings the store in line with the journal at start: what is on record happened, whether it was stored or not.

Counterpart: `gateway.consent.ledger`, which writes the entry first and the store second, so that a crash in between
leaves the store behind and never ahead.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

import structlog

from audit.entry import Json, Kind
from audit.errors import KeyUnavailable
from gateway.consent.model import FINAL
from gateway.consent.record import PastEntry, rebuild
from gateway.consent.store import ConsentStore

_log = structlog.get_logger("consent")


class Stored(Protocol):
    """One entry read back; `audit.reader.StoredEntry` is one."""

    @property
    def index(self) -> int: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def consent_ref(self) -> str | None: ...
    @property
    def facts(self) -> Mapping[str, Json]: ...


class History(Protocol):
    """The journal as it can be read; `audit.reader.EvidenceReader` is one."""

    @property
    def size(self) -> int:
        """Entries in the log."""
        ...

    def entries(self, low: int = 0, /) -> Iterable[Stored]:
        """Entries of index `low` and later, in order."""
        ...

    def sealed(self, index: int, compartment: str, /) -> dict[str, Json]:
        """The content of a sealed part. Raises `audit.errors.KeyUnavailable` if it was erased."""
        ...


async def reconcile(history: History, store: ConsentStore) -> list[str]:
    """Apply what the store missed; ids of the consents that changed.

    For the start of a single worker, after the journal's recovery has closed every session: none is live any more.
    """
    size = history.size
    changed: dict[str, None] = {}
    for sealed in _transitions(history, await store.reconciled_to()):
        before = await store.get(sealed.consent_ref)
        if before is not None and before.revision >= sealed.facts["rev"]:
            continue
        past = _opened(history, sealed)
        after = None if past is None else rebuild(before, past)
        if after is None:
            _log.warning("consent.not_restored", consent=sealed.consent_ref, entry=sealed.index)
        elif after is not before:
            await store.overwrite(after)
            changed[after.id] = None
    for consent in await store.latest(unfinished=True, limit=1_000_000):
        if consent.sessions_live and consent.state not in FINAL:
            await store.overwrite(replace(consent, sessions_live=0, revision=consent.revision + 1))
    await store.set_reconciled_to(size)
    return list(changed)


def _transitions(history: History, start: int) -> Iterator[PastEntry]:
    """Entries that tell a consent's state, still sealed. Those of sessions name consents too, but no revision."""
    for entry in history.entries(start):
        if entry.consent_ref is not None and "rev" in entry.facts:
            yield PastEntry(
                index=entry.index, kind=entry.kind, consent_ref=entry.consent_ref, facts=entry.facts, who={}, subj={}
            )


def _opened(history: History, past: PastEntry) -> PastEntry | None:
    """With the sealed parts that `rebuild` reads. None if they were erased, so that nobody is to be known any more."""
    if past.kind not in {Kind.CONSENT_ASKED, Kind.CONSENT_QUESTION, Kind.CONSENT_ANSWER}:
        return past
    try:
        return replace(past, who=history.sealed(past.index, "who"), subj=history.sealed(past.index, "subj"))
    except KeyUnavailable:
        return None
