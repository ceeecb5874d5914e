"""Addresses and names a line may point at: one strict spelling each, and whether it lies in the subscriber's home.

Programs on a router read many spellings (`3232235786` and `0xc0a8010a` are 192.168.1.10 to BusyBox); here only four
decimal numbers, RFC 5952 style IPv6 and plain DNS names exist. What is odd is refused, not interpreted.
Counterpart: `gateway.policy.types`, which offers these as argument types.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, NetmaskValueError
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from gateway.policy.verdict import Site

Address: TypeAlias = IPv4Address | IPv6Address
Where = Literal["outside", "home"]

_DOTTED: Final = re.compile(r"(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}\Z", re.ASCII)
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
# The last label starts with a letter: no number in any base passes for a name.
_DNS_NAME: Final = re.compile(rf"(?:{_LABEL}\.)*(?=[A-Za-z_]){_LABEL}\Z", re.ASCII)

# Names that home routers answer for themselves or that mean the local network by convention (RFC 6762, 8375, 6303).
_HOME_SUFFIXES: Final = (
    ".arpa",
    ".box",
    ".corp",
    ".domain",
    ".home",
    ".internal",
    ".intranet",
    ".ip",
    ".lan",
    ".local",
    ".localdomain",
    ".localnet",
    ".private",
    ".station",
)
# Public names that embed the address they resolve to; they would reach home devices by a name from outside.
_EMBEDDING: Final = (".nip.io", ".sslip.io", ".xip.io", ".localtest.me", ".lvh.me", ".vcap.me", ".traefik.me")

# Private space counts as the home unless the provider listed it as its own: a home network the inventory does not
# know must not become reachable by that.
_PRIVATE: Final[tuple[IPv4Network | IPv6Network, ...]] = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
)
# Translation and tunnel prefixes carry an IPv4 address inside; which one would have to be guessed.
_EMBEDDED: Final = (
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("::ffff:0:0:0/96"),
    IPv6Network("64:ff9b::/32"),
    IPv6Network("2002::/16"),
    IPv6Network("2001::/32"),
)


def address(text: str) -> Address | None:
    """The unicast address in `text`, or none: also for odd spellings, zone ids and embedded IPv4."""
    if _DOTTED.match(text):
        try:
            v4 = IPv4Address(text)
        except AddressValueError:
            return None
        return None if _special(v4) or v4.packed[0] == 0 or v4.packed[0] >= 224 else v4
    if ":" not in text or "%" in text or "." in text:
        return None
    try:
        v6 = IPv6Address(text)
    except AddressValueError:
        return None
    return None if _special(v6) or any(v6 in net for net in _EMBEDDED) else v6


def _special(ip: Address) -> bool:
    return ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified


def host(text: str) -> str | None:
    """Canonical spelling of the address or DNS name in `text`, or none if it must not be used."""
    ip = address(text)
    if ip is not None:
        return str(ip)
    if len(text) > 253 or not text.isascii() or _DNS_NAME.match(text) is None:
        return None
    name = text.lower()
    if name == "localhost" or name.endswith((".localhost", *_EMBEDDING)):
        return None
    return name


def where(text: str, site: Site) -> Where | None:
    """Whether the canonical host `text` is in the subscriber's home; none for broadcast addresses of the home.

    `site.lan` counts always. Private addresses count as home unless `site.provider` lists them.
    """
    ip = address(text)
    if ip is None:
        return "home" if "." not in text or text.endswith(_HOME_SUFFIXES) else "outside"
    for net in site.lan:
        if ip in net:
            edge = isinstance(net, IPv4Network) and net.prefixlen < 31
            return None if edge and ip in (net.network_address, net.broadcast_address) else "home"
    if any(ip in net for net in _PRIVATE) and not any(ip in net for net in site.provider):
        return "home"
    return "outside"


def any_address(text: str, version: int | None = None) -> str | None:
    """Canonical spelling of a unicast address used as a value, without a judgement on where it points."""
    ip = address(text)
    return None if ip is None or version not in (None, ip.version) else str(ip)


def netmask(text: str) -> str | None:
    """A contiguous IPv4 netmask such as 255.255.255.0."""
    if _DOTTED.match(text) is None:
        return None
    try:
        net = IPv4Network(f"0.0.0.0/{text}")
    except (AddressValueError, NetmaskValueError):
        return None
    return text if str(net.netmask) == text else None  # refuses wildcard masks, which IPv4Network takes too


def prefix(text: str) -> str | None:
    """`10.0.0.0/24` or `fd00::/64`; host bits must be zero."""
    head, slash, length = text.partition("/")
    if not slash or not length.isascii() or not length.isdigit() or len(length) > 3:
        return None
    if ":" not in head and _DOTTED.match(head) is None:
        return None
    if "%" in head or (":" in head and "." in head):
        return None
    try:
        net = IPv6Network((head, int(length))) if ":" in head else IPv4Network((head, int(length)))
    except ValueError:
        return None
    return str(net)


_URL: Final = re.compile(r"(?:https?|tftp|ftp)://[A-Za-z0-9._~:/\[\]-]{1,400}\Z", re.ASCII)


def firmware_url(text: str) -> str | None:
    """A URL of a plain file: scheme, host, port, path; no user, query, fragment, escapes or `..`."""
    if _URL.match(text) is None or ".." in text or "~" in text:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.hostname is None or host(parts.hostname) is None or not parts.path.strip("/") or port == 0:
        return None
    name = host(parts.hostname) or ""
    shown = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{shown}{'' if port is None else f':{port}'}{parts.path}"


def url_host(url: str) -> str:
    """The host of a canonical firmware URL."""
    return urlsplit(url).hostname or ""
