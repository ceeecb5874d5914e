"""Tiles in object storage (S3, Google Cloud Storage, Azure, or a directory), through obstore.

`put_new` is a conditional create, so that no writer overwrites another's history, whatever the rights of the bucket.
S3 is sent SHA-256 checksums, which buckets with Object Lock ask for. Credentials come from the environment or from the
machine's role, as the providers document it, never from the settings. Errors never quote what the provider answered.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import from_url

from audit.errors import PublishFailed
from audit.stores.put_once import check_path, check_prefix, check_same

_ATTEMPTS: Final = 3
_TIMEOUT: Final = "20s"
_T = TypeVar("_T")

_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_CHECKPOINT: Final = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache"}
_TILE: Final = {"Content-Type": "application/octet-stream", "Cache-Control": _IMMUTABLE}
_PRIVATE: Final = {"Content-Type": "application/octet-stream", "Cache-Control": "private, no-store"}


class ObjectTileStore:
    """A `TileStore` below one URL: `s3://bucket/prefix`, `gs://…`, `az://…`, `file:///…`, `memory:///`."""

    def __init__(self, url: str, *, endpoint: str | None = None, region: str | None = None) -> None:
        """`endpoint`, `region`: for S3 that is not Amazon's. Raises `PublishFailed` if the URL cannot be used."""
        self.url = url
        self._attributes = url.partition(":")[0] not in {"file", "memory"}
        options: dict[str, Any] = {}
        if url.startswith(("s3://", "s3a://")):
            options["checksum_algorithm"] = "SHA256"
            if endpoint is not None:
                options |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
            if region is not None:
                options["region"] = region
        if self._attributes:
            options |= {
                "client_options": {"timeout": _TIMEOUT, "allow_http": (endpoint or "").startswith("http://")},
                "retry_config": {"max_retries": _ATTEMPTS},
            }
        if url.startswith("file:"):
            options["mkdir"] = True
        try:
            self._store = from_url(url, **options)
        except (BaseError, ValueError, TypeError) as error:
            raise PublishFailed(f"The object store {url} cannot be used ({type(error).__name__}).") from error

    def put_new(self, path: str, data: bytes) -> None:
        check_path(path)
        try:
            obstore.put(self._store, path, data, mode="create", attributes=self._attributes_of(path))
        except AlreadyExistsError:
            check_same(path, self._existing(path), data)
        except BaseError as error:
            raise self._failed("written", error) from error

    def _existing(self, path: str) -> bytes:
        found = self.get(path)
        if found is None:
            raise PublishFailed(f"{path} in {self.url} came and went; it is tried again.")
        return found

    def replace(self, path: str, data: bytes) -> None:
        check_path(path)
        attributes = self._attributes_of(path)
        self._do("written", lambda: obstore.put(self._store, path, data, attributes=attributes, use_multipart=False))

    def get(self, path: str) -> bytes | None:
        check_path(path)
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except (NotFoundError, FileNotFoundError):
            return None
        except BaseError as error:
            raise self._failed("read", error) from error

    def delete(self, path: str) -> None:
        check_path(path)
        try:
            obstore.delete(self._store, path)
        except (NotFoundError, FileNotFoundError):
            return
        except BaseError as error:
            raise self._failed("changed", error) from error

    def list(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        pages = iter(obstore.list(self._store, prefix.rstrip("/") or None, chunk_size=1000))
        while page := self._do("listed", lambda: next(pages, [])):
            for found in page:
                yield found["path"]

    def _attributes_of(self, path: str) -> Any:
        if not self._attributes:
            return None
        return _CHECKPOINT if path == "checkpoint" else _TILE if path.startswith("tile/") else _PRIVATE

    def _do(self, what: str, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except BaseError as error:
            raise self._failed(what, error) from error

    def _failed(self, what: str, error: Exception) -> PublishFailed:
        return PublishFailed(f"The object store {self.url} cannot be {what} now ({type(error).__name__}).")
