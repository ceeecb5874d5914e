"""`vestibule init|check-config|serve|demo`."""

import os
import pwd

import pytest

from config.errors import ConfigError
from gateway import exits


@pytest.fixture
def set_up(vestibule, tmp_path):
    """`init` with programs that note what they were given."""
    calls = []
    vestibule.programs |= {
        "initialise": lambda settings: calls.append(("initialise", settings.data_dir)),
        "first_operator": lambda settings, name, uid: not calls.append(("operator", name, uid)),
    }
    return calls


def test_init_writes_settings_and_registers_the_first_operator(vestibule, set_up, tmp_path):
    config = tmp_path / "etc/vestibule.toml"
    shown = vestibule("init", "--config", config, "--data-dir", tmp_path / "data")
    assert shown.status == 0, shown.err
    name = pwd.getpwuid(os.getuid()).pw_name
    assert set_up == [("initialise", tmp_path / "data"), ("operator", name, os.getuid())]
    assert f'data_dir = "{tmp_path / "data"}"' in config.read_text()
    assert f"Wrote {config}" in shown.out
    assert vestibule("check-config", "--config", config).status == 0


def test_init_again_keeps_what_is_there(vestibule, set_up, tmp_path):
    config = tmp_path / "v.toml"
    config.write_text('data_dir = "mine"\n# my words\n')
    found = vestibule("init", "--config", config, "--json").json
    assert (found["settings_written"], found["data"]) == (False, str(tmp_path / "mine"))
    assert "# my words" in config.read_text()
    assert vestibule("init", "--config", config, "--data-dir", tmp_path / "other").status == exits.CONFIG
    assert config.exists()


def test_init_leaves_nothing_half_done(vestibule, set_up, tmp_path):
    def fails(_settings):
        raise ConfigError("The disk is full.")

    vestibule.programs["initialise"] = fails
    config = tmp_path / "v.toml"
    shown = vestibule("init", "--config", config, "--data-dir", tmp_path / "data")
    assert (shown.status, shown.err) == (exits.CONFIG, "The disk is full.\n")
    assert not config.exists()


def test_init_where_nothing_can_be_written(vestibule, set_up, tmp_path):
    (tmp_path / "file").write_text("")
    shown = vestibule("init", "--config", tmp_path / "file/v.toml")
    assert shown.status == exits.CONFIG
    assert "--config" in shown.err


@pytest.mark.parametrize(
    ("wanted", "uid", "name"), [("0", 0, "root"), ("root", 0, "root"), ("3999999999", 3999999999, "operator")]
)
def test_who_becomes_operator(vestibule, set_up, tmp_path, wanted, uid, name):
    vestibule("init", "--config", tmp_path / "v.toml", "--data-dir", tmp_path / "d", "--operator", wanted)
    assert set_up[-1] == ("operator", name, uid)


def test_an_operator_the_machine_does_not_know(vestibule, set_up, tmp_path):
    shown = vestibule("init", "--config", tmp_path / "v.toml", "--operator", "no-such-user-here")
    assert shown.status == exits.CONFIG
    assert not (tmp_path / "v.toml").exists()


def test_check_config(vestibule, evidence, tmp_path):
    shown = vestibule("check-config", "--config", evidence.config)
    assert shown.status == 0
    assert str(evidence.data_dir) in shown.out
    found = vestibule("check-config", "--config", evidence.config, "--json").json
    assert (found["ready"], found["settings"]["ssh"]["port"]) == (True, 2222)
    (tmp_path / "v.toml").write_text('data_dir = "x"\nssh.prot = 1\n')
    shown = vestibule("check-config", "--config", tmp_path / "v.toml")
    assert (shown.status, shown.out) == (exits.CONFIG, "")
    assert "ssh.prot" in shown.err


def test_check_config_says_that_init_is_missing(vestibule, tmp_path):
    (tmp_path / "v.toml").write_text('data_dir = "x"\n')
    shown = vestibule("check-config", "--config", tmp_path / "v.toml")
    assert shown.status == 0
    assert "vestibule init" in shown.err


@pytest.mark.parametrize("status", [exits.OK, exits.RECORD_FAILED])
def test_serve_ends_as_the_gateway_does(vestibule, evidence, status):
    vestibule.programs["serve"] = lambda settings: status
    assert vestibule("serve", "--config", evidence.config).status == status


@pytest.mark.parametrize("keep", [False, True])
def test_the_demo_speaks_to_people_or_programs(vestibule, keep):
    def play(kept, out):
        out.write(f"the story {kept}\n")
        return exits.FAILED

    vestibule.programs["demo"] = play
    words = ("demo", *(["--keep"] if keep else []))
    shown = vestibule(*words)
    assert (shown.status, shown.out) == (exits.FAILED, f"the story {keep}\n")
    shown = vestibule(*words, "--json")
    assert (shown.json, shown.err) == ({"ok": False, "exit": exits.FAILED}, f"the story {keep}\n")


@pytest.mark.parametrize(
    ("section", "file", "text", "complaint"),
    [
        ("[feeds]\ndirectory", "feeds/siem.toml", "to = 1\n", "siem.toml"),
        ("[evidence]\nwitness_policy", "policy.txt", "witness x\n", "evidence.witness_policy"),
    ],
)
def test_check_config_reads_the_files_that_are_named(vestibule, tmp_path, section, file, text, complaint):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    named = path.parent if file.startswith("feeds") else path
    config = tmp_path / "vestibule.toml"
    config.write_text(f'data_dir = "{tmp_path / "data"}"\n{section} = "{named}"\n')
    shown = vestibule("check-config", "--config", config)
    assert (shown.status, complaint in shown.err) == (exits.CONFIG, True), shown.err
