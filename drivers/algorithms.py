"""Which SSH algorithms the gateway speaks to routers: a modern set for all, old ones only where an entry names them.

Counterpart: `drivers.shell_ssh` offers what `choose` returns. Names are the SSH names of RFC 4253 and its successors
(IANA "Secure Shell Protocol Parameters"), so that an operator can copy one from a router's own refusal.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from drivers.errors import DriverError

Kind = Literal["key exchange", "cipher", "mac", "host key"]

# Order is preference. AES-GCM first: with AES instructions it is the cheapest per byte and needs no MAC.
_KEY_EXCHANGE = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group-exchange-sha256",
)
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
_MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
_SIGNATURES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-256",
    "rsa-sha2-512",
)

LEGACY: Mapping[str, Kind] = MappingProxyType(
    {
        "diffie-hellman-group-exchange-sha1": "key exchange",
        "diffie-hellman-group14-sha1": "key exchange",
        "diffie-hellman-group1-sha1": "key exchange",
        "aes256-cbc": "cipher",
        "aes192-cbc": "cipher",
        "aes128-cbc": "cipher",
        "3des-cbc": "cipher",
        "hmac-sha1": "mac",
        "hmac-sha1-96": "mac",
        "hmac-md5": "mac",
        "ssh-rsa": "host key",
        "ssh-dss": "host key",
    }
)
"""Old algorithms that a router may need, each offered only to the router whose entry names it.

Order is preference, after all modern ones. `ssh-rsa` is RSA with SHA-1; an RSA key as such needs no entry here.
"""

_NO_MATCH = re.compile(r"No matching [A-Za-z ]+ algorithm found, sent \S* and received (?P<received>\S*)")


@dataclass(frozen=True, slots=True)
class Algorithms:
    """What is offered to one router, each list in order of preference."""

    key_exchange: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    host_key: tuple[str, ...]
    """The pinned key's own type first; the others follow so that a changed key is seen as changed, not as no match."""
    signatures: tuple[str, ...]
    """For the gateway's own login key."""


def check_legacy(names: Iterable[str]) -> None:
    """Raise `DriverError` if a name is not an old algorithm that can be allowed."""
    unknown = sorted(set(names) - LEGACY.keys())
    if unknown:
        raise DriverError(
            f"{', '.join(unknown)}: not an old SSH algorithm that can be allowed for a router. "
            f"Known: {', '.join(LEGACY)}."
        )


def choose(pinned_key_type: str, legacy: frozenset[str]) -> Algorithms:
    """What to offer to a router whose pinned host key has the given type, for example `ssh-ed25519` or `ssh-rsa`.

    Raises `DriverError` for an unknown legacy name, or for a key type that the entry would have to allow.
    """
    check_legacy(legacy)
    return Algorithms(
        key_exchange=_KEY_EXCHANGE + _allowed("key exchange", legacy),
        ciphers=_CIPHERS + _allowed("cipher", legacy),
        macs=_MACS + _allowed("mac", legacy),
        host_key=_host_key_algorithms(pinned_key_type, legacy),
        signatures=_SIGNATURES + _allowed("host key", legacy),
    )


def missing_legacy(reason: str) -> tuple[str, ...]:
    """The old algorithms that would have helped, out of asyncssh's "No matching … algorithm" text; empty if none."""
    match = _NO_MATCH.search(reason)
    if match is None:
        return ()
    return tuple(name for name in match["received"].split(",") if name in LEGACY)


def _allowed(kind: Kind, legacy: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name, its_kind in LEGACY.items() if its_kind == kind and name in legacy)


def _host_key_algorithms(key_type: str, legacy: frozenset[str]) -> tuple[str, ...]:
    usable = _SIGNATURES + _allowed("host key", legacy)
    own = tuple(name for name in usable if name == key_type or (key_type == "ssh-rsa" and name.startswith("rsa-")))
    if not own:
        remedy = "allow it in the router's legacy algorithms" if key_type in LEGACY else "register another host key"
        raise DriverError(f"The pinned host key is of type {key_type}, which is not accepted: {remedy}.")
    return own + tuple(name for name in usable if name not in own)
