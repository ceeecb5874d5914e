"""What check-config says of `[cwmp]` before a gateway runs."""

import pytest

from config.errors import ConfigError
from config.settings import CwmpSettings
from gateway.cwmp.usable import check


def test_what_is_off_is_not_looked_at(tmp_path):
    check(CwmpSettings(quirks=tmp_path / "none"))


def test_the_least_that_works():
    check(CwmpSettings(mode="acs", plain_port=0, wake_hosts=("192.0.2.0/24", "cpe.example"), speedtest_hosts=("a.b",)))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"port": 0, "certificate_file": "none.pem", "key_file": "none.key"}, "cwmp.certificate_file"),
        ({"quirks": "none.yaml"}, "cwmp.quirks"),
        ({"mode": "mediator", "upstream": "ftp://acs.example"}, "cwmp.upstream = "),
        ({"mode": "mediator", "upstream": "https://a.b/", "machine_profile": "none.yaml"}, "cwmp.machine_profile"),
        ({"mode": "mediator", "upstream": "https://a.b/", "machine_profile": "bad.yaml"}, "cwmp.machine_profile"),
        ({"mode": "mediator", "upstream": "https://a.b/", "upstream_user": "u", "upstream_password_file": "no"}, "no"),
        ({"wake_hosts": ("foo bar",)}, "cwmp.wake_hosts: 'foo bar'"),
        ({"wake_hosts": ("10.0.0.1/8",)}, "cwmp.wake_hosts"),
        ({"speedtest_hosts": ("http://speed.example",)}, "cwmp.speedtest_hosts: 'http://speed.example' is no host"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, monkeypatch, more, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("rpcs: [: x")
    with pytest.raises(ConfigError) as caught:
        check(CwmpSettings(**{"mode": "acs", "plain_port": 0, **more}))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
