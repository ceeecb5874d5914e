"""Pseudonyms by default; names, addresses and commands only for cleared feeds; what was erased is absent."""

from audit.entry import Kind, NewEntry
from audit.feeds.event import Teller, without_controls

KEY = bytes(range(32))
NAMES = ("alice.rep", "cpe-0042", "198.51.100.7", "telnet", "Ann")


def told(journal, *, cleared, key=KEY):
    reader = journal.reader()
    teller = Teller(reader, key, cleared=cleared)
    return {event.kind: event for event in (teller.tell(entry) for entry in reader.entries())}


async def test_without_clearance_people_and_routers_are_pseudonyms(journal, session):
    events = told(journal, cleared=False)
    assert not [name for event in events.values() for name in NAMES if name in repr(event)]
    blocked = events[Kind.CMD_BLOCKED]
    assert blocked.actor is not None
    assert blocked.actor.uid.startswith("actor-")
    assert blocked.actor == events[Kind.AUTH_OK].actor
    assert blocked.router == events[Kind.SESSION_REQUESTED].router == events[Kind.SESSION_CLOSED].router
    assert (blocked.command, blocked.source) == (None, None)


async def test_with_clearance_they_are_named(journal, session):
    blocked = told(journal, cleared=True)[Kind.CMD_BLOCKED]
    assert (blocked.actor.name, blocked.router.name) == ("alice.rep", "cpe-0042")
    assert (blocked.command, blocked.source) == ("telnet 10.0.0.9", "198.51.100.7")


async def test_pseudonyms_of_one_log_are_stable_and_of_another_key_are_others(journal, session):
    first, again, other = (told(journal, cleared=False, key=key) for key in (KEY, KEY, bytes(32)))
    assert first[Kind.AUTH_OK].actor == again[Kind.AUTH_OK].actor != other[Kind.AUTH_OK].actor


async def test_what_was_erased_is_absent(journal, session):
    reader = journal.reader()
    keys = journal._keys
    for entry in reader.entries():
        if entry.head.key_set is not None:
            keys.destroy(entry.head.key_set, ["who", "subj", "act"])
    events = told(journal, cleared=True)
    assert all((event.actor, event.router, event.command) == (None, None, None) for event in events.values())


async def test_an_erasure_empties_the_memory_of_names(journal, session):
    reader = journal.reader()
    teller = Teller(reader, KEY, cleared=True)
    assert [teller.tell(entry) for entry in reader.entries()][-1].actor is not None
    for entry in reader.entries():
        if entry.head.key_set is not None:
            journal._keys.destroy(entry.head.key_set, ["who", "subj"])
    await journal.append(NewEntry(kind=Kind.ERASE_DONE))
    later = await journal.append(NewEntry(kind=Kind.REPLAY_VIEW, session=session))
    told = [teller.tell(entry) for entry in reader.entries(later.index - 1, later.index + 1)]
    assert told[-1].actor is None


async def test_the_uid_is_the_place_in_the_log(journal, session):
    reader = journal.reader()
    teller = Teller(reader, KEY, cleared=False)
    assert [teller.tell(entry).uid for entry in reader.entries(0, 2)] == [f"{reader.origin}#0", f"{reader.origin}#1"]


def test_a_value_keeps_to_its_line():
    assert without_controls("a\tb\r\nc\x00d\x7fe\x85f\u2028g\u2029h ü") == "a b  c d e f g h ü"
