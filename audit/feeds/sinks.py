"""Where feeds deliver to: syslog over TLS, a signed webhook, a file. What was not taken for certain is not taken.

A sink's `deliver` returns only when the receiver has the lines: a webhook answered 2xx, the file is synced, the
receiver's TCP acknowledged all bytes. Syslog knows no answer of its own (RFC 5425 section 4.3), so what its receiver
loses after that is lost.
"""

import fcntl
import hashlib
import hmac
import os
import socket
import ssl
import struct
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import httpx

from audit.feeds.errors import FeedError, SinkDown
from audit.feeds.settings import FeedSettings
from audit.feeds.syslog import framed
from audit.files import OWNER_ONLY, write_all
from config.errors import ConfigError
from config.files import read_private

MAX_ANSWER: Final = 65_536
"""Bytes of a webhook's answer that are read at most."""
TIMEOUT: Final = 10.0
SIGNATURE: Final = "Vestibule-Signature"
"""`t=<unix time>,v1=<hex of HMAC-SHA256(secret, "<unix time>." + body)>`."""


class Sink(Protocol):
    """Takes whole batches or nothing it would vouch for."""

    def deliver(self, lines: Sequence[bytes]) -> None:
        """Raises `SinkDown` if not all lines are certain to have arrived; some may have, and come again."""
        ...

    def close(self) -> None: ...


class MemorySink:
    """For tests: keeps the lines; fails `failures` times, after having taken half of a batch."""

    def __init__(self, failures: int = 0) -> None:
        self.lines: list[bytes] = []
        self.failures = failures

    def deliver(self, lines: Sequence[bytes]) -> None:
        if self.failures:
            self.failures -= 1
            self.lines += lines[: len(lines) // 2]
            raise SinkDown("The sink was told to fail.")
        self.lines += lines

    def close(self) -> None:
        """Nothing to close."""


class FileSink:
    """Appends lines to a file of mode 0600, synced at every batch."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def deliver(self, lines: Sequence[bytes]) -> None:
        data = b"".join(line + b"\n" for line in lines)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, OWNER_ONLY)
            try:
                write_all(descriptor, data)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise SinkDown(f"{self._path}: cannot be written ({error.strerror}).") from error

    def close(self) -> None:
        """Nothing stays open."""


class Webhook:
    """POST of newline-delimited lines, signed with a shared secret. Redirects are not followed."""

    def __init__(self, url: str, secret: bytes, context: ssl.SSLContext, clock: Callable[[], float]) -> None:
        """`clock` gives Unix seconds."""
        self._url, self._secret, self._clock = url, secret, clock
        self._client = httpx.Client(verify=context, timeout=TIMEOUT, follow_redirects=False)

    def deliver(self, lines: Sequence[bytes]) -> None:
        body = b"".join(line + b"\n" for line in lines)
        stamp = int(self._clock())
        headers = {"content-type": "application/x-ndjson", SIGNATURE: signature(self._secret, stamp, body)}
        try:
            with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                _read_out(answer)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise SinkDown(f"The webhook cannot be reached ({type(error).__name__}).") from error
        if not answer.is_success:
            raise SinkDown(f"The webhook answered {answer.status_code} instead of 2xx.")

    def close(self) -> None:
        self._client.close()


def _read_out(answer: httpx.Response) -> None:
    """Of the answer only the status counts. Its body is passed over, so that the connection can be used again; if it is
    long or slow, it is cut there instead."""
    taken, until = 0, time.monotonic() + TIMEOUT
    for piece in answer.iter_raw():
        taken += len(piece)
        if taken > MAX_ANSWER or time.monotonic() > until:
            return


def signature(secret: bytes, stamp: int, body: bytes) -> str:
    """The header's value: time and HMAC over both, so that an old delivery cannot be sent again as new."""
    digest = hmac.digest(secret, f"{stamp}.".encode() + body, hashlib.sha256)
    return f"t={stamp},v1={digest.hex()}"


class SyslogTls:
    """RFC 5425: octet-counted messages over TLS 1.2 or newer, the receiver's certificate checked by name."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        self._host, self._port, self._context = host, port, context
        self._connection: ssl.SSLSocket | None = None

    def deliver(self, lines: Sequence[bytes]) -> None:
        try:
            connection = self._connect()
            connection.sendall(b"".join(framed(line) for line in lines))
            _until_acknowledged(connection)
        except (OSError, UnicodeError) as error:  # the latter for a name that cannot be one
            self.close()
            raise SinkDown(f"The syslog receiver did not take the entries ({_reason(error)}).") from error

    def _connect(self) -> ssl.SSLSocket:
        if self._connection is not None and _ended(self._connection):
            self.close()
        if self._connection is None:
            plain = socket.create_connection((self._host, self._port), TIMEOUT)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            try:
                self._connection = self._context.wrap_socket(plain, server_hostname=self._host)
            except BaseException:
                plain.close()
                raise
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _ended(connection: ssl.SSLSocket) -> bool:
    """Whether the receiver closed. It never sends anything, so whatever can be read is the end."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(TIMEOUT)


def _until_acknowledged(connection: ssl.SSLSocket) -> None:
    """Wait until the receiver's TCP has everything (SIOCOUTQ is 0). Raises OSError after `TIMEOUT`."""
    until = time.monotonic() + TIMEOUT
    while struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))[0]:
        if time.monotonic() > until:
            raise TimeoutError("not acknowledged in time")
        time.sleep(0.002)


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def sink_for(feed: FeedSettings, clock: Callable[[], float]) -> Sink:
    """The sink that a feed describes. Raises `FeedError`."""
    if feed.to.startswith("file://"):
        return FileSink(Path(feed.to.removeprefix("file://")))
    context = _context(feed)
    if feed.to.startswith("syslog+tls://"):
        host, _, port = feed.to.removeprefix("syslog+tls://").rpartition(":")
        return SyslogTls(host.strip("[]"), int(port), context)
    assert feed.secret_file is not None
    return Webhook(feed.to, _secret(feed.secret_file), context, clock)


def _context(feed: FeedSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if feed.ca_file is None else str(feed.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if feed.client_certificate is not None:
            context.load_cert_chain(feed.client_certificate)
    except (OSError, ssl.SSLError) as error:
        raise FeedError(f"feed {feed.name}: its certificates cannot be read ({type(error).__name__}).") from error
    return context


def _secret(path: Path) -> bytes:
    try:
        secret = read_private(path).strip()
    except ConfigError as error:
        raise FeedError(str(error)) from error
    if len(secret) < 16:
        raise FeedError(f"{path}: a webhook's secret has at least 16 bytes.")
    return secret
