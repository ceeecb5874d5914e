"""The log's site over a real listener: what C2SP clients ask for, what they may cache, and nothing else."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import closing

import httpx
import pytest

from audit.entry import Kind, NewEntry
from audit.errors import PublishFailed
from audit.journal import Journal
from audit.publish.fsck import fsck
from audit.publish.mirror import mirror
from audit.publish.source import HttpTiles, ReadAhead, open_source
from audit.stores.tiles_files import FileTileStore
from audit.stores.tiles_memory import MemoryTileStore
from audit.tlog.checkpoint import open_checkpoint
from audit.tlog.merkle import leaf_hash, verify_inclusion
from audit.tlog.note import VerifierKey
from audit.tlog.tiles import TileTree, decode_bundle
from config.clock import FakeClock
from gateway.log_site import IMMUTABLE, log_site
from gateway.session.listeners import HttpListener, bind_tcp


@pytest.fixture
def journal(tmp_path):
    made = Journal.open(tmp_path / "evidence", keys_dir=tmp_path / "keys", origin="logs.isp", clock=FakeClock())
    yield made
    made.close()


@pytest.fixture
def key(journal):
    return VerifierKey.parse(journal.verifier_key)


async def grow(journal, count):
    entries = [
        NewEntry(kind=Kind.AUTH_OK, facts={"number": number}, sealed={"who": {"user": "alice"}})
        for number in range(count)
    ]
    await asyncio.gather(*(asyncio.wrap_future(journal.append_later(entry)) for entry in entries))
    await journal.checkpoint()


@pytest.fixture
async def site(tmp_path, journal) -> AsyncIterator[str]:
    await grow(journal, 300)
    listener = HttpListener(
        log_site(FileTileStore(tmp_path / "evidence/log")), bind_tcp("127.0.0.1", 0, "log_site.port")
    )
    await listener.start()
    yield f"http://127.0.0.1:{listener.port}"
    await listener.stop()


@pytest.fixture
async def client(site) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site) as made:
        yield made


async def test_a_c2sp_client_reads_and_proves_the_log(site, key, journal):
    def read(source):
        def fetch(path):
            if (data := source.get(path)) is None:
                raise LookupError(path)
            return data

        checkpoint = open_checkpoint(source.get("checkpoint"), key)
        tree = TileTree(checkpoint, fetch)
        heads = [head for number in range((tree.size + 255) // 256) for head in tree.bundle(number)]
        for index in (0, 255, 256, tree.size - 1):
            leaf = leaf_hash(heads[index])
            assert verify_inclusion(index, tree.size, leaf, tree.inclusion(index), checkpoint.root)
        return heads

    with closing(HttpTiles(site)) as tiles:
        heads = await asyncio.to_thread(read, tiles)
    reader = journal.reader()
    assert heads == [entry.head_bytes for entry in reader.entries(0, len(heads))]
    reader.close()


async def test_fsck_and_mirror_over_http(site, key):
    with closing(open_source(site)) as source:
        report = await asyncio.to_thread(fsck, source, key)
    assert (report.exit_code, report.entries) == (0, report.size)
    place = MemoryTileStore()

    def copy():
        ahead = ReadAhead(open_source(site))
        done = mirror(ahead, place, key)
        ahead.close()
        return done

    assert (await asyncio.to_thread(copy)).size == report.size
    assert fsck(place, key).exit_code == 0


async def test_the_checkpoint_is_asked_for_anew_each_time(client, key, journal):
    answer = await client.get("/checkpoint")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    tag = answer.headers["etag"]
    again = await client.get("/checkpoint", headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await grow(journal, 1)
    newer = await client.get("/checkpoint", headers={"if-none-match": tag})
    assert newer.status_code == 200
    assert open_checkpoint(newer.content, key).size > open_checkpoint(answer.content, key).size


async def test_tiles_are_for_ever(client):
    for path, size in (("/tile/0/000", 8192), ("/tile/1/000.p/1", 32)):
        answer = await client.get(path)
        assert (answer.status_code, len(answer.content)) == (200, size)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == IMMUTABLE
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-content-type-options"] == "nosniff"
        head = await client.head(path)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
        assert (await client.get(path, headers={"if-none-match": "*"})).status_code == 304
    bundle = await client.get("/tile/entries/000")
    assert len(decode_bundle(bundle.content, 256)) == 256


async def test_a_partial_tile_that_became_full_is_still_answered(client):
    full = await client.get("/tile/0/000")
    heads = decode_bundle((await client.get("/tile/entries/000")).content, 256)
    for width in (1, 100, 255):
        assert (await client.get(f"/tile/0/000.p/{width}")).content == full.content[: 32 * width]
        bundle = await client.get(f"/tile/entries/000.p/{width}")
        assert decode_bundle(bundle.content, width) == heads[:width]


STRANGE = [
    "/",
    "/tile",
    "/tile/",
    "/tile/0/",
    "/tile/0/001",
    "/tile/0/001.p/255",
    "/tile/0/001.p/0",
    "/tile/0/000.p/256",
    "/tile/0/000.p/01",
    "/tile/0/0",
    "/tile/00/000",
    "/tile/0/x000/000",
    "/tile/64/000",
    "/tile/0/%30%30%30",
    "/tile/0/000/",
    "//tile/0/000",
    "/tile//0/000",
    "/tile/0/../0/000",
    "/tile/0/000%00",
    "/checkpoint/",
    "/Checkpoint",
    "/%63heckpoint",
    "/../audit.db",
    "/..%2faudit.db",
    "/audit.db",
    "/sealed/000",
    "/tile/sealed/000",
    "/log.pub",
    "/.checkpoint.tmp",
    "/tile/0/\u0660\u0660\u0660",
]


async def test_nothing_else_is_there(site):
    """Over a bare socket: clients tidy paths."""
    host, port = site.removeprefix("http://").split(":")
    for path in STRANGE:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        status = int(answer.split(b" ", 2)[1])
        assert status in {400, 404}, path
        if status == 404:
            assert b"cache-control: no-store" in answer
            assert answer.endswith(b"There is no such tile, entry bundle or checkpoint.\n")


async def test_it_can_only_be_read(client):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await client.request(method, "/checkpoint")
        assert (answer.status_code, answer.text) == (405, "The log can only be read.\n")


async def test_a_disk_that_cannot_be_read_is_a_sentence():
    class Broken:
        def get(self, path):
            raise OSError(5, "Input/output error", "/secret/place")

    transport = httpx.ASGITransport(log_site(Broken()))
    async with httpx.AsyncClient(transport=transport, base_url="http://log") as client:
        answer = await client.get("/checkpoint")
    assert (answer.status_code, answer.text) == (503, "The log cannot be read now.\n")
    assert answer.headers["retry-after"] == "5"


async def test_no_personal_data_is_served(client):
    for path in ("/checkpoint", "/tile/0/000", "/tile/entries/000"):
        assert b"alice" not in (await client.get(path)).content


def test_a_site_that_is_away_is_a_sentence():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with closing(HttpTiles(url)) as tiles, pytest.raises(PublishFailed, match="cannot be read"):
            tiles.get("checkpoint")
