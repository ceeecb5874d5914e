"""The page about a platform that is made from its table."""

import re
from pathlib import Path

import pytest

from gateway.policy.capabilities import CAPABILITIES
from gateway.policy.load import load_bundle
from gateway.policy.tour import tour

PAGES = Path(__file__).parents[4] / "docs" / "reference" / "platforms"
SHIPPED = load_bundle()


@pytest.mark.parametrize("platform", SHIPPED.tables)
def test_the_page_in_the_documentation_is_the_tables(platform: str) -> None:
    assert (PAGES / f"{platform}.md").read_text(encoding="utf-8") == tour(SHIPPED.tables[platform]), (
        "run scripts/generate"
    )


def test_there_is_no_page_without_a_table() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*SHIPPED.tables, "index"}


@pytest.mark.parametrize("platform", SHIPPED.tables)
def test_every_pattern_and_every_capability_is_on_the_page(platform: str) -> None:
    table = SHIPPED.tables[platform]
    page = tour(table)
    lines = {line.strip() for line in page.splitlines()}
    assert {rule.pattern for rule in table.rules} <= lines
    for name in {rule.capability for rule in table.rules}:
        assert (f"### {name}" in page) or (f"**{name}**" in page), name
        assert CAPABILITIES[name].kind == "never" or CAPABILITIES[name].en in page


@pytest.mark.parametrize("platform", SHIPPED.tables)
def test_tables_of_the_page_have_as_many_cells_as_their_heads(platform: str) -> None:
    width = 0
    for line in tour(SHIPPED.tables[platform]).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert cells in {0, width} or not width, line
        width = cells
