"""What every search index promises, over all of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from audit.search.fts import FtsIndex
from audit.search.index import About, Index, Row
from audit.search.memory import MemoryIndex
from audit.search.query import parse
from config.ids import new_id

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ANNA = About(session=new_id(), consent=new_id(), rep="anna", rep_id=new_id(), router="r-17", subscriber=new_id())
BEN = About(session=new_id(), consent=new_id(), rep="anna-maria", rep_id=new_id(), router="r-1", subscriber=new_id())


@pytest.fixture(params=["memory", "fts"])
def index(request, tmp_path) -> Iterator[Index]:
    made = MemoryIndex() if request.param == "memory" else FtsIndex(tmp_path / "index", "logs.isp/1")
    yield made
    made.close()


def command(index, text, about=ANNA, *, n=None, hours=0, verdict="allow", output="", **more):
    values = {
        "index": index,
        "what": "command",
        "about": about,
        "n": index if n is None else n,
        "time": START + timedelta(hours=hours),
        "month": "202611",
        "retention": "access",
        "verdict": verdict,
        "command": text,
        "output": output,
    }
    return Row(**{**values, **more})


def output(index, text, about=ANNA, *, of="", part=0, at=1_500_000, **more):
    return command(
        index, of, about, output=text, what="output", part=part, at=at, retention="recording", verdict="", **more
    )


def found(index, text, **more):
    return [hit.place for hit in index.query(parse(text, **more))]


def places(*rows):
    return [row.place for row in rows]


def test_words_in_any_order_and_without_case(index):
    a, b = command(1, "show ip interface brief"), command(2, "show version")
    index.add([a, b])
    assert found(index, "INTERFACE show") == places(a)
    assert found(index, "show") == places(b, a)
    assert found(index, "reboot") == []


def test_phrases_and_beginnings(index):
    a, b = command(1, "show ip interface brief"), command(2, "show interface ip")
    index.add([a, b])
    assert found(index, '"ip interface"') == places(a)
    assert found(index, "inter*") == places(b, a)
    assert found(index, "inter") == []


@pytest.mark.parametrize("text", ["gi0/1", "10.0.0.1", "fe80::1", "aa:bb:cc:dd:ee:ff", "set.system.host-name"])
def test_what_routers_write_is_found_as_it_is_written(index, text):
    a, b = command(1, f"show interface {text} detail"), command(2, "show interface Gi0/2")
    index.add([a, b])
    assert found(index, text) == places(a)


def test_accents_and_other_scripts(index):
    a, b = command(1, "description Montréal Nord"), command(2, "description Ελλάδα")
    index.add([a, b])
    assert found(index, "montreal") == places(a)
    assert found(index, "ελλάδα") == places(b)


def test_fields_are_compared_whole(index):
    a, b = command(1, "show version", ANNA), command(2, "show version", BEN)
    index.add([a, b])
    assert found(index, "rep:anna") == places(a)
    assert found(index, "rep:ANNA-maria show") == places(b)
    assert found(index, f"rep:{ANNA.rep_id}") == places(a)
    assert found(index, "router:r-1") == places(b)
    assert found(index, f"subscriber:{BEN.subscriber}") == places(b)
    assert found(index, f"session:{ANNA.session.lower()}") == places(a)
    assert found(index, f"consent:{BEN.consent}") == places(b)
    assert found(index, "anna") == [], "names are no text"


def test_the_verdict(index):
    a, b = command(1, "reboot", verdict="deny"), command(2, "reboot")
    index.add([a, b])
    assert found(index, "verdict:deny reboot") == places(a)
    assert found(index, "verdict:allow") == places(b)


def test_times_are_inclusive_days_and_minutes(index):
    rows = [command(i, "show version", hours=i) for i in range(60)]
    index.add(rows)
    assert found(index, "show from:2026-11-21 to:2026-11-21", limit=100) == places(*rows[15:39][::-1])
    assert found(index, "from:2026-11-22T08:00", limit=100) == places(*rows[47:][::-1])
    assert found(index, "to:2026-11-20T09:00") == places(rows[0])
    assert found(index, "show from:2027-01") == []


def test_output_is_found_with_its_command(index):
    a = command(1, "show interfaces")
    b = output(2, "GigabitEthernet0/1 is up\n7 CRC errors", of="show interfaces", n=1)
    index.add([a, b])
    assert found(index, "crc") == places(b)
    assert found(index, "interfaces crc") == places(b), "word of the command, word of the output"
    assert found(index, "interfaces") == places(a), "output is no hit for words of its command alone"
    hit = index.query(parse("crc"))[0]
    assert (hit.what, hit.n, hit.at, hit.session) == ("output", 1, 1_500_000, ANNA.session)
    assert "7 CRC errors" in hit.output


def test_a_row_is_replaced(index):
    index.add([command(1, "show version")])
    index.add([command(1, "show version", output="Cisco IOS")])
    assert found(index, "cisco") == found(index, "version")
    assert index.size == 1
    index.add([command(1, "show clock")])
    assert found(index, "cisco") == found(index, "version") == []


def test_pages(index):
    rows = [command(i, "show version", month=f"2026{10 + i % 3}") for i in range(1, 30)]
    index.add(rows)
    seen, before = [], None
    while page := found(index, "show", limit=7, before=before):
        seen += page
        before = page[-1]
    assert seen == places(*rows[::-1])


def test_purging(index):
    rows = [command(1, "show alpha"), command(2, "show beta", BEN), output(3, "gamma delta"), command(4, "omega", BEN)]
    index.add(rows)
    assert index.purge(sessions=[ANNA.session]) == 2
    assert found(index, "show") == places(rows[1])
    assert index.purge(indices=[4]) == 1
    assert index.purge(indices=[4]) == 0
    assert index.purge(consents=[BEN.consent]) == 1
    assert index.size == 0
    index.add(rows)
    assert index.size == 0, "what was purged stays away"


def test_expiry_by_class_and_month(index):
    rows = [command(1, "alpha"), output(2, "beta"), output(3, "beta", month="202610")]
    index.add(rows)
    assert index.expire("recording", "202611") == 1
    assert found(index, "beta") == places(rows[2])
    assert found(index, "alpha") == places(rows[0])
    assert index.expire("recording", "202610") == 1
    assert index.expire("recording", "202610") == 0


def test_cursor_and_beginning_anew(index):
    assert index.cursor == 0
    index.add([command(1, "show"), command(2, "show", BEN)])
    index.advance(3)
    index.purge(sessions=[BEN.session])
    assert (index.cursor, index.size) == (3, 1)
    index.rewind()
    assert (index.cursor, index.size) == (0, 0)
    index.add([command(1, "show"), command(2, "show", BEN)])
    assert index.size == 1


@pytest.mark.parametrize(
    "text",
    [
        '" OR found MATCH "x',
        "a AND b",
        "NEAR(a b)",
        "{cmd} : a",
        "abc*b",
        "^a",
        "'; DROP TABLE row; --",
        "a\x00b",
        "+ a",
    ],
)
def test_nothing_of_a_query_is_syntax(index, text):
    index.add([command(1, "show version")])
    try:
        query = parse(text)
    except Exception as error:
        assert type(error).__name__ == "BadQuery"
        return
    assert index.query(query) == []
    assert index.size == 1
