"""Words: each in both languages with the same gaps; every key used exists, every key that exists is used."""

import re
from pathlib import Path
from string import Formatter

import gateway.web
from gateway.consent.model import FINAL, State
from gateway.web import words

WEB = Path(gateway.web.__file__).parent


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_gaps() -> None:
    for key, (english, french) in words._WORDS.items():
        assert english.strip() == english, key
        assert french.strip() == french, key
        assert gaps(english) == gaps(french), key


def test_french_is_written_as_french() -> None:
    for key, (_, french) in words._WORDS.items():
        assert not re.search(r"\S[;!?]", french), f"{key}: a space goes before ; ! ?"


def test_the_keys_are_those_that_are_used() -> None:
    used: set[str] = set()
    for path in (*(WEB / "templates").iterdir(), *WEB.glob("*.py")):
        if path.name != "words.py":
            used |= set(re.findall(r"""["']([a-z_-]+)["']""", path.read_text()))
    used |= {f"over_{state.value}" for state in FINAL}
    assert words.keys() <= used
    asked_for = set()
    for path in (WEB / "templates").iterdir():
        asked_for |= set(re.findall(r"""\bt\(["']([a-z_-]+)["'][,)]""", path.read_text()))
    assert asked_for <= words.keys()


def test_every_end_has_its_words() -> None:
    for state in FINAL:
        assert words.word(f"over_{state.value}", "fr")
    assert State.REQUESTED not in FINAL


def test_facts_are_filled_in() -> None:
    assert words.word("bad_minutes", "en", minutes=30) == "The number of minutes must be from 1 to 30."
    assert words.word("who_text", "fr", alias="Rep {x}", controller="A") == "Rep {x}, pour A"
