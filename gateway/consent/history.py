"""The journal's consent entries, as `gateway.consent.reconcile` reads them at start."""

from collections.abc import Iterator

from audit.reader import EvidenceReader
from gateway.consent.record import PastEntry


class JournalHistory:
    """`gateway.consent.reconcile.History` over the evidence. The reader needs the keys."""

    def __init__(self, reader: EvidenceReader) -> None:
        self._reader = reader

    def size(self) -> int:
        return self._reader.size

    def consent_entries(self, start: int) -> Iterator[PastEntry]:
        for entry in self._reader.entries(start):
            if entry.consent_ref is None or not entry.kind.value.startswith("consent."):
                continue
            sealed = set(self._reader.compartments(entry.index))
            yield PastEntry(
                index=entry.index,
                kind=entry.kind,
                consent_ref=entry.consent_ref,
                facts=entry.facts,
                who=self._reader.sealed(entry.index, "who") if "who" in sealed else {},
                subj=self._reader.sealed(entry.index, "subj") if "subj" in sealed else {},
            )
