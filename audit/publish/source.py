"""Where a published log can be read: a directory, a site, object storage; and reading ahead of who goes through it all.

Nothing that a source says is believed here. Counterparts: `gateway.log_site` serves, `audit.publish.fsck` and
`audit.publish.mirror` read.
"""

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx

from audit.errors import BadEntry, LogMissing, PublishFailed
from audit.publish.tile_store import CHECKPOINT, TILES, TileSource, path_of
from audit.stores.put_once import check_path
from audit.stores.tiles_files import FileTileStore
from audit.stores.tiles_objects import ObjectTileStore
from audit.tlog.bundle import MAX_ENTRY
from audit.tlog.tiles import WIDTH, parse_path

MOST_BYTES: Final = (MAX_ENTRY + 2) * WIDTH
"""The largest there can be, an entry bundle; a source that sends more is not read on. Sealed objects may be larger."""

MOST_SEALED_BYTES: Final = 1 << 30
AHEAD: Final = 8
_SECONDS: Final = 30.0


class HttpTiles:
    """A site, by the address of its root. Thread-safe."""

    def __init__(self, url: str, client: httpx.Client | None = None) -> None:
        self.url = url.rstrip("/")
        self._client = client or httpx.Client(timeout=_SECONDS)

    def get(self, path: str) -> bytes | None:
        most = MOST_BYTES if path == CHECKPOINT or path.startswith(TILES) else MOST_SEALED_BYTES
        address = f"{self.url}/{check_path(path)}"
        try:
            with self._client.stream("GET", address) as response:
                if response.status_code in {404, 410}:
                    return None
                if response.status_code != 200:
                    raise PublishFailed(f"{address} answers with status {response.status_code}.")
                data = bytearray()
                for piece in response.iter_bytes():
                    data += piece
                    if len(data) > most:
                        raise PublishFailed(f"{address} sends more than there can be.")
                return bytes(data)
        except httpx.HTTPError as error:
            raise PublishFailed(f"{address} cannot be read ({type(error).__name__}).") from error

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def open_source(where: str) -> TileSource:
    """The published log at `where`: a directory of tiles, of evidence or of all data, an http(s) URL, or a URL of
    object storage. Raises `LogMissing` if there is none in the directory, `PublishFailed`."""
    if where.startswith(("http://", "https://")):
        return HttpTiles(where)
    if "://" in where:
        return ObjectTileStore(where)
    for folder in (Path(where, "evidence", "log"), Path(where, "log"), Path(where)):
        if (folder / CHECKPOINT).is_file():
            return FileTileStore(folder)
    raise LogMissing(f"There is no published log in {where}: no file {CHECKPOINT} in it.")


class ReadAhead:
    """Asks `source` for the next tiles or bundles of a row while one is looked at. For one thread; close it after."""

    def __init__(self, source: TileSource, *, ahead: int = AHEAD) -> None:
        self._source = source
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(ahead, "audit-ahead")
        self._asked: OrderedDict[str, Future[bytes | None]] = OrderedDict()

    def get(self, path: str) -> bytes | None:
        asked = self._asked.pop(path, None)
        found = self._source.get(path) if asked is None else asked.result()
        if found is not None:
            self._ask_on(path)
        return found

    def _ask_on(self, path: str) -> None:
        try:
            piece = parse_path(path)
        except BadEntry:
            return
        if piece.partial:
            return
        for index in range(piece.index + 1, piece.index + 1 + self._ahead):
            name = path_of(replace(piece, index=index))
            if name not in self._asked:
                self._asked[name] = self._pool.submit(self._source.get, name)
        while len(self._asked) > 8 * self._ahead:
            self._asked.popitem(last=False)[1].cancel()

    def close(self) -> None:
        """End its threads, and let go of the source."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if isinstance(self._source, HttpTiles):
            self._source.close()
