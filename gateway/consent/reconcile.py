"""Brings the store in line with the journal at start: what is on record happened, whether it was stored or not.

Counterpart: `gateway.consent.ledger`, which writes the entry first and the store second, so that a crash in between
leaves the store behind and never ahead.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import structlog

from gateway.consent.model import FINAL
from gateway.consent.record import PastEntry, rebuild
from gateway.consent.store import ConsentStore

_log = structlog.get_logger("consent")


class History(Protocol):
    """The consent entries of the journal."""

    def size(self) -> int:
        """Entries in the log."""
        ...

    def consent_entries(self, start: int) -> Iterable[PastEntry]:
        """Entries of index `start` and later that name a consent, in order."""
        ...


async def reconcile(history: History, store: ConsentStore) -> list[str]:
    """Apply what the store missed; ids of the consents that changed.

    For the start of a single worker, after the journal's recovery has closed every session: none is live any more.
    """
    size = history.size()
    changed: dict[str, None] = {}
    for past in history.consent_entries(await store.reconciled_to()):
        before = await store.get(past.consent_ref)
        after = rebuild(before, past)
        if after is None:
            _log.error("consent.unknown_on_record", consent=past.consent_ref, entry=past.index)
        elif after is not before:
            await store.overwrite(after)
            changed[after.id] = None
    for consent in await store.latest(unfinished=True, limit=1_000_000):
        if consent.sessions_live and consent.state not in FINAL:
            await store.overwrite(replace(consent, sessions_live=0, revision=consent.revision + 1))
    await store.set_reconciled_to(size)
    return list(changed)
