"""The settings file: every mistake gets its file, its key and a way out."""

import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.document import declared, settings_page
from config.errors import ConfigError
from config.load import VARIABLE, default_toml, load, parse, settings_path
from config.settings import Settings

HERE = Path("/srv/vestibule/vestibule.toml")


def read(text: str) -> Settings:
    return parse(text.encode(), HERE)


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value)


def test_the_least_file():
    settings = read('data_dir = "/var/lib/vestibule"')
    assert settings == Settings(data_dir=Path("/var/lib/vestibule"))
    assert settings.ssh.port == 2222


def test_tables_lists_and_types_arrive():
    settings = read(
        """
        data_dir = "/d"
        [ssh]
        port = 0
        [policy]
        lan = ["10.1.0.0/16"]
        [notify]
        kind = "smtp"
        smtp_starttls = false
        """
    )
    assert settings.ssh.port == 0
    assert settings.policy.lan == ("10.1.0.0/16",)
    assert settings.notify.kind == "smtp"
    assert settings.notify.smtp_starttls is False


def test_settings_cannot_be_changed():
    settings = read('data_dir = "/d"')
    with pytest.raises(ValidationError, match="frozen"):
        settings.tenant = "other"  # type: ignore[misc]


def test_relative_paths_start_at_the_file():
    settings = read('data_dir = "data"\n[ssh]\nuser_ca_keys = "ca.pub"\n[api]\nsocket = "/run/v.sock"')
    assert settings.data_dir == Path("/srv/vestibule/data")
    assert settings.ssh.user_ca_keys == Path("/srv/vestibule/ca.pub")
    assert settings.api_socket == Path("/run/v.sock")


def test_none_leaves_an_optional_key_unset_and_only_that():
    assert read('data_dir = "/d"\n[api]\nport = "none"').api.port is None
    assert "ssh.port is wrong" in complaint('data_dir = "/d"\n[ssh]\nport = "none"')
    assert read('data_dir = "/d"\ntenant = "none"').tenant == "none"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('data_dir = "/d"\n[ssh]\nprot = 1', r"unknown key ssh\.prot\. Did you mean ssh\.port\?"),
        ('data_dir = "/d"\n[shh]\nport = 1', r"unknown key shh\. Did you mean ssh\?"),
        ('data_dir = "/d"\nport = 1', r"unknown key port\. Did you mean ssh\.port\?"),
        ('data_dir = "/d"\n[ssh]\nidle_seconds = 10', r"Did you mean session\.idle_seconds\?"),
        ('data_dir = "/d"\nzzzzqqq = 1', r"unknown key zzzzqqq\. See docs/reference/settings\.md"),
        ("", r"data_dir is missing: Everything Vestibule stores"),
        ('data_dir = "/d"\n[ssh]\nport = "2222"', r"ssh\.port is wrong: input should be a valid integer\."),
        ('data_dir = "/d"\n[ssh]\nport = 70000', r"ssh\.port is wrong: .*less than or equal to 65535"),
        ('data_dir = "/d"\n[notify]\nsmtp_starttls = 1', r"notify\.smtp_starttls is wrong: .*valid boolean"),
        ('data_dir = "/d"\nssh = 3', r"ssh is wrong"),
        ("data_dir = 3", r"data_dir is wrong"),
        ('data_dir = "/d"\n[consent]\nlanguages = ["de"]', r"consent\.languages is wrong: .*'en' or 'fr'"),
        ('data_dir = "/d"\ntenant = "Big ISP"', r"tenant is wrong: .*pattern"),
        ('data_dir = "/d"\n[ssh]\nport = nan', r"ssh\.port is wrong: "),
        ('data_dir = "/d"\n[ssh]\nport = 2026-01-01', r"ssh\.port is wrong: "),
        ("data_dir = ,", r"not valid TOML: .*line 1"),
        ('data_dir = "/d"\ndata_dir = "/e"', r"not valid TOML"),
    ],
)
def test_a_mistake_is_named(text: str, said: str):
    message = complaint(text)
    assert message.startswith(f"{HERE}: ")
    assert re.search(said, message)


def test_every_mistake_is_told_at_once():
    message = complaint('tennant = "x"\n[ssh]\nport = -1')
    assert len(message.splitlines()) == 3


def test_values_are_never_repeated():
    message = complaint('data_dir = "/d"\n[notify]\nsmtp_port = "hunter2"\nsmtp_password = "hunter2"')
    assert "hunter2" not in message


def test_bytes_that_are_not_text():
    with pytest.raises(ConfigError, match="not UTF-8"):
        parse(b'data_dir = "\xff"', HERE)


def test_a_nest_is_refused_and_does_not_crash():
    assert re.search("nested too deeply|not valid TOML", complaint("a = " + "[" * 100_000))


@given(st.text(alphabet=string.printable, max_size=200))
def test_any_text_is_settings_or_a_sentence(text: str):
    try:
        parse(text.encode(), HERE)
    except ConfigError as failure:
        assert str(failure).startswith(str(HERE))


class TestWhichFile:
    def test_the_named_one_wins_then_the_variable_then_etc(self):
        assert settings_path(Path("a"), {VARIABLE: "b"}) == Path("a")
        assert settings_path(None, {VARIABLE: "b"}) == Path("b")
        assert settings_path(None, {}) == Path("/etc/vestibule/vestibule.toml")

    def test_it_is_read(self, tmp_path: Path):
        file = tmp_path / "v.toml"
        file.write_text('data_dir = "data"')
        assert load(environ={VARIABLE: str(file)}).data_dir == tmp_path / "data"

    def test_a_missing_file_says_how_to_make_one(self, tmp_path: Path):
        with pytest.raises(ConfigError, match=r"no settings file.*vestibule init"):
            load(tmp_path / "v.toml")

    def test_a_directory_and_a_giant_are_refused(self, tmp_path: Path):
        with pytest.raises(ConfigError, match="cannot be read"):
            load(tmp_path)
        giant = tmp_path / "giant"
        giant.write_bytes(b"#" * 2_000_000)
        with pytest.raises(ConfigError, match="1 MiB"):
            load(giant)


class TestWrittenFile:
    def test_it_is_read_back_as_the_defaults(self):
        assert read(default_toml(Path("/d"))) == Settings(data_dir=Path("/d"))

    def test_every_commented_default_is_the_default(self):
        shown = re.sub(r"(?m)^# (\w+ = )", r"\1", default_toml(Path("/d")).partition("\n")[2])
        assert read(shown) == Settings(data_dir=Path("/d"))
        assert len(re.findall(r"(?m)^\w+ = ", shown)) == len(list(declared()))

    def test_odd_directory_names_survive(self):
        odd = Path('/d "q" \\ é')
        assert read(default_toml(odd)).data_dir == odd


@pytest.mark.parametrize("setting", list(declared()), ids=lambda setting: setting.key)
def test_every_setting_is_documented(setting: Any):
    assert setting.description.endswith((".", "?")), "one sentence for the operator"
    assert f"| `{setting.key.rpartition('.')[2]}` |" in settings_page()


@pytest.mark.parametrize("key", ["lan", "provider"])
def test_a_prefix_that_is_none_is_named(tmp_path, key):
    path = tmp_path / "vestibule.toml"
    path.write_text(f'data_dir = "data"\n[policy]\n{key} = ["192.168.0.0/16", "10.0.0.1/8"]\n')

    with pytest.raises(ConfigError, match=r"10\.0\.0\.1/8"):
        load(path)
