"""One thing is one thing."""

import pytest

from config.counting import counted, entries


@pytest.mark.parametrize(("number", "text"), [(0, "0 sessions"), (1, "1 session"), (2, "2 sessions")])
def test_an_s_where_there_are_several(number: int, text: str):
    assert counted(number, "session") == text


def test_words_with_a_plural_of_their_own():
    assert [counted(number, "is", "are") for number in (0, 1, 2)] == ["0 are", "1 is", "2 are"]
    assert [entries(number) for number in (0, 1, 2)] == ["0 entries", "1 entry", "2 entries"]
