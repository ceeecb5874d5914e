"""The way to the provider's own ACS: one connection for each CPE session, that asks like a CPE and believes little.

The answer to a POST is an envelope's bytes or, plainly, nothing; everything else (a redirect, an error, half an answer,
two answers, silence) is `UpstreamLost`, so that no fault of the ACS can pass for "nothing to do". Source: TR-069, 3.4.
Counterparts: `gateway.cwmp.relay` posts, `gateway.cwmp.jar` keeps the cookies.
"""

import asyncio
import secrets
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog

from config.errors import ConfigError
from config.records import record
from drivers.cwmp.wire.digest import SignIn
from drivers.cwmp.wire.http import HttpResponse, encode_request
from drivers.errors import LoginRefused
from gateway.cwmp.jar import CookieJar
from gateway.cwmp.upstream_wire import UpstreamLost, Wire

CONTENT_TYPE: Final = 'text/xml; charset="utf-8"'
log = structlog.get_logger(__name__)

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamAcs:
    """Where the provider's ACS is. `user` and `password`: one account for all devices; without it the gateway signs in
    as each device does here."""

    host: str
    port: int
    target: str
    """Path and query, as they stand in requests."""
    tls: ssl.SSLContext | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    connect_seconds: float = 5.0
    seconds: float = 20.0
    """For one answer. A CPE that waits gives up after 30 s."""

    @property
    def authority(self) -> str:
        """As it stands in `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read a password."""
        return self.tls is not None or self.host in _LOOPBACK


def upstream_acs(url: str, *, ca_file: Path | None = None, user: str = "", password: str = "") -> UpstreamAcs:
    """The ACS of the setting `cwmp.upstream`. Raises `ConfigError` with what is wrong with the setting."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"cwmp.upstream = {url[:100]!r} is no URL: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise ConfigError(
            f"cwmp.upstream = {url[:100]!r} is not the URL of an ACS; write https://HOST[:PORT]/PATH, without a user."
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        log.warning("upstream_not_encrypted")
    tls = None
    if parts.scheme == "https":
        try:
            tls = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"cwmp.upstream_ca_file = {str(ca_file)!r} cannot be read: {error}.") from error
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return UpstreamAcs(
        host=parts.hostname,
        port=port or (443 if tls else 80),
        target=target,
        tls=tls,
        user=user,
        password=password,
    )


@record
class UpstreamAnswer:
    """What the ACS said. An empty body: nothing to do, said as TR-069 has it (204, or 200 with a length of 0)."""

    body: bytes = field(repr=False)
    content_type: str = ""


class Upstream:
    """One CPE session's line to the ACS. One `post` at a time; after an `UpstreamLost` it is of no more use."""

    def __init__(self, acs: UpstreamAcs, user: str, password: str) -> None:
        self._acs = acs
        pair = (acs.user, acs.password) if acs.user else (user, password)
        self._sign_in = SignIn(*pair, basic=acs.private)
        self._jar = CookieJar()
        self._wire: Wire | None = None

    async def post(self, body: bytes) -> UpstreamAnswer:
        """Say `body` (empty: "your turn") and wait for the answer. Raises `UpstreamLost`."""
        until = asyncio.get_running_loop().time() + self._acs.seconds
        try:
            response = await self._exchange(body, until)
            if response.status == 401:
                response = await self._signed_in(response, body, until)
        except TimeoutError as error:
            self.close()
            raise UpstreamLost("silent", f"The ACS did not answer within {self._acs.seconds:.0f} s.") from error
        except BaseException:
            self.close()
            raise
        try:
            return _answer(response)
        except UpstreamLost:
            self.close()
            raise

    @property
    def connected(self) -> bool:
        """Whether the next request goes over the connection of the last one."""
        return self._wire is not None and self._wire.open

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    async def _signed_in(self, response: HttpResponse, body: bytes, until: float) -> HttpResponse:
        """The same once more, with the sign-in that the ACS asks for."""
        if not self._sign_in.user:
            raise UpstreamLost(
                "sign_in",
                "The ACS asks for a user name, and there is none: give the device one in the inventory, or set "
                "cwmp.upstream_user.",
            )
        self._sign_in.challenged(response.all("www-authenticate"))
        response = await self._exchange(body, until)
        if response.status == 401:
            raise UpstreamLost("sign_in", "The ACS does not take the user name and password that this device has.")
        return response

    async def _exchange(self, body: bytes, until: float) -> HttpResponse:
        """`until`: in the loop's time. Raises `TimeoutError`."""
        wire = await self._connected()
        wire.send(encode_request("POST", self._acs.target, self._headers(body), body, host=self._acs.authority))
        response = await wire.response(until)
        self._jar.take(response.headers)
        if not response.keep_alive:
            self.close()
        return response

    def _headers(self, body: bytes) -> list[tuple[str, str]]:
        headers = [("SOAPAction", "")]
        if body:
            headers.append(("Content-Type", CONTENT_TYPE))
        if (cookies := self._jar.header) is not None:
            headers.append(("Cookie", cookies))
        if (signed := self._signature(body)) is not None:
            headers.append(("Authorization", signed))
        return headers

    def _signature(self, body: bytes) -> str | None:
        if not self._sign_in.asked_for:
            return None
        try:
            return self._sign_in.header("POST", self._acs.target, secrets.token_hex(8), body)
        except LoginRefused as error:
            raise UpstreamLost("sign_in", f"The ACS cannot be signed in to: {error}") from error

    async def _connected(self) -> Wire:
        """The connection; a new one if the ACS closed the last one between two answers, as it may."""
        if not self.connected:
            self.close()
        if self._wire is None:
            self._wire = await self._connect()
        return self._wire

    async def _connect(self) -> Wire:
        acs = self._acs
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(acs.connect_seconds):
                _, wire = await loop.create_connection(
                    Wire, acs.host, acs.port, ssl=acs.tls, server_hostname=acs.host if acs.tls else None
                )
        except ssl.SSLError as error:
            raise UpstreamLost(
                "tls", f"The ACS did not prove who it is: {error.reason or type(error).__name__}."
            ) from error
        except (OSError, TimeoutError) as error:
            raise UpstreamLost("refused", f"No connection to the ACS ({type(error).__name__}).") from error
        return wire


def _answer(response: HttpResponse) -> UpstreamAnswer:
    """What a final response means. Raises `UpstreamLost`."""
    if response.status == 204:
        return UpstreamAnswer(b"")
    if 300 <= response.status < 400:
        raise UpstreamLost("redirect", f"The ACS sent the CPE elsewhere (HTTP {response.status}); that never passes.")
    if response.status != 200:
        raise UpstreamLost("status", f"The ACS answered HTTP {response.status}.")
    framed = response.header("content-length") is not None or response.header("transfer-encoding") is not None
    if not response.body and not framed:
        raise UpstreamLost("garbage", "The ACS ended the connection instead of answering.")
    return UpstreamAnswer(response.body, response.header("content-type") or "")
