"""Displays in vendors' style, masked whole and line by line. Counterpart: tests/corpora/redaction-*.yaml."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.redaction.rules import RULES, cases, load_rules
from gateway.redaction.stream import Redactor

CORPORA = Path(__file__).parents[3] / "corpora"
DISPLAYS: list[dict[str, Any]] = [
    display for path in sorted(CORPORA.glob("redaction-*.yaml")) for display in yaml.safe_load(path.read_text())
]
MARKS = re.compile(r"«(?:D(?P<name>\d+):)?(?P<secret>[^»]*)»|⟦(?P<number>\d+):(?P<address>[^⟧]*)⟧")


def printed(text: str) -> str:
    """What the router prints."""
    return MARKS.sub(lambda mark: mark["secret"] if mark["secret"] is not None else mark["address"], text)


def expected(text: str) -> str:
    """What is shown of it."""

    def shown(mark: re.Match[str]) -> str:
        number = mark["name"] or mark["number"]
        return f"<device {number}>" if number else "<redacted>"

    return MARKS.sub(shown, text)


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("display", DISPLAYS, ids=lambda display: f"{display['platform']}: {display['name']}")
def test_display(display: dict[str, Any], ending: str) -> None:
    text = display["text"].replace("\n", ending)
    redactor = Redactor(load_rules(display["platform"]))
    shown = redactor.feed(printed(text)) + redactor.flush()
    assert shown.splitlines() == expected(text).splitlines()


def test_there_are_enough() -> None:
    lines = [line for display in DISPLAYS for line in display["text"].splitlines() if line.strip()]
    harmless = [line for line in lines if MARKS.search(line) is None]
    assert len(lines) >= 300
    assert len(harmless) >= len(lines) // 2


EXAMPLES = [
    pytest.param(path.stem, line, masked, id=f"{path.stem}: {line.strip()[:60]}")
    for path in sorted(RULES.glob("*.yaml"))
    for line, masked in cases(path.stem)
]


@pytest.mark.parametrize(("name", "line", "masked"), EXAMPLES)
def test_examples_of_the_rules(name: str, line: str, masked: str) -> None:
    redactor = Redactor(load_rules(name))
    shown = redactor.feed(f"{line}\n")
    assert shown.strip() == masked.strip()
    assert Redactor(load_rules(name)).feed(shown) == shown, "what is masked stays as it is"


def test_a_platform_without_rules_of_its_own_gets_all() -> None:
    redactor = Redactor(load_rules("something_new"))
    assert redactor.feed("snmp-agent community read s3cr3t\n\toption key 'abc'\n") == (
        "snmp-agent community read <redacted>\n\toption key '<redacted>'\n"
    )
