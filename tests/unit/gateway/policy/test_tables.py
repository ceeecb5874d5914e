"""The shipped tables: their own tests, labelled lines, and the time it takes them to load."""

from pathlib import Path

import pytest

from gateway.policy.load import TABLES, load_bundle
from gateway.policy.score import Corpus, Outcome, read_corpus, score
from gateway.policy.selftest import failures

SHIPPED = load_bundle()
LABELLED = Path(__file__).with_name("labelled.yaml")


def editor(text: str) -> list[str]:
    """The lines a client submits, with backspace, as simple as can be."""
    lines, line = [], ""
    for character in text:
        if character in "\r\n":
            lines.append(line)
            line = ""
        else:
            line = line[:-1] if character == "\b" else line + character
    return lines


def outcomes(corpus: Corpus) -> list[str]:
    return [_told(outcome) for outcome in score(SHIPPED, corpus, editor).outcomes if outcome.grade != "right"]


def _told(outcome: Outcome) -> str:
    row = outcome.row
    return (
        f"{outcome.grade} {row.id} {row.line!r}: {row.expect} {row.capability}, got {outcome.got} {outcome.capability}"
    )


def test_every_table_is_loaded() -> None:
    assert set(SHIPPED.tables) == {path.stem for path in TABLES.glob("*.yaml")} >= {"ios", "frr", "openwrt"}


def test_the_tests_in_the_tables_pass() -> None:
    assert failures(SHIPPED) == []


def test_labelled_lines_get_their_verdict() -> None:
    assert outcomes(read_corpus(LABELLED.name, LABELLED.read_bytes())) == []


@pytest.mark.parametrize("platform", SHIPPED.tables)
def test_refusals_of_a_whole_row_name_their_reason(platform: str) -> None:
    """A person reads these sentences: they end in a full stop and hold no line break."""
    for row in SHIPPED.tables[platform].spec.commands:
        for sentence in filter(None, (row.say, row.hint)):
            assert sentence.endswith((".", "?"))
            assert "\n" not in sentence
