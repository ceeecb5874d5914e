"""The statement: both languages say the same things, the digest is that of the text, nothing stays unfilled."""

from hashlib import sha256

import pytest

from config.settings import ConsentSettings
from gateway.consent.model import Language
from gateway.consent.statement import SCOPE_CAPABILITIES, VERSION, sentence, sentences_of, statement
from gateway.policy.capabilities import CAPABILITIES, never_sentences

LANGUAGES: tuple[Language, ...] = ("en", "fr")
SETTINGS = ConsentSettings(controller="Câble {Nord} Inc.", max_minutes=77, request_minutes=33)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_tells_everything_it_must(language: Language) -> None:
    text = statement(language, SETTINGS).text
    for capability in CAPABILITIES.values():
        assert capability.sentence(language) in text
    for words in (*never_sentences(language), "Câble {Nord} Inc.", "77", "33", "24", "90", "36"):
        assert words in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_digest_is_that_of_the_text(language: Language) -> None:
    shown = statement(language, SETTINGS)
    assert shown.digest == sha256(shown.text.encode()).hexdigest()
    assert shown == statement(language, SETTINGS)
    assert shown.version == VERSION


def test_every_change_changes_the_digest() -> None:
    digests = {statement(language, SETTINGS).digest for language in LANGUAGES}
    digests.add(statement("en", SETTINGS.model_copy(update={"controller": "Other"})).digest)
    digests.add(statement("en", SETTINGS.model_copy(update={"max_minutes": 78})).digest)
    assert len(digests) == 4


def test_both_languages_have_the_same_parts() -> None:
    english, french = (statement(language, SETTINGS) for language in LANGUAGES)
    assert [kind for kind, _ in english.blocks] == [kind for kind, _ in french.blocks]
    assert english.blocks[0][0] == "title"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_stays_unfilled(language: Language) -> None:
    text = statement(language, ConsentSettings()).text
    assert not set("{}@") & set(text)


def test_lists_say_each_thing_once() -> None:
    for language in LANGUAGES:
        for kind in ("always", "ask", "scope", "never"):
            lines = sentences_of(kind, language)
            assert lines
            assert len(lines) == len(set(lines))


def test_what_can_be_asked_is_what_the_policy_calls_scope() -> None:
    assert {name for name, c in CAPABILITIES.items() if c.kind == "scope"} == SCOPE_CAPABILITIES


def test_an_old_capability_keeps_its_bare_name() -> None:
    assert sentence("gone.since", "fr") == "gone.since"
    assert sentence("dns.change", "en") == CAPABILITIES["dns.change"].en
