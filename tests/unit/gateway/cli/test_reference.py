"""The page of commands says what the commands say."""

from pathlib import Path

from gateway.cli.reference import page

ROOT = Path(__file__).resolve().parents[4]


def test_the_page_is_up_to_date():
    assert (ROOT / "docs/reference/cli.md").read_text() == page(), "run scripts/generate"


def test_it_does_not_depend_on_where_it_is_written(monkeypatch):
    before = page()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("VESTIBULE_URL", "https://somewhere.example")
    assert page() == before


def test_it_says_who_may_ask_for_what():
    text = page()
    assert "### `vestibule person token new`" in text
    assert "vestibule open [OPTIONS] ROUTER [COMMAND]…" in text
    assert text.count("`--json`") == 2, "shared options are told once"
