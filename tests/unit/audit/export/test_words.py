"""Every word in both languages, and numbers as each language counts."""

import pytest

from audit.export.words import LANGUAGES, entries_word, words_in


def test_every_word_is_there_in_every_language():
    assert all(all(words_in(language).values()) for language in LANGUAGES)
    assert words_in("en").keys() == words_in("fr").keys()


@pytest.mark.parametrize(
    ("number", "english", "french"),
    [(0, "0 entries", "0 entrée"), (1, "1 entry", "1 entrée"), (2, "2 entries", "2 entrées")],
)
def test_entries_are_counted(number: int, english: str, french: str):
    assert [entries_word(number, language) for language in ("en", "fr")] == [english, french]
