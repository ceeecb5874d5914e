"""`vestibule audit ask-rotation|rotate`: what is asked of whom, and what is said afterwards."""

from pathlib import Path

import pytest

from config.ids import new_id
from gateway import exits
from gateway.errors import NotAllowed
from gateway.evidence.rotating import Rotated


@pytest.fixture
def config(tmp_path, monkeypatch):
    path = tmp_path / "vestibule.toml"
    path.write_text(f'data_dir = "{tmp_path / "data"}"\n')
    monkeypatch.setenv("VESTIBULE_CONFIG", str(path))
    return path


def test_it_is_asked_for(vestibule, config):
    name = new_id()
    vestibule.api.on("POST", "/v1/rotations", {"approval": name, "plan": None}, 201)
    said = vestibule("audit", "ask-rotation", "--reason", "the disk")
    assert said.status == 0, said.err
    assert vestibule.api.asked == [("POST", "/v1/rotations", {"reason": "the disk"})]
    assert f"approval approve {name}" in said.out + said.err
    assert f"audit rotate {name}" in said.out + said.err


def test_it_is_done(vestibule, config, tmp_path):
    asked = []

    def rotate(settings, approval, signer):
        asked.append((settings.data_dir, approval, signer))
        return Rotated(old="logs.isp/1", new="logs.isp/2", size=7, archive=tmp_path / "archive" / "1", key="k")

    vestibule.programs["rotate"] = rotate
    name = new_id()
    said = vestibule("audit", "rotate", name.lower(), "--json")
    assert said.json == {
        "old": "logs.isp/1",
        "entries": 7,
        "archive": str(tmp_path / "archive" / "1"),
        "new": "logs.isp/2",
        "key": "k",
    }
    assert vestibule("audit", "rotate").status == 0
    told = vestibule("audit", "rotate", name, "--signer", "/run/new.sock")
    assert 'signer_socket = "/run/new.sock"' in told.out + told.err
    data = tmp_path / "data"
    assert asked == [(data, name, None), (data, None, None), (data, name, Path("/run/new.sock"))]


def test_a_refusal_is_no_finding_of_verification(vestibule, config):
    def rotate(*_):
        raise NotAllowed("There is no such approval.")

    assert vestibule("audit", "rotate", new_id()).status != 0
    vestibule.programs["rotate"] = rotate
    refused = vestibule("audit", "rotate", new_id())
    assert refused.status not in {exits.OK, exits.UNVERIFIABLE}
    assert "no such approval" in refused.err
    assert vestibule("audit", "rotate", "what?").status == exits.USAGE
