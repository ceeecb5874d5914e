"""`vestibule backup|restore|keys`, on a data directory."""

import shutil
from pathlib import Path

import pytest

from audit.keys.root_age import make_identity
from config.settings import Settings
from gateway import exits
from gateway.state.database import Database, sqlite_url


@pytest.fixture
def house(tmp_path: Path, evidence, monkeypatch) -> Path:
    """A data directory of one's own, and settings that name it."""
    data = tmp_path / "data"
    shutil.copytree(evidence.data_dir, data)
    data.chmod(0o700)
    Database.open(sqlite_url(Settings(data_dir=data).state_path)).close()
    settled(monkeypatch, tmp_path, data)
    return data


def settled(monkeypatch, tmp_path: Path, data: Path) -> None:
    config = tmp_path / f"{data.name}.toml"
    config.write_text(f'data_dir = "{data}"\n')
    monkeypatch.setenv("VESTIBULE_CONFIG", str(config))


def test_there_and_back(vestibule, house, tmp_path, monkeypatch):
    made = vestibule("backup", tmp_path / "b", "--key", tmp_path / "backup.key")
    assert made.status == 0, made.err
    assert "The root key is not in it" in made.out
    root = tmp_path / "root.key"
    shutil.copy(house / "keys" / "root.key", root)
    words = ("restore", tmp_path / "b", "--key", tmp_path / "backup.key")
    assert vestibule(*words).status == exits.USAGE, "something is there"
    settled(monkeypatch, tmp_path, tmp_path / "other")
    assert "--root-key" in vestibule(*words).err
    back = vestibule(*words, "--root-key", root, "--newer-log", house / "evidence")
    assert back.status == 0, back.err
    assert "Restored" in back.out
    assert vestibule("verify").status == 0
    assert vestibule(*words).status == exits.USAGE


def test_recipients_and_what_is_missing(vestibule, house, tmp_path, monkeypatch):
    recipient = make_identity(tmp_path / "identity")
    assert vestibule("backup", tmp_path / "b").status == exits.USAGE
    assert vestibule("backup", tmp_path / "b", "--recipient", recipient, "--key", tmp_path / "k").status == exits.USAGE
    assert vestibule("backup", tmp_path / "b", "--recipient", recipient).status == 0
    shutil.copy(house / "keys" / "root.key", tmp_path / "root.key")
    settled(monkeypatch, tmp_path, tmp_path / "other")
    words = ("restore", tmp_path / "b", "--root-key", tmp_path / "root.key")
    assert vestibule(*words).status == exits.USAGE
    assert vestibule(*words, "--identity", tmp_path / "identity", "--json").json["erased_since"] == 0


def test_rotation_and_recovery(vestibule, house, tmp_path):
    before = vestibule("keys", "show", "--json").json
    assert before["wrapped"] == {before["root"]: 2}
    after = vestibule("keys", "rotate", "--json").json
    assert after["root"] != before["root"]
    assert after["wrapped"] == {after["root"]: 2}
    assert vestibule("verify").status == 0
    recipient = make_identity(tmp_path / "identity")
    assert vestibule("keys", "recovery", "--recipient", recipient, "--json").json["wrapped"]["recovery"] == 2
    for path in (house / "keys").glob("evidence-root-*.key"):
        path.unlink()
    (house / "keys" / "evidence-root.json").unlink()
    assert vestibule("keys", "show").status != 0
    assert vestibule("keys", "recover", "--identity", tmp_path / "identity", "--json").json == {"recovered": 2}
    assert vestibule("verify").status == 0


@pytest.mark.parametrize("words", [("--to", "magic"), ("--to", "age"), ("--to", "socket"), ("--to", "command")])
def test_a_rotation_that_cannot_be_changes_nothing(vestibule, house, words):
    before = vestibule("keys", "show", "--json").json
    assert vestibule("keys", "rotate", *words).status != 0
    assert vestibule("keys", "show", "--json").json == before
