"""The key sets this boot seals with. Made durable by the key store before first use; held in memory, for one boot only.

Subjects: a session, a consent (entries outside sessions), a subscriber (administration of router and contacts), or the
boot itself (logins, other administration), the last anew every month. Owned by the committer thread.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from audit.entry import Compartment, NewEntry, RetentionClass
from audit.keys.sealing import SealingKey
from audit.keys.store import RECORDING, KeySet, KeyStore, SubjectKind, new_keys
from audit.ledger import CHAINED
from config.ids import new_id

_CONSENTS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose keys: the unit of erasure, together with the compartment."""

    kind: SubjectKind
    id: str
    retention: RetentionClass


@dataclass(frozen=True, slots=True)
class ActiveKeys:
    """A key set in use: its id and one sealing key a compartment."""

    id: str
    keys: Mapping[str, SealingKey] = field(repr=False)


def subject_of(entry: NewEntry, boot: str, now: datetime) -> Subject:
    """Whose key set seals this entry's parts."""
    if entry.session is not None and entry.kind in CHAINED:
        return Subject("session", entry.session, entry.retention)
    if entry.consent_ref is not None and entry.kind.value.startswith("consent."):
        return Subject("consent", entry.consent_ref, entry.retention)
    if entry.subscriber is not None:
        return Subject("subscriber", entry.subscriber, entry.retention)
    return Subject("boot", f"{boot}/{now:%Y-%m}", entry.retention)


class KeyRing:
    """Makes key sets and hands them out."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._active: dict[Subject, ActiveKeys] = {}
        self._consents: dict[Subject, None] = {}

    def provide(self, subjects: Iterable[Subject], now: datetime) -> None:
        """See that each subject has a key set: one durable write for all that are missing, none if none is.

        Raises whatever the key store raises; the caller treats it as fatal.
        """
        missing = [subject for subject in dict.fromkeys(subjects) if subject not in self._active]
        if not missing:
            return
        sets = [_make(subject, now) for subject in missing]
        self._store.add(sets)
        for subject, made in zip(missing, sets, strict=True):
            many = subject.kind in {"consent", "subscriber"}
            keys = {name: SealingKey(key, seldom=many) for name, key in made.keys.items()}
            self._active[subject] = ActiveKeys(made.id, keys)
            if many:
                self._consents[subject] = None

    def get(self, subject: Subject) -> ActiveKeys:
        """The key set of a subject that was provided for."""
        return self._active[subject]

    def tidy(self) -> None:
        """Between batches: forget the consents and subscribers used longest ago; who comes back gets a new key set."""
        while len(self._consents) > _CONSENTS_KEPT:
            oldest = next(iter(self._consents))
            del self._consents[oldest]
            del self._active[oldest]

    def forget_session(self, session: str) -> None:
        """The session is closed; its keys leave memory."""
        for retention in get_args(RetentionClass):
            self._active.pop(Subject("session", session, retention), None)

    def forget(self, key_sets: Collection[str]) -> None:
        """These key sets are about to be destroyed: nothing more is sealed with them."""
        for subject in [subject for subject, active in self._active.items() if active.id in key_sets]:
            del self._active[subject]
            self._consents.pop(subject, None)


def _make(subject: Subject, now: datetime) -> KeySet:
    compartments = (RECORDING,) if _is_recording(subject) else get_args(Compartment)
    return KeySet(
        id=new_id(now),
        subject_kind=subject.kind,
        subject=subject.id,
        retention=subject.retention,
        month=f"{now:%Y-%m}",
        keys=new_keys(compartments),
    )


def _is_recording(subject: Subject) -> bool:
    return subject.kind == "session" and subject.retention == "recording"
