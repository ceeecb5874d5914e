"""Names in certificates, and what is said of files that cannot be used."""

import ssl

import pytest

from config.errors import ConfigError
from gateway.cwmp.tls import names_of, server_context
from tests.cpe_certificates import TlsHouse


def test_names_of_a_certificate():
    shown = {
        "subject": ((("organizationName", "Acme"),), (("commonName", "00D09E-A1"),)),
        "subjectAltName": (
            ("DNS", "a.example"),
            ("URI", "urn:dev:00D09E-A1"),
            ("IP Address", "192.0.2.1"),
            ("DNS", ""),
        ),
    }
    assert names_of(shown) == {"00D09E-A1", "a.example", "urn:dev:00D09E-A1"}
    assert names_of({}) == names_of(None) == frozenset()


def test_client_certificates_are_asked_for_but_not_needed(tmp_path):
    house = TlsHouse(tmp_path)
    assert house.server().verify_mode == ssl.CERT_OPTIONAL
    assert server_context(house.certificate, house.key, None).verify_mode == ssl.CERT_NONE
    assert house.server().minimum_version == ssl.TLSVersion.TLSv1_2


def test_files_that_cannot_be_used(tmp_path):
    house, other = TlsHouse(tmp_path), tmp_path / "text"
    other.write_text("no PEM")
    with pytest.raises(ConfigError, match=r"cwmp\.certificate_file .* cannot be used"):
        server_context(other, house.key, None)
    with pytest.raises(ConfigError, match=r"cwmp\.client_ca_file .* cannot be used"):
        server_context(house.certificate, house.key, tmp_path / "missing")
