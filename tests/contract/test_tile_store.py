"""What every place to publish a log promises, over all of them."""

import os
import socket
import uuid
from collections.abc import Iterator

import boto3
import pytest

from audit.errors import LogDamaged
from audit.publish.tile_store import TileStore, is_torn
from audit.stores.tiles_files import FileTileStore
from audit.stores.tiles_memory import MemoryTileStore
from audit.stores.tiles_objects import ObjectTileStore


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A stand-in for S3 on loopback."""
    server_module = pytest.importorskip("moto.server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(params=["memory", "files", "objects-memory", "objects-file", "objects-s3"])
def store(request, tmp_path, monkeypatch) -> TileStore:
    match request.param:
        case "memory":
            return MemoryTileStore()
        case "files":
            return FileTileStore.open(tmp_path / "log")
        case "objects-memory":
            return ObjectTileStore("memory:///log")
        case "objects-file":
            return ObjectTileStore((tmp_path / "objects").as_uri())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    endpoint = request.getfixturevalue("s3")
    bucket = f"log-{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket=bucket)
    return ObjectTileStore(f"s3://{bucket}/some/prefix", endpoint=endpoint, region="us-east-1")


def test_nothing_is_there_at_first(store):
    assert store.get("checkpoint") is None
    assert store.get("tile/0/000") is None
    assert list(store.list("")) == list(store.list("tile/")) == []


def test_what_is_stored_is_read_back(store):
    blob = os.urandom(8192)
    store.put_new("tile/0/x001/234", blob)
    store.put_new("tile/0/x001/234.p/7", b"seven")
    store.put_new("tile/entries/000", b"")
    assert store.get("tile/0/x001/234") == blob
    assert store.get("tile/0/x001/234.p/7") == b"seven"
    assert store.get("tile/entries/000") == b""
    assert store.get("tile/0/x001/235") is None
    assert store.get("tile/0") is None


def test_the_same_again_is_fine_and_anything_else_is_an_alarm(store):
    store.put_new("tile/0/000", b"one")
    store.put_new("tile/0/000", b"one")
    for other in (b"two", b"", b"one\x00", b"on"):
        with pytest.raises(LogDamaged, match="tile/0/000 of the published log"):
            store.put_new("tile/0/000", other)
    assert store.get("tile/0/000") == b"one"


def test_the_checkpoint_is_replaced(store):
    store.replace("checkpoint", b"first")
    store.replace("checkpoint", b"second, longer")
    store.replace("checkpoint", b"third")
    assert store.get("checkpoint") == b"third"


def test_paths_are_listed_by_prefix(store):
    paths = {"checkpoint", "tile/0/000", "tile/0/000.p/5", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000"}
    for path in paths - {"checkpoint"}:
        store.put_new(path, path.encode())
    store.replace("checkpoint", b"c")
    assert set(store.list("")) == paths
    assert set(store.list("tile/")) == paths - {"checkpoint"}
    assert set(store.list("tile/0/000.p/")) == {"tile/0/000.p/5"}
    assert set(store.list("sealed/")) == set()


def test_deleting_what_is_not_there_is_no_error(store):
    store.put_new("tile/0/000.p/5", b"five")
    store.put_new("tile/0/000.p/6", b"six")
    for _ in range(2):
        store.delete("tile/0/000.p/5")
    assert store.get("tile/0/000.p/5") is None
    assert list(store.list("tile/")) == ["tile/0/000.p/6"]
    store.delete("tile/0/000.p/6")
    assert list(store.list("tile/")) == []
    store.put_new("tile/0/000.p/5", b"again")
    assert store.get("tile/0/000.p/5") == b"again"


@pytest.mark.parametrize(
    "path", ["", "/x", "../x", "tile/../x", "tile//x", ".x", "tile/.x", "tile/", "a b", "ä", "x\n"]
)
def test_there_are_paths_that_cannot_be(store, path):
    for call in (lambda: store.get(path), lambda: store.put_new(path, b""), lambda: store.replace(path, b"")):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(ValueError):
        store.delete(path)
    with pytest.raises(ValueError):
        list(store.list("tile"))


def test_torn_is_a_beginning_with_zeros_behind():
    whole = b"\x01abc\x00def"
    for torn in (b"", b"\x01", b"\x01abc\x00de", b"\x01abc\x00\x00\x00\x00", bytes(8), bytes(3)):
        assert is_torn(torn, whole)
    for other in (whole, whole + b"\x00", b"\x01abd", b"\x01abc\x00\x00\x00f", bytes(9)):
        assert not is_torn(other, whole)
