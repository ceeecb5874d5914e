"""Reading queries."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.search.errors import BadQuery
from audit.search.query import Query, Term, parse


def test_everything_together():
    query = parse('show "interface down" upt* rep:anna router:"r 17" from:2026-11-01 to:2026-11-01T10:42', limit=5)
    assert query == Query(
        terms=(Term("show"), Term("interface down"), Term("upt", prefix=True)),
        rep="anna",
        router="r 17",
        since=datetime(2026, 11, 1, tzinfo=UTC),
        until=datetime(2026, 11, 1, 10, 43, tzinfo=UTC),
        limit=5,
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at least one word"),
        ("--- ///", "at least one word"),
        ("ruter:x", "no field ruter"),
        ("show rep:", "rep: needs a value"),
        ('rep:""', "needs a value"),
        ("rep:a rep:b", "given twice"),
        ('show "ip', "quotation mark"),
        ("verdict:maybe", "allow or deny"),
        ("from:yesterday", "time in UTC"),
        ("from:2026-13-01", "no such time"),
        ("to:9999-12-31", "no such time"),
        ("a " * 17, "more than 16"),
        ("sh*", "at least 3 letters"),
        ("x" * 600, "longer than"),
    ],
)
def test_what_is_wrong_is_said(text, says):
    with pytest.raises(BadQuery, match=says):
        parse(text)


@pytest.mark.parametrize("text", ["http://x.example", "dead:beef::1", "fe80::1", "12:30", '"ruter:x"'])
def test_colons_of_the_text_stay_text(text):
    assert [term.text for term in parse(text).terms] == [text.strip('"')]


@given(st.text(max_size=600))
def test_any_text_is_a_query_or_a_sentence(text):
    try:
        query = parse(text)
    except BadQuery as error:
        assert str(error).endswith((".", "?"))
    else:
        assert query.terms or any(
            (
                query.rep,
                query.router,
                query.subscriber,
                query.verdict,
                query.session,
                query.consent,
                query.since,
                query.until,
            )
        )
