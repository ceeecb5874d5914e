"""Whether what the settings of TR-069 name can be used, before a gateway runs. Counterpart: `gateway.cwmp.station`."""

import ipaddress
import re
from typing import Final

import yaml

from config.errors import ConfigError
from config.settings import CwmpSettings
from gateway.cwmp.station import quirk_book, upstream_of
from gateway.cwmp.tls import server_context
from gateway.policy.cwmp.machine import read_profile
from gateway.policy.errors import PolicyError

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")


def check(settings: CwmpSettings) -> None:
    """Read every file that a station would read. Raises `ConfigError` naming the setting."""
    if settings.mode == "off":
        return
    if settings.port is not None:
        assert settings.certificate_file is not None
        assert settings.key_file is not None
        server_context(settings.certificate_file, settings.key_file, settings.client_ca_file)
    quirk_book(settings)
    if settings.mode == "mediator":
        upstream_of(settings)
        _profile(settings)
    for host in settings.wake_hosts:
        if not _is_place(host):
            raise ConfigError(f"cwmp.wake_hosts: {host[:80]!r} is no address, prefix or host name.")
    for host in settings.speedtest_hosts:
        if not _NAME.match(host) and not _is_address(host):
            raise ConfigError(f"cwmp.speedtest_hosts: {host[:80]!r} is no host; write its name or address, no URL.")


def _profile(settings: CwmpSettings) -> None:
    path = settings.machine_profile
    if path is None:
        return
    try:
        read_profile(path.name, yaml.safe_load(path.read_bytes()))
    except OSError as error:
        raise ConfigError(f"cwmp.machine_profile: {path} cannot be read ({error.strerror}).") from error
    except (PolicyError, yaml.YAMLError) as error:
        raise ConfigError(f"cwmp.machine_profile: {path}: {' '.join(str(error).split())[:300]}") from error


def _is_place(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return "/" not in text and _NAME.match(text) is not None
    return True


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
