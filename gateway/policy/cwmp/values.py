"""What a value that is written to a parameter must be. Counterparts: `values` in `params.yaml`, `judge`.

Agents of routers paste values into shells and files, so what is odd is refused here, not handed on.
"""

import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from drivers.cwmp.line import LONGEST_VALUE
from drivers.cwmp.paths import BadPath, canonical
from gateway.policy import hosts
from gateway.policy.cwmp.rows import ValueSpec
from gateway.policy.verdict import Site


@dataclass(frozen=True, slots=True)
class Fits:
    """The value as it is written. `needs`: a capability that it calls for besides that of its row."""

    value: str = field(repr=False)
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """It is not written. `never`: the capability that it would be; none if it is only not a value of this kind."""

    reason: str
    never: str | None = None


Fit: TypeAlias = Fits | Wrong

_HOST: Final = re.compile(r"[A-Za-z0-9.:-]+\Z", re.ASCII)
_INT: Final = re.compile(r"(?:0|-?[1-9][0-9]{0,10})\Z", re.ASCII)
_PLAIN: Final = re.compile(r"[A-Za-z0-9._:/, -]{0,64}\Z", re.ASCII)
_MOST: Final = 100_000
"""A number in a test's inputs that nothing else is said about."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?\Z", re.ASCII)
_BARE: Final = re.compile(r"none|\bbasic|^basic|wep|openauth|opensystem", re.IGNORECASE)
_PRINTED: Final = re.compile(r"[\x20-\x7e]{8,63}\Z")
_SHELL: Final = frozenset("`$;|&<>\\\"'")
"""What a shell acts on, or a quoted string ends with."""
_FORMS: Final = {"passphrase": _PRINTED, "time": _TIME}
_HEX: Final = re.compile(r"[0-9A-Fa-f]+\Z", re.ASCII)


def check(spec: ValueSpec | None, value: str, site: Site) -> Fit:
    """Whether `value` may be written where `spec` is about. Repeats no value."""
    if len(value.encode("utf-8", "surrogatepass")) > LONGEST_VALUE:
        return Wrong(f"A value has at most {LONGEST_VALUE} bytes.")
    if not value.isprintable():
        return Wrong("A value has no control characters.")
    if spec is not None:
        return _checked(spec, value, site)
    if not _SHELL.isdisjoint(value):
        return Wrong("This takes no quotes, no backslash and none of ` $ ; | & < >, as a router may use a shell.")
    return Fits(value)


def _checked(spec: ValueSpec, value: str, site: Site) -> Fit:
    match spec.kind:
        case "host":
            return _host(value, site)
        case "dns":
            return _dns(value, site)
        case "url":
            return _url(value, site)
        case "encryption":
            return _encryption(value)
        case "object":
            return _object(value)
        case "never":
            return Wrong(spec.why, spec.no)
        case _:
            return Fits(value) if _is_a(spec, value) else Wrong(_takes(spec))


def _is_a(spec: ValueSpec, value: str) -> bool:
    if spec.kind in {"int", "hex"}:
        if spec.kind == "hex":
            return len(value) in {spec.low, spec.high} and _HEX.match(value) is not None
        return _INT.match(value) is not None and spec.low <= int(value) <= spec.high
    if spec.kind == "ssid":
        return 1 <= len(value.encode("utf-8", "surrogatepass")) <= 32 and value == value.strip()
    if spec.kind == "plain":
        return _PLAIN.match(value) is not None and not (value.isdigit() and int(value) > _MOST)
    if spec.kind in _FORMS:
        return _FORMS[spec.kind].match(value) is not None
    return value in (spec.of or {"boolean": ("true", "false", "1", "0"), "true": ("true", "1")}.get(spec.kind, ()))


def _takes(spec: ValueSpec) -> str:
    lengths = " or ".join(str(length) for length in sorted({spec.low, spec.high}))
    return {
        "int": f"This takes a number from {spec.low} to {spec.high}.",
        "hex": f"This takes {lengths} hexadecimal digits.",
        "boolean": "This takes true or false.",
        "true": "This takes true alone.",
        "ssid": "The name of a wifi has 1 to 32 bytes and no blanks around it.",
        "passphrase": "A wifi password has 8 to 63 ASCII characters.",
        "time": "This takes a time such as 2026-01-31T03:00:00Z.",
        "plain": "This takes letters, digits and . _ : / - , at most 64 of them.",
    }.get(spec.kind, f"This takes one of {', '.join(spec.of)}.")


def _host(value: str, site: Site) -> Fit:
    if not value:
        return Fits(value)
    found = hosts.host(value) if _HOST.match(value) else None
    if found is None:
        return Wrong("This takes a plain host name or address: letters, digits, dots, dashes and colons only.")
    where = hosts.where(found, site)
    if where is None:
        return Wrong("This address is in the subscriber's home; it cannot be used here.", "pivot.scan")
    return Fits(found, "lan.hosts.probe" if where == "home" else None)


def _dns(value: str, site: Site) -> Fit:
    servers = value.split(",")
    if all(server in site.approved_dns and hosts.any_address(server) == server for server in servers):
        return Fits(value, "dns.change")
    return Wrong("Only the provider's approved name servers can be set.", "lan.hijack")


def _url(value: str, site: Site) -> Fit:
    if not value:
        return Fits(value)
    url = hosts.firmware_url(value)
    if url is None or url.startswith("tftp:"):
        return Wrong("This takes a plain URL (http, https or ftp) without user, query or escapes.")
    if hosts.url_host(url) not in site.speedtest_hosts:
        return Wrong("Only the provider's own servers for speed tests can be used.", "fetch.remote")
    return Fits(url)


def _encryption(value: str) -> Fit:
    if not value or _BARE.search(value):
        return Wrong("The wifi stays encrypted: not none, not basic, not WEP.", "firewall.tamper")
    return Fits(value) if _PLAIN.match(value) else Wrong("This takes the name of a kind of encryption.")


def _object(value: str) -> Fit:
    try:
        return Fits(value) if not value or canonical(value).text == value else Wrong("This takes a path.")
    except BadPath as wrong:
        return Wrong(str(wrong))
