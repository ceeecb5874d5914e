"""The key sets this boot seals with. Made durable by the key store before first use; held in memory, for one boot only.

Subjects: a session, a consent (entries outside sessions), a subscriber (router and contacts, and what its router tells
by itself), or the boot itself (logins, other administration), all but sessions anew every month. Owned by the committer
thread.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Final, get_args

from audit.entry import Compartment, NewEntry, RetentionClass
from audit.keys.sealing import SealingKey, SeldomKey, SeldomKeys
from audit.keys.store import RECORDING, KeySet, KeyStore, SubjectKind, new_keys
from audit.ledger import CHAINED
from config.ids import new_id
from config.records import record

_KEPT_BYTES = 16 * 1024 * 1024
"""For key sets of consents and subscribers. Who is pushed out and comes back gets a new key set: slow, and the key
database grows."""
_BYTES_EACH = 512
"""Of one such key set with its place in the ring, rounded up."""
KEPT: Final = _KEPT_BYTES // _BYTES_EACH
"""More than a gateway has routers: each router that has an Inform recorded takes one."""


@record
class Subject:
    """Whose keys: the unit of erasure, together with the compartment."""

    kind: SubjectKind
    id: str
    retention: RetentionClass


@record
class ActiveKeys:
    """A key set in use: its id and one sealing key a compartment."""

    id: str
    keys: Mapping[str, SealingKey] | Mapping[str, SeldomKey] = field(repr=False)


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

    def __init__(self, store: KeyStore, *, kept: int = KEPT) -> None:
        """`kept`: key sets of consents and subscribers that stay in memory."""
        self._store = store
        self._kept = kept
        self._active: dict[Subject, ActiveKeys] = {}
        """Of sessions and of the boot: they are few, and forgotten when they are over."""
        self._many = _Many()
        """Of consents and subscribers."""
        self._month = (0, 0)
        """In which `_many` were made."""

    def provide(self, subjects: Iterable[Subject], now: datetime) -> None:
        """See that each subject has a key set: one durable write for all that are missing, none if none is.

        Raises whatever the key store raises; the caller treats it as fatal.
        """
        if self._month != (month := (now.year, now.month)):
            self._many, self._month = _Many(), month  # their keys die with the month that they were made in
        missing = [subject for subject in dict.fromkeys(subjects) if self.find(subject) is None]
        if not missing:
            return
        sets = [_make(subject, now) for subject in missing]
        self._store.add(sets)
        for subject, made in zip(missing, sets, strict=True):
            if _is_many(subject):
                self._many.add(subject, SeldomKeys(made.id, made.keys))
            else:
                keys = {name: SealingKey(key) for name, key in made.keys.items()}
                self._active[subject] = ActiveKeys(made.id, keys)

    def get(self, subject: Subject) -> ActiveKeys:
        """The key set of a subject that was provided for."""
        found = self.find(subject)
        if found is None:
            raise KeyError(subject)
        return found

    def find(self, subject: Subject) -> ActiveKeys | None:
        """The key set of a subject; none if it was not provided for, or is forgotten."""
        if not _is_many(subject):
            return self._active.get(subject)
        found = self._many.get(subject)
        return None if found is None else ActiveKeys(found.id, found)

    def tidy(self) -> None:
        """Between batches: forget of those of consents and subscribers what is too much."""
        self._many.tidy(self._kept)

    def forget_session(self, session: str) -> None:
        """The session is closed; its keys leave memory."""
        for retention in get_args(RetentionClass):
            self._active.pop(Subject("session", session, retention), None)

    def forget(self, key_sets: Collection[str]) -> None:
        """These key sets are about to be destroyed: nothing more is sealed with them."""
        for subject in [subject for subject, active in self._active.items() if active.id in key_sets]:
            del self._active[subject]
        self._many.forget(key_sets)


class _Many:
    """Key sets of which there is one for each router: no object is kept for what names one."""

    def __init__(self) -> None:
        self._sets: dict[tuple[SubjectKind, RetentionClass], dict[str, SeldomKeys]] = {}
        """By the id of the subject, in the order in which they were made."""

    def get(self, subject: Subject) -> SeldomKeys | None:
        sets = self._sets.get((subject.kind, subject.retention))
        return None if sets is None else sets.get(subject.id)

    def add(self, subject: Subject, made: SeldomKeys) -> None:
        self._sets.setdefault((subject.kind, subject.retention), {})[subject.id] = made

    def tidy(self, kept: int) -> None:
        """Where there are too many, those go that were made first of the kind of which there are most."""
        for _ in range(sum(map(len, self._sets.values())) - kept):
            most = max(self._sets.values(), key=len)
            del most[next(iter(most))]

    def forget(self, key_sets: Collection[str]) -> None:
        """These go."""
        for sets in self._sets.values():
            for one in [one for one, keys in sets.items() if keys.id in key_sets]:
                del sets[one]


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


def _is_many(subject: Subject) -> bool:
    return subject.kind in ("consent", "subscriber")


def _is_recording(subject: Subject) -> bool:
    return subject.kind == "session" and subject.retention == "recording"
