"""Sinks against real sockets on loopback: TLS checked, signatures, answers that are no yes, connections that end."""

import contextlib
import hmac
import http.server
import socket
import ssl
import threading
from dataclasses import dataclass, field

import pytest

from audit.feeds.errors import FeedError, SinkDown
from audit.feeds.settings import FeedSettings
from audit.feeds.sinks import SIGNATURE, FileSink, sink_for
from tests.certificates import make_certificates

SECRET = b"0123456789abcdef0123"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def feed(**given):
    return FeedSettings(**{"name": "siem", "form": "syslog", **given})


@dataclass
class Receiver:
    """An HTTPS receiver that keeps what it is sent and answers `status`."""

    status: int = 204
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def receiver(certificates):
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.requests.append((self.headers[SIGNATURE], body))
            self.send_response(receiver.status)
            self.send_header("location", "https://elsewhere.example/")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


def webhook(receiver, tmp_path, certificates, **given):
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET + b"\n")
    secret.chmod(0o600)
    made = feed(to=f"https://127.0.0.1:{receiver.port}/in", secret_file=secret, ca_file=certificates.authority, **given)
    return sink_for(made, lambda: 1795428000.7)


def test_a_webhook_gets_lines_and_a_signature(receiver, tmp_path, certificates):
    sink = webhook(receiver, tmp_path, certificates)
    sink.deliver([b"one", b"two"])
    sink.close()
    ((header, body),) = receiver.requests
    assert body == b"one\ntwo\n"
    digest = hmac.digest(SECRET, b"1795428000." + body, "sha256").hex()
    assert header == f"t=1795428000,v1={digest}"


@pytest.mark.parametrize("status", [301, 400, 500, 503])
def test_any_other_answer_is_no_delivery(receiver, tmp_path, certificates, status):
    receiver.status = status
    sink = webhook(receiver, tmp_path, certificates)
    with pytest.raises(SinkDown, match=str(status)):
        sink.deliver([b"one"])
    sink.close()
    assert len(receiver.requests) == 1


def test_an_endless_answer_is_not_read(tmp_path):
    """A receiver must not be able to fill the gateway's memory."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "secret").chmod(0o600)
    sent = 0

    def answer(listening: socket.socket) -> None:
        nonlocal sent
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while sent < 1 << 30:
                connection.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")
                sent += 65536

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        to = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        sink = sink_for(feed(form="ocsf", to=to, secret_file=tmp_path / "secret"), lambda: 0.0)
        sink.deliver([b"{}"])
        thread.join()
        sink.close()
    assert sent < 1 << 26


@pytest.mark.parametrize("to", ["syslog+tls://a..b:1", "https://a..b/", "https://[::1/"])
def test_a_name_that_cannot_be_one_is_no_delivery(tmp_path, to):
    """It must not end the feed's thread in silence."""
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "secret").chmod(0o600)
    sink = sink_for(feed(to=to, secret_file=tmp_path / "secret"), lambda: 0.0)
    with pytest.raises(SinkDown):
        sink.deliver([b"x"])


def test_a_certificate_of_a_stranger_is_no_delivery(receiver, tmp_path, certificates):
    other = tmp_path / "other"
    other.mkdir()
    sink = webhook(receiver, tmp_path, make_certificates(other))
    with pytest.raises(SinkDown, match="ConnectError"):
        sink.deliver([b"one"])
    sink.close()
    assert receiver.requests == []


@pytest.mark.parametrize(("mode", "content", "complaint"), [(0o644, SECRET, "600"), (0o600, b"short", "16 bytes")])
def test_secrets_are_private_and_long_enough(receiver, tmp_path, certificates, mode, content, complaint):
    secret = tmp_path / "secret"
    secret.write_bytes(content)
    secret.chmod(mode)
    with pytest.raises(FeedError, match=complaint):
        sink_for(feed(to="https://127.0.0.1:1/", secret_file=secret), lambda: 0.0)


class SyslogServer:
    """Accepts TLS connections one after the other and reads octet-counted messages."""

    def __init__(self, certificates):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.certificate, certificates.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.messages: list[bytes] = []
        self.arrived = threading.Semaphore(0)
        self.connections = 0
        self._now: ssl.SSLSocket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                plain, _ = self._listener.accept()
                self._now = self._context.wrap_socket(plain, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            self.connections += 1
            with self._now as connection:
                self._read(connection)

    def _read(self, connection):
        buffer = b""
        while True:
            try:
                data = connection.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while b" " in buffer:
                length, _, rest = buffer.partition(b" ")
                if len(rest) < int(length):
                    break
                self.messages.append(rest[: int(length)])
                buffer = rest[int(length) :]
                self.arrived.release()

    def hang_up(self):
        assert self._now is not None
        self._now.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listener.close()


@pytest.fixture
def syslog_server(certificates):
    server = SyslogServer(certificates)
    yield server
    server.close()


def test_syslog_over_tls_and_again_after_a_hang_up(syslog_server, certificates):
    sink = sink_for(
        feed(to=f"syslog+tls://localhost:{syslog_server.port}", ca_file=certificates.authority), lambda: 0.0
    )
    sink.deliver([b"<110>1 one", b"<110>1 two\xc3\xa9"])
    for _ in range(2):
        assert syslog_server.arrived.acquire(timeout=10)
    syslog_server.hang_up()
    for attempt in range(20):  # the end of the connection may be noticed while delivering: then it is delivered again
        try:
            sink.deliver([b"<110>1 three"])
            break
        except SinkDown:
            assert attempt < 19
    assert syslog_server.arrived.acquire(timeout=10)
    sink.close()
    assert syslog_server.messages[:2] == [b"<110>1 one", b"<110>1 two\xc3\xa9"]
    assert set(syslog_server.messages[2:]) == {b"<110>1 three"}
    assert syslog_server.connections >= 2


def test_syslog_wants_the_receivers_name_and_authority(syslog_server, certificates):
    for to, ca in ((f"syslog+tls://127.0.0.2:{syslog_server.port}", certificates.authority),):
        sink = sink_for(feed(to=to, ca_file=ca), lambda: 0.0)
        with pytest.raises(SinkDown):
            sink.deliver([b"<110>1 one"])
    sink = sink_for(feed(to=f"syslog+tls://localhost:{syslog_server.port}"), lambda: 0.0)
    with pytest.raises(SinkDown, match="not trusted"):
        sink.deliver([b"<110>1 one"])
    assert syslog_server.messages == []


def test_nobody_listens(certificates):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    sink = sink_for(feed(to=f"syslog+tls://localhost:{port}", ca_file=certificates.authority), lambda: 0.0)
    with pytest.raises(SinkDown, match="refused"):
        sink.deliver([b"x"])


def test_a_file_is_private_and_appended_to(tmp_path):
    path = tmp_path / "feed.ndjson"
    for line in (b"one", b"two"):
        sink = sink_for(feed(to=f"file://{path}"), lambda: 0.0)
        sink.deliver([line])
        sink.close()
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SinkDown, match="cannot be written"):
        FileSink(tmp_path / "no" / "where").deliver([b"x"])
