"""`audit.export.erasures`: what is lawfully gone, by key set and by month, and nothing else."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ulid import ULID

from audit.entry import Kind
from audit.export.erasures import Erasures, month_of
from audit.leaf import Head
from config.ids import new_id


@dataclass
class Entry:
    index: int
    facts: dict
    kind: Kind = Kind.ERASE_DONE


def head(key_set, retention="access"):
    return Head(
        kind=Kind.CMD_INTENT,
        time=datetime.now(UTC),
        monotonic_ns=0,
        worker="main/1",
        retention=retention,
        key_set=key_set,
    )


def test_by_key_set_and_compartment():
    one, other = new_id(), new_id()
    found = Erasures.of([Entry(7, {"scope": "keys", "ks": [one], "comp": ["act", "rec"]})])
    assert found.by(head(one), "act") == found.by(head(one), "rec") == 7
    assert found.by(head(one), "who") is None
    assert found.by(head(other), "act") is None
    assert found.by(replace(head(one), key_set=None), "act") is None


def test_by_month_and_class():
    october = str(ULID.from_datetime(datetime(2026, 10, 31, 23, 59, tzinfo=UTC)))
    november = str(ULID.from_datetime(datetime(2026, 11, 1, tzinfo=UTC)))
    assert (month_of(october), month_of(november)) == ("2026-10", "2026-11")
    found = Erasures.of([Entry(9, {"scope": "month", "class": "recording", "month": "2026-10"})])
    assert found.by(head(october, "recording"), "rec") == 9
    assert found.by(head(november, "recording"), "rec") is None
    assert found.by(head(october, "access"), "act") is None


def test_the_first_entry_counts_and_strange_facts_do_no_harm():
    one = new_id()
    facts = {"scope": "keys", "ks": [one], "comp": ["act"]}
    strange = [Entry(1, {}), Entry(2, {"ks": "x", "comp": 3}), Entry(3, facts, Kind.HOLD_SET)]
    assert Erasures.of([*strange, Entry(4, facts), Entry(5, facts)]).by(head(one), "act") == 4
