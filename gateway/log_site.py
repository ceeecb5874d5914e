"""The public, read-only site of the log: checkpoint, tiles and entry bundles, as C2SP tlog-tiles has them.

Strangers may ask for anything: a path is answered if it is one of these names in its only spelling, and is looked up as
it is; nothing is listed, and sealed objects have no path here. Heads carry no personal data. What is immutable says so,
so that caches in front may keep it for good. Counterparts: `audit.publish.place` writes, `audit.publish.source` reads.
"""

import asyncio
import base64
import hashlib
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from audit.errors import AuditError, BadEntry
from audit.publish.tile_store import CHECKPOINT, TileSource, full_of, path_of
from audit.tlog.merkle import HASH_SIZE
from audit.tlog.tiles import WIDTH, EntryBundle, Tile, decode_bundle, encode_bundle, parse_path

IMMUTABLE: Final = "public, max-age=31536000, immutable"
_HEADERS: Final = {"x-content-type-options": "nosniff", "access-control-allow-origin": "*"}
_NOT_FOUND: Final = "There is no such tile, entry bundle or checkpoint.\n"


def log_site(tiles: TileSource) -> Starlette:
    """The app over a published log."""

    async def answer(request: Request) -> Response:
        path = _asked_for(request)
        try:
            data = await asyncio.to_thread(_find, tiles, path)
        except (AuditError, OSError) as error:
            structlog.get_logger("log_site").error("log_site_unreadable", error_type=type(error).__name__)
            raise HTTPException(503, "The log cannot be read now.\n", {"retry-after": "5"}) from error
        if data is None:
            raise HTTPException(404, _NOT_FOUND)
        return _response(request, path, data)

    return Starlette(
        routes=[Route("/{path:path}", answer, methods=["GET", "HEAD"])], exception_handlers={HTTPException: _refuse}
    )


def _asked_for(request: Request) -> str:
    """The path below the site's root, if it is one. The raw bytes count: nothing is decoded."""
    raw: bytes = request.scope["raw_path"]
    try:
        path = raw.decode("ascii").removeprefix("/")
        if path != CHECKPOINT:
            parse_path(path)
    except (UnicodeDecodeError, BadEntry) as error:
        raise HTTPException(404, _NOT_FOUND) from error
    return path


def _find(tiles: TileSource, path: str) -> bytes | None:
    """What is stored at `path`. A partial tile that was deleted is cut from the full one: it can be nothing else."""
    data = tiles.get(path)
    if data is not None or path == CHECKPOINT:
        return data
    piece = parse_path(path)
    if not piece.partial or (full := tiles.get(path_of(full_of(piece)))) is None:
        return None
    return _cut(piece, full)


def _cut(piece: Tile | EntryBundle, full: bytes) -> bytes:
    if isinstance(piece, Tile):
        return full[: piece.width * HASH_SIZE]
    return encode_bundle(decode_bundle(full, WIDTH)[: piece.width])


def _response(request: Request, path: str, data: bytes) -> Response:
    tag = '"' + base64.urlsafe_b64encode(hashlib.sha256(data).digest()[:18]).decode() + '"'
    newest = path == CHECKPOINT
    headers = {**_HEADERS, "etag": tag, "cache-control": "no-cache" if newest else IMMUTABLE}
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    kind = "text/plain; charset=utf-8" if newest else "application/octet-stream"
    return Response(data, media_type=kind, headers=headers)


def _matches(condition: str, tag: str) -> bool:
    """RFC 9110 section 13.1.2: weak comparison against a list of tags."""
    tags = [item.strip().removeprefix("W/") for item in condition.split(",")]
    return tag in tags or condition.strip() == "*"


async def _refuse(_: Request, error: Exception) -> Response:
    """A sentence, and nothing that a cache would keep: what is not there yet may be in a second."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = error.detail if isinstance(error, HTTPException) and status != 405 else "The log can only be read.\n"
    headers = (error.headers if isinstance(error, HTTPException) else None) or {}
    return PlainTextResponse(text, status, {**_HEADERS, **headers, "cache-control": "no-store"})
