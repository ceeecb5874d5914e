"""`audit.erased`: what is lawfully gone, by key set and by month, and nothing else."""

from dataclasses import dataclass
from datetime import UTC, datetime

from ulid import ULID

from audit.entry import Kind
from audit.erased import LISTED, Erased, month_of, pieces
from config.ids import new_id


@dataclass
class Entry:
    index: int
    facts: dict
    kind: Kind = Kind.ERASE_DONE


def test_by_key_set_and_compartment():
    one, other = new_id(), new_id()
    found = Erased.of([Entry(7, {"scope": "keys", "ks": [one], "comp": ["act", "rec"]})])
    assert found.by("access", one, "act") == found.by("access", one, "rec") == 7
    assert found.by("access", one, "who") is None
    assert found.by("access", other, "act") is None
    assert found.by("access", None, "act") is None


def test_by_month_and_class():
    october = str(ULID.from_datetime(datetime(2026, 10, 31, 23, 59, tzinfo=UTC)))
    november = str(ULID.from_datetime(datetime(2026, 11, 1, tzinfo=UTC)))
    assert (month_of(october), month_of(november)) == ("2026-10", "2026-11")
    found = Erased.of([Entry(9, {"scope": "month", "class": "recording", "month": "2026-10"})])
    assert found.by("recording", october, "rec") == 9
    assert found.by("recording", november, "rec") is None
    assert found.by("access", october, "act") is None


def test_the_first_entry_counts_and_strange_facts_do_no_harm():
    one = new_id()
    facts = {"scope": "keys", "ks": [one], "comp": ["act"]}
    strange = [Entry(1, {}), Entry(2, {"ks": "x", "comp": 3}), Entry(3, facts, Kind.HOLD_SET)]
    assert Erased.of([*strange, Entry(4, facts), Entry(5, facts)]).by("access", one, "act") == 4


def month(index, **facts):
    return Entry(index, {"scope": "month", "class": "access", "month": "2026-10", **facts})


def test_what_a_hold_kept_is_not_erased_by_its_month():
    one, other = (str(ULID.from_datetime(datetime(2026, 10, day, tzinfo=UTC))) for day in (3, 4))
    kept = Erased.of([month(5, kept=[one])])
    assert (kept.by("access", one, "act"), kept.by("access", other, "act")) == (None, 5)
    released = Erased.of([month(5, kept=[one]), month(9)])
    assert (released.by("access", one, "act"), released.by("access", other, "act")) == (9, 5)
    assert released.ended() == {("access", "2026-10")}


def test_an_end_in_several_entries_counts_once_it_is_whole():
    one, other = (str(ULID.from_datetime(datetime(2026, 10, day, tzinfo=UTC))) for day in (3, 4))
    third = str(ULID.from_datetime(datetime(2026, 10, 5, tzinfo=UTC)))
    entries = [month(5, kept=[one], part=0, parts=2), month(6, kept=[other], part=1, parts=2)]
    assert Erased.of(entries[:1]).by("access", third, "act") is None
    whole = Erased.of(entries)
    assert [whole.by("access", name, "act") for name in (one, other, third)] == [None, None, 6]
    assert Erased.of(entries[1:]).ended() == set()
    again = Erased.of([entries[0], *entries])  # a crash after the first entry, and the run that finished it
    assert [again.by("access", name, "act") for name in (one, other, third)] == [None, None, 6]


def test_pieces():
    assert list(pieces([])) == [[]]
    assert [len(piece) for piece in pieces(["x"] * (2 * LISTED + 1))] == [LISTED, LISTED, 1]
