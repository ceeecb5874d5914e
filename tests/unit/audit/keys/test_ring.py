"""Which key set seals what, and that it is durable before use."""

import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from audit.entry import Kind, NewEntry
from audit.keys.memory_store import MemoryKeyStore
from audit.keys.ring import KEPT, KeyRing, Subject, subject_of
from config.ids import time_of

NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "session", "consent", "expected"),
    [
        (Kind.CMD_BLOCKED, "S", "C", ("session", "S")),
        (Kind.SESSION_CLOSED, "S", None, ("session", "S")),
        (Kind.CONSENT_REVOKED, None, "C", ("consent", "C")),
        (Kind.CONSENT_USED, "S", "C", ("consent", "C")),
        (Kind.REPLAY_VIEW, "S", "C", ("boot", "main/4/2026-01")),
        (Kind.AUTH_OK, None, None, ("boot", "main/4/2026-01")),
        (Kind.SESSION_REFUSED, None, "C", ("boot", "main/4/2026-01")),
    ],
)
def test_the_subject_of_an_entry(kind, session, consent, expected):
    entry = NewEntry(kind=kind, session=session, consent_ref=consent, retention="strike")
    assert subject_of(entry, "main/4", NOW) == Subject(*expected, "strike")


class Recording(MemoryKeyStore):
    def __init__(self):
        super().__init__()
        self.added = []

    def add(self, sets):
        super().add(sets)
        self.added.append(sets)


class Nowhere(MemoryKeyStore):
    def add(self, sets):
        pass


def test_missing_sets_are_made_together_and_once():
    store = Recording()
    ring = KeyRing(store)
    subjects = [
        Subject("session", "S", "access"),
        Subject("session", "S", "recording"),
        Subject("session", "S", "access"),
    ]
    ring.provide(subjects, NOW)
    ring.provide(subjects, NOW)
    ring.provide([], NOW)
    assert [len(sets) for sets in store.added] == [2]
    access, recording = store.added[0]
    assert (set(access.keys), set(recording.keys)) == ({"who", "subj", "act", "out"}, {"rec"})
    assert access.month == "2026-01"
    active = ring.get(subjects[0])
    assert active.id == access.id
    assert store.get(active.id, "act") == active.keys["act"].dek


def test_keys_that_were_not_stored_are_not_used():
    store = MemoryKeyStore()
    store.fail = OSError(28, "No space left on device")
    ring, subject = KeyRing(store), Subject("session", "S", "access")
    with pytest.raises(OSError):
        ring.provide([subject], NOW)
    with pytest.raises(KeyError):
        ring.get(subject)


def test_a_new_boot_never_takes_up_old_keys():
    store, subject = MemoryKeyStore(), Subject("consent", "C", "consent")
    first, second = KeyRing(store), KeyRing(store)
    first.provide([subject], NOW)
    second.provide([subject], NOW)
    assert first.get(subject).id != second.get(subject).id
    assert first.get(subject).keys["who"].dek != second.get(subject).keys["who"].dek


def test_keys_of_closed_sessions_leave_memory():
    ring = KeyRing(MemoryKeyStore())
    subjects = [Subject("session", "S", "access"), Subject("session", "T", "access")]
    ring.provide(subjects, NOW)
    ring.forget_session("S")
    with pytest.raises(KeyError):
        ring.get(subjects[0])
    assert ring.get(subjects[1])


def test_memory_for_consents_and_subscribers_is_bounded():
    store = Recording()
    ring = KeyRing(store, kept=40)
    subjects = [Subject("subscriber" if number % 2 else "consent", str(number), "access") for number in range(60)]
    for start in range(0, 60, 10):
        ring.provide(subjects[start : start + 10], NOW)
        ring.tidy()
    made = len(store.added)
    ring.provide(subjects[20:], NOW)
    assert len(store.added) == made, "the last ones are still there"
    for subject in subjects[:20]:
        with pytest.raises(KeyError):
            ring.get(subject)


def test_the_keys_of_ten_thousand_subscribers_stay_and_are_small():
    assert KEPT >= 3 * 10_000
    ring, subjects = KeyRing(Nowhere()), [Subject("subscriber", str(number), "access") for number in range(2_000)]
    tracemalloc.start()
    ring.provide(subjects, NOW)
    ring.tidy()
    for subject in subjects:
        ring.get(subject).keys["act"].seal(b"content", b"aad")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / len(subjects) < 512


def test_a_new_month_has_new_keys_because_the_old_ones_die_earlier():
    store = Recording()
    ring, many, session = KeyRing(store), Subject("subscriber", "B", "access"), Subject("session", "S", "access")
    ring.provide([many, session], NOW)
    first, begun = ring.get(many).id, ring.get(session).id
    ring.provide([many, session], NOW + timedelta(days=1))
    assert ring.get(many).id != first
    assert ring.get(session).id == begun, "a session is one"
    assert [made.month for sets in store.added for made in sets] == ["2026-01", "2026-01", "2026-02"]


def test_no_key_is_shown():
    ring = KeyRing(MemoryKeyStore())
    subject = Subject("session", "S", "access")
    ring.provide([subject], NOW)
    assert repr(ring.get(subject).keys["who"].dek) not in repr(ring.get(subject))


def test_the_time_of_an_id_is_that_of_its_month():
    store = Recording()
    KeyRing(store).provide([Subject("session", "S", "access")], NOW)
    (made,) = store.added[0]
    assert time_of(made.id) == NOW
    assert made.month == f"{time_of(made.id):%Y-%m}" == "2026-01"


def test_what_is_about_a_subscriber_has_keys_of_its_own():
    entry = NewEntry(kind=Kind.ADMIN_CHANGE, subscriber="B")
    assert subject_of(entry, "main/4", NOW) == Subject("subscriber", "B", "access")


def test_destroyed_key_sets_are_not_used_again():
    store, subject = MemoryKeyStore(), Subject("subscriber", "B", "access")
    ring = KeyRing(store)
    ring.provide([subject], NOW)
    first = ring.get(subject).id
    ring.forget([first])
    ring.tidy()
    ring.provide([subject], NOW)
    assert ring.get(subject).id != first
