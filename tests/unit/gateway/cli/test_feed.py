"""`vestibule feed` over a real log: list, look, deliver; nothing personal without clearance."""

import json

import pytest

from gateway import exits


@pytest.fixture
def house(evidence, tmp_path):
    """Settings of the recorded log with a directory of feeds; the file that the feed `archive` appends to."""
    feeds = tmp_path / "feeds"
    feeds.mkdir()
    out = tmp_path / "archive.ndjson"
    (feeds / "archive.toml").write_text(f'form = "ecs"\nto = "file://{out}"\nbatch = 5\n')
    config = tmp_path / "vestibule.toml"
    config.write_text(f'data_dir = "{evidence.data_dir}"\n[feeds]\ndirectory = "{feeds}"\n')
    yield config, feeds, out
    for left in (evidence.data_dir / "feeds").glob("*"):
        left.unlink()


def test_deliver_then_nothing_is_left(vestibule, house):
    config, _, out = house
    (before,) = vestibule("feed", "list", "--json", "--config", config).json
    assert before["behind"] > 5
    shown = vestibule("feed", "deliver", "archive", "--json", "--config", config)
    assert (shown.status, shown.json["entries"]) == (exits.OK, before["behind"])
    (after,) = vestibule("feed", "list", "--json", "--config", config).json
    assert after["behind"] == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["event"]["sequence"] for line in lines] == list(range(before["behind"]))
    assert "show version" not in out.read_text()
    assert vestibule("feed", "deliver", "archive", "--json", "--config", config).json["entries"] == 0


def test_a_cleared_feed_carries_commands(vestibule, house):
    config, feeds, out = house
    path = feeds / "archive.toml"
    path.write_text(path.read_text() + "cleared = true\n")
    vestibule("feed", "deliver", "archive", "--config", config)
    commands = [json.loads(line).get("process") for line in out.read_text().splitlines()]
    assert {"command_line": "show version"} in commands


def test_show_delivers_nothing_and_names_nobody(vestibule, house):
    config, feeds, out = house
    path = feeds / "archive.toml"
    path.write_text(path.read_text() + "cleared = true\n")
    shown = vestibule("feed", "show", "archive", "--last", "100", "--config", config)
    assert shown.status == exits.OK
    assert "cmd.intent" in shown.out
    assert "show version" not in shown.out
    assert not out.exists()


def test_what_is_wrong_is_said(vestibule, house, evidence):
    config, feeds, _ = house
    unknown = vestibule("feed", "deliver", "siem", "--config", config)
    assert unknown.status == exits.USAGE
    assert "there are: archive" in unknown.err
    (feeds / "archive.toml").write_text('form = "ecs"\n')
    wrong = vestibule("feed", "list", "--config", config)
    assert wrong.status == exits.CONFIG
    assert "`to`" in wrong.err
    none = vestibule("feed", "list", "--config", evidence.config)
    assert "There are no feeds." in none.out
