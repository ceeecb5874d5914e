"""Checks of what an operator enters about people, routers and contacts. Pure; each raises `BadRequest`."""

import ipaddress
import re
from typing import Final

from drivers.cwmp.device import DeviceId
from drivers.errors import DriverError
from gateway.consent.notifier import ContactKind
from gateway.errors import BadRequest

_PERSON: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}\Z")
_ROUTER: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
_PLATFORM: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}\.)*{_LABEL}\Z")
_MAIL: Final = re.compile(r"[^\s@<>\"(),:;\[\\\]]{1,64}@(?=.{1,253}\Z)([A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}\Z")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}\Z")

LEAST_CPE_PASSWORD: Final = 12
"""Characters; it is checked thousands of times a second by whoever can reach the listener."""

RESERVED: Final = frozenset({"vestibule"})
"""Names the SSH front end keeps for its control commands."""


def person_name(name: str) -> str:
    """A login name."""
    if not _PERSON.match(name):
        raise BadRequest("A person's name is 1 to 32 of a-z 0-9 . _ - and begins with a letter or digit.")
    return name


def router_name(name: str) -> str:
    """What a rep types before the @."""
    if not _ROUTER.match(name):
        raise BadRequest("A router's name is 1 to 63 of a-z 0-9 . _ - and begins with a letter or digit.")
    if name in RESERVED:
        raise BadRequest(f"The name {name} is kept for the gateway's own commands; choose another one.")
    return name


def platform_name(name: str) -> str:
    """The name of a platform definition; whether it exists is the caller's to check."""
    if not _PLATFORM.match(name):
        raise BadRequest("A platform is named by small letters, digits, - and _ (for example openwrt).")
    return name


def device_key(text: str) -> str:
    """A TR-069 device, in the one spelling of `DeviceId.key`."""
    try:
        return DeviceId.parse(text).key
    except DriverError as error:
        raise BadRequest(str(error)) from error


def management_address(address: str) -> str:
    """An IP address in its usual spelling, or a host name."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        pass
    # What looks like a number is an odd spelling of an address (0x7f000001, 2130706433); nobody means that.
    if not _HOST.match(address) or not re.search(r"[A-Za-z]", address.rsplit(".", 1)[-1]) or address[:2] == "0x":
        raise BadRequest("The management address is neither an IP address nor a host name.")
    return address.lower()


def port_number(port: int) -> int:
    """A TCP port."""
    if not 1 <= port <= 65535:
        raise BadRequest("The port must be from 1 to 65535.")
    return port


def prefixes(lan: tuple[str, ...]) -> tuple[str, ...]:
    """The subscriber's home prefixes."""
    try:
        return tuple(str(ipaddress.ip_network(prefix)) for prefix in lan)
    except ValueError as error:
        raise BadRequest("A home prefix is written like 192.168.1.0/24, without host bits.") from error


def contact_address(kind: ContactKind, address: str) -> str:
    """A mail address, or a phone number in E.164."""
    if kind == "mail" and not (_MAIL.match(address) and address.isprintable()):
        raise BadRequest("This is not a mail address that messages can be sent to.")
    if kind == "phone":
        address = re.sub(r"[ ().-]", "", address)
        if not _PHONE.match(address):
            raise BadRequest("A phone number is written in international form, for example +1 514 555 0100.")
    return address
