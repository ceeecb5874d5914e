"""Waking a CPE: the URL it gave is checked, then asked once with HTTP Digest. Source: TR-069, 3.2.1.5.

The URL comes from the CPE, so it must lead nowhere but to that CPE: `check_url` refuses everything else, and nothing
that answers is followed, shown or kept. No credential is sent before a challenge. Counterparts: `digest`, `http`, and
`drivers.cwmp.hub`, which waits for the Inform.
"""

import asyncio
import contextlib
import ipaddress
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from drivers.cwmp.quirks import STRICT, Quirks
from drivers.cwmp.wire.digest import answer, read_challenges
from drivers.cwmp.wire.http import HttpResponse, ResponseParser, encode_request
from drivers.errors import BadHttp, LoginRefused, RouterUnreachable

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

FIRST_FREE_PORT: Final = 1024
"""Below, a URL may point at another service of the same host; the operator lists those that are meant."""
_MOST_URL: Final = 1024
_MOST_BODY: Final = 64 * 1024
_MOST_ANSWERS: Final = 2
"""Requests with a credential: one, and one more when the nonce was too old or belonged to the connection before."""
_URL: Final = re.compile(
    r"http://(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?([/?][!$-\[\]-~]*)?", re.IGNORECASE
)
"""A path or query holds no quote, backslash or fragment: it goes into a quoted string of Digest as it is."""
_NAME: Final = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z_][A-Za-z0-9_-]{0,62}\.?")
_NUMBER: Final = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]*|[0-9]+))*\.?")


@dataclass(frozen=True, slots=True)
class Url:
    """A Connection Request URL that may be asked. `target` (path and query) is the CPE's secret."""

    host: str
    """A name that the operator listed, or an address without brackets."""
    port: int
    target: str = field(repr=False)

    @property
    def authority(self) -> str:
        """For the `Host` field."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"


def check_url(url: str, *, peer: str, allowed_hosts: Collection[str] = (), allowed_ports: Collection[int] = ()) -> Url:
    """The URL, if it leads to the CPE itself. Raises `RouterUnreachable` with the reason.

    `peer`: the address of the CPE's last authenticated Inform ("" if there was none). `allowed_hosts`: other management
    addresses, networks (`10.20.0.0/16`) or names. An address that no CPE of another host can have (loopback,
    link-local, multicast, unspecified) is taken only if it is `peer`.
    """
    if len(url) > _MOST_URL or (found := _URL.fullmatch(url)) is None:
        raise _refused("it must be http://ADDRESS:PORT/PATH without a user, a fragment or unusual characters")
    host, digits, rest = found.groups()
    port = int(digits) if digits else 80
    if not 0 < port < 65536 or (port < FIRST_FREE_PORT and port not in allowed_ports):
        raise _refused(f"port {port} is not allowed; list it in cwmp.wake_ports if it is meant")
    target = rest or "/"
    return Url(_host(host, peer, allowed_hosts), port, target if target.startswith("/") else "/" + target)


def _host(host: str, peer: str, allowed: Collection[str]) -> str:
    if host.startswith("[") or _NUMBER.fullmatch(host) or _NAME.fullmatch(host) is None:
        return _address_host(host, peer, allowed)
    if _plain_name(host) not in {_plain_name(name) for name in allowed}:
        raise _refused("its host is a name that is not listed in cwmp.wake_hosts")
    return _plain_name(host)


def _address_host(host: str, peer: str, allowed: Collection[str]) -> str:
    """Only the usual spelling: `010.1`, `0x7f.1` or `2130706433` mean different hosts to different readers."""
    address = _address(host.removeprefix("[").removesuffix("]"))
    if address is None or host.startswith("[") != (":" in host):
        raise _refused("its host is no plain IPv4 or bracketed IPv6 address")
    if address == _address(peer.partition("%")[0]):
        return peer if "%" in peer else str(address)
    if _special(address):
        raise _refused("its address is local, multicast or unspecified, and not the one the router calls from")
    if not any(_covers(entry, address) for entry in allowed):
        raise _refused("its address is neither the one the router calls from nor listed in cwmp.wake_hosts")
    return str(address)


def _address(text: str) -> Address | None:
    """IPv4 inside IPv6 is that IPv4: a listener on both families sees its peers so."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _special(address: Address) -> bool:
    broadcast = address == ipaddress.IPv4Address("255.255.255.255") or address in ipaddress.ip_network("0.0.0.0/8")
    return broadcast or (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)


def _covers(entry: str, address: Address) -> bool:
    try:
        network = ipaddress.ip_network(entry)
    except ValueError:
        return False
    return address.version == network.version and address in network


def _plain_name(name: str) -> str:
    return name.rstrip(".").lower()


def _refused(why: str) -> RouterUnreachable:
    return RouterUnreachable(f"Its Connection Request URL is not asked: {why}.")


# --- asking -----------------------------------------------------------------------------------------------------------


