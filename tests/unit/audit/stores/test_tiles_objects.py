"""Tiles in object storage, seen from its side: checksums, headers, and errors that quote nothing."""

import base64
import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from audit.errors import PublishFailed
from audit.stores.tiles_objects import ObjectTileStore


class Bucket(BaseHTTPRequestHandler):
    """Answers like S3 what it was told to, and keeps what it was asked."""

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, dict(self.headers.items()), body))
        self.send_response(self.server.status)
        self.send_header("etag", '"1"')
        self.end_headers()
        if self.server.status >= 400:
            self.wfile.write(b"<Error><Code>AccessDenied</Code><Message>very-secret</Message></Error>")

    def log_message(self, *_):
        pass


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-from-all")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    server.asked, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store(bucket):
    return ObjectTileStore("s3://log/x", endpoint=f"http://127.0.0.1:{bucket.server_port}", region="us-east-1")


def test_a_lockable_bucket_gets_what_it_wants(bucket, store):
    store.put_new("tile/0/000", b"tile")
    store.replace("checkpoint", b"note")
    store.put_new("sealed/000", b"sealed")
    (path, tile, body), (_, note, _), (_, sealed, _) = bucket.asked
    lower = [{name.lower(): value for name, value in headers.items()} for headers in (tile, note, sealed)]
    assert path.startswith("/log/x/tile/0/000")
    assert body == b"tile"
    digest = base64.b64encode(hashlib.sha256(b"tile").digest()).decode()
    assert lower[0]["x-amz-checksum-sha256"] == digest
    assert (lower[0]["if-none-match"], lower[1].get("if-none-match")) == ("*", None)
    assert lower[0]["cache-control"] == "public, max-age=31536000, immutable"
    assert (lower[1]["cache-control"], lower[1]["content-type"]) == ("no-cache", "text/plain; charset=utf-8")
    assert lower[2]["cache-control"] == "private, no-store"


def test_an_error_is_a_sentence_without_secrets(bucket, store):
    bucket.status = 403
    with pytest.raises(PublishFailed) as caught:
        store.put_new("tile/0/000", b"tile")
    assert str(caught.value) == "The object store s3://log/x cannot be written now (PermissionDeniedError)."


def test_a_store_that_is_away(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-from-all")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        store = ObjectTileStore("s3://log", endpoint=f"http://127.0.0.1:{probe.getsockname()[1]}", region="x")
        for call in (
            lambda: store.get("checkpoint"),
            lambda: store.put_new("tile/0/000", b""),
            lambda: list(store.list("")),
        ):
            with pytest.raises(PublishFailed):
                call()


@pytest.mark.parametrize("url", ["nonsense://x", "s3://", "://"])
def test_a_url_that_cannot_be_used(url):
    with pytest.raises(PublishFailed, match="cannot be used"):
        ObjectTileStore(url)
