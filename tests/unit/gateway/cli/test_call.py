"""The options every command has, and how a command gets at settings and gateway."""

import pytest

from gateway import exits


def test_config_may_come_from_the_environment(vestibule, monkeypatch, evidence):
    monkeypatch.setenv("VESTIBULE_CONFIG", str(evidence.config))
    assert vestibule("log", "--json").status == 0


def test_the_command_line_counts_more(vestibule, monkeypatch, evidence, tmp_path):
    monkeypatch.setenv("VESTIBULE_CONFIG", str(tmp_path / "other.toml"))
    assert vestibule("log", "--config", evidence.config, "--json").status == 0


def test_a_missing_settings_file_is_named(vestibule, tmp_path):
    shown = vestibule("check-config", "--config", tmp_path / "no.toml")
    assert shown.status == exits.CONFIG
    assert str(tmp_path / "no.toml") in shown.err


@pytest.mark.parametrize("words", [("consent", "list"), ("session", "list"), ("person", "list"), ("router", "list")])
def test_lists_may_be_empty(vestibule, words):
    path = {"consent": "/v1/consents", "session": "/v1/sessions", "person": "/v1/people", "router": "/v1/routers"}
    vestibule.api.on("GET", path[words[0]], [])
    assert vestibule(*words, "--json").json == []
    assert vestibule(*words).out.count("\n") == 1
