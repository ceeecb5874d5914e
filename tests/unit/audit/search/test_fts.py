"""The files of the index: modes, what a purge leaves, other processes, another log."""

import random
import stat
from datetime import UTC, datetime, timedelta

import pytest

from audit.search.errors import IndexFailed
from audit.search.fts import FtsIndex
from audit.search.index import About, Row
from audit.search.query import parse
from config.ids import new_id

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def about(name):
    return About(session=new_id(), consent=new_id(), rep=name, rep_id=new_id(), router=f"r-{name}", subscriber=new_id())


def row(index, of, text, month="202611"):
    return Row(
        index=index, what="command", about=of, n=index, time=START + timedelta(seconds=index), month=month,
        retention="access", verdict="allow", command=text,
    )  # fmt: skip


def everything(directory):
    return b"".join(path.read_bytes() for path in sorted(directory.iterdir()))


@pytest.mark.parametrize("victims", [1, 40])
def test_no_word_of_what_was_purged_is_left_in_any_file(tmp_path, victims):
    """Among many thousand words, so that removed ones would otherwise separate pages of the tree of terms."""
    rng = random.Random(victims)
    vocabulary = [f"word{number:05}" for number in range(6000)]
    gone = [about(f"victim{number}") for number in range(victims)]
    stays = [about(f"keeper{number}") for number in range(20)]
    index = FtsIndex(tmp_path)
    number = 0
    secrets = []
    for batch in range(30):
        rows = []
        for _ in range(200):
            number += 1
            rows.append(row(number, rng.choice(stays), " ".join(rng.choices(vocabulary, k=8))))
        for of in gone:
            number += 1
            secrets.append(f"zz{rng.randrange(10**12):012}q{batch}")
            rows.append(row(number, of, f"set name {secrets[-1]} {rng.choice(vocabulary)}"))
        index.add(rows)
    assert index.query(parse(secrets[0]))
    names = [text for of in gone for text in (of.rep, of.rep.encode().hex(), of.rep.encode().hex().upper())]
    before = everything(tmp_path)
    assert all(text.encode() in before for text in secrets + [of.rep for of in gone])
    assert index.purge(sessions=[of.session for of in gone]) == 30 * victims
    left = everything(tmp_path)
    assert [text for text in secrets + names if text.encode() in left] == []
    # Prefixes too: terms are stored as what distinguishes them from their neighbours.
    assert [text for text in secrets if text[:9].encode() in left] == []
    assert index.size == 6000
    assert index.query(parse(f"rep:{stays[0].rep} word*"))
    index.close()
    assert [text for text in secrets + names if text.encode() in everything(tmp_path)] == []


def test_a_month_without_rows_is_no_file(tmp_path):
    index = FtsIndex(tmp_path)
    index.add([row(1, about("a"), "show", "202610"), row(2, about("b"), "show", "202611")])
    assert {path.name for path in tmp_path.glob("index-*.db")} == {"index-202610.db", "index-202611.db"}
    index.expire("access", "202610")
    assert {path.name for path in tmp_path.glob("index-*")} >= {"index-202611.db"}
    assert not list(tmp_path.glob("index-202610*"))


def test_only_the_owner_reads_it(tmp_path):
    index = FtsIndex(tmp_path / "index")
    index.add([row(1, about("a"), "show")])
    for path in [tmp_path / "index", *(tmp_path / "index").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_two_openings_see_each_other(tmp_path):
    one, two = FtsIndex(tmp_path, "logs.isp/1"), FtsIndex(tmp_path, "logs.isp/1")
    one.add([row(1, about("a"), "show version")])
    one.advance(2)
    assert (two.size, two.cursor) == (1, 2)
    assert two.query(parse("version"))
    two.rewind()
    assert one.query(parse("version")) == []
    one.add([row(2, about("b"), "show clock")])
    assert two.query(parse("clock")), "not into the file that was deleted"


def test_the_index_of_another_log_begins_anew(tmp_path):
    index = FtsIndex(tmp_path, "logs.isp/1")
    index.add([row(1, about("a"), "show version")])
    index.advance(2)
    index.close()
    other = FtsIndex(tmp_path, "logs.isp/2")
    assert (other.size, other.cursor) == (0, 0)


def test_a_broken_file_is_a_sentence_without_the_query(tmp_path):
    (tmp_path / "index-202611.db").write_bytes(b"no database at all" * 1000)
    index = FtsIndex(tmp_path)
    with pytest.raises(IndexFailed, match="rebuild") as raised:
        index.query(parse("secretword"))
    assert "secretword" not in str(raised.value)
