"""Which ports are opened, by the settings."""

import pytest
from pydantic import ValidationError

from config.errors import ConfigError
from config.settings import CwmpSettings
from gateway.cwmp.listener import doors_of, limits_of
from tests.cpe_certificates import TlsHouse


def close(doors):
    for door in doors:
        door.listening.close()


def test_doors(tmp_path):
    house = TlsHouse(tmp_path)
    files = {"certificate_file": house.certificate, "key_file": house.key, "client_ca_file": house.authority}
    both = doors_of(CwmpSettings(mode="acs", port=0, plain_port=0, **files))
    assert [door.tls is not None for door in both] == [True, False]
    close(both)
    plain = doors_of(CwmpSettings(mode="acs", plain_port=0))
    assert [door.tls for door in plain] == [None]
    taken = plain[0].listening.getsockname()[1]
    with pytest.raises(ConfigError, match=r"change cwmp\.plain_port"):
        doors_of(CwmpSettings(mode="acs", plain_port=taken))
    close(plain)


def test_tls_without_a_certificate_is_no_setting():
    with pytest.raises(ValidationError, match="certificate_file"):
        CwmpSettings(mode="acs", port=0)


def test_limits():
    limits = limits_of(CwmpSettings(max_connections=7, max_sessions=3))
    assert (limits.connections, limits.sessions) == (7, 3)