async def wake(url: Url, user: str, password: str, *, quirks: Quirks = STRICT, seconds: float = 2.0) -> None:
    """Ask the CPE to call. Returns when it said that it will; whether it does, the next Inform shows.

    Raises `RouterUnreachable`, whose text names neither the URL nor a credential.
    """
    caller = _Caller(url, user, password, quirks, seconds)
    try:
        async with asyncio.timeout(seconds):
            status = await caller.ask()
    except TimeoutError as error:
        raise RouterUnreachable(
            f"The router did not answer the Connection Request within {seconds:g} seconds; it may be off, behind NAT, "
            "or in a session already."
        ) from error
    except LoginRefused as error:
        raise RouterUnreachable(f"The router was not woken. {error}") from error
    except BadHttp as error:
        raise RouterUnreachable("What answered the Connection Request does not speak HTTP properly.") from error
    except OSError as error:
        raise RouterUnreachable(
            "The router cannot be reached at its Connection Request address; it may be off, behind NAT, or have "
            "another address since its last Inform."
        ) from error
    finally:
        caller.close()
    _judge(status, challenged=caller.answers > 0)


def _judge(status: int, *, challenged: bool) -> None:
    if status in (200, 204):
        return
    if status == 503:
        raise RouterUnreachable(
            "The router is busy: it is in a session already or was asked too often (503). Try again in a minute."
        )
    if status in (401, 403) and challenged:
        raise RouterUnreachable(
            f"The router refused the gateway's Connection Request user or password ({status}); they are set "
            "anew at its next Inform."
        )
    if 300 <= status < 400:
        raise RouterUnreachable(
            f"The router answered the Connection Request with a redirect ({status}), which is never followed."
        )
    raise RouterUnreachable(f"The router answered the Connection Request with status {status} and will not call.")


class _Caller:
    """One Connection Request: at most two connections kept in order, at most `_MOST_ANSWERS` credentials sent."""

    def __init__(self, url: Url, user: str, password: str, quirks: Quirks, seconds: float) -> None:
        self._url = url
        self._user = user
        self._password = password
        self._quirks = quirks
        self._seconds = seconds
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._replaced = False
        self.answers = 0

    async def ask(self) -> int:
        """The status that counts. Raises `LoginRefused`, `BadHttp`, `OSError`."""
        response = await self._exchange(None)
        while response.status == 401 and self.answers < _MOST_ANSWERS:
            challenges = response.all("www-authenticate")
            if self.answers and not (self._replaced or _asks_again(challenges)):
                break
            self.answers += 1
            response = await self._exchange(self._credential(challenges))
        return response.status

    def close(self) -> None:
        """Drop the connection; nothing more is read."""
        if self._connection is not None:
            self._connection[1].transport.abort()
            self._connection = None

    def _credential(self, challenges: tuple[str, ...]) -> str:
        return answer(
            challenges,
            "GET",
            self._url.target,
            self._user,
            self._password,
            secrets.token_hex(8),
            basic=self._quirks.basic_connection_request,
        )

    async def _exchange(self, credential: str | None) -> HttpResponse:
        """One GET. A kept connection that turns out to be closed is replaced once: many CPEs close after their 401."""
        headers = [] if credential is None else [("Authorization", credential)]
        request = encode_request("GET", self._url.target, headers, host=self._url.authority)
        self._replaced = False
        if self._connection is not None:
            with contextlib.suppress(OSError, EOFError, BadHttp):
                async with asyncio.timeout(self._seconds / 2):
                    return await self._on(*self._connection, request)
            self.close()
        self._replaced = credential is not None
        self._connection = await asyncio.open_connection(self._url.host, self._url.port)
        try:
            return await self._on(*self._connection, request)
        except EOFError as error:
            raise ConnectionResetError("closed without an answer") from error

    async def _on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> HttpResponse:
        """Raises `EOFError` if the connection ends before an answer begins."""
        parser = ResponseParser("GET", _MOST_BODY)
        writer.write(request)
        whole: HttpResponse | None = None
        while whole is None:
            data = await self._read(reader, hurry=parser.head is not None)
            whole = parser.feed(data) if data else None
            head = whole or parser.head
            if head is not None and (not data or head.status != 401 or not head.keep_alive):
                self.close()
                return head
            if not data:
                parser.finish()
                raise EOFError
        if parser.left_over or self._quirks.fresh_connection_request:
            self.close()
        return whole

    async def _read(self, reader: asyncio.StreamReader, *, hurry: bool) -> bytes:
        """The body of a challenge is waited for only to keep the connection; one that does not come is given up."""
        try:
            async with asyncio.timeout(self._seconds / 4 if hurry else None):
                return await reader.read(16 * 1024)
        except TimeoutError:
            if hurry:
                return b""
            raise


def _asks_again(challenges: tuple[str, ...]) -> bool:
    """Whether a second 401 is about the nonce and not about the password."""
    return any((each.get("stale") or "").lower() == "true" for header in challenges for each in read_challenges(header))
