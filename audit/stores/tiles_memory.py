"""Tiles in memory: the fake that ships. It can be told to fail at its next calls, before or after their effect."""

from collections.abc import Callable, Iterator

from audit.stores.put_once import check_path, check_prefix, check_same


class MemoryTileStore:
    """A `TileStore` that forgets everything. `before` and `after`, if set, are called around every change with its
    name and path, and may raise."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.before: Callable[[str, str], None] | None = None
        self.after: Callable[[str, str], None] | None = None

    def put_new(self, path: str, data: bytes) -> None:
        check_path(path)
        self._tell(self.before, "put_new", path)
        check_same(path, self.objects.setdefault(path, data), data)
        self._tell(self.after, "put_new", path)

    def replace(self, path: str, data: bytes) -> None:
        check_path(path)
        self._tell(self.before, "replace", path)
        self.objects[path] = data
        self._tell(self.after, "replace", path)

    def get(self, path: str) -> bytes | None:
        return self.objects.get(check_path(path))

    def delete(self, path: str) -> None:
        check_path(path)
        self._tell(self.before, "delete", path)
        self.objects.pop(path, None)
        self._tell(self.after, "delete", path)

    def list(self, prefix: str) -> Iterator[str]:
        check_prefix(prefix)
        yield from [path for path in self.objects.copy() if path.startswith(prefix)]

    @staticmethod
    def _tell(hook: Callable[[str, str], None] | None, name: str, path: str) -> None:
        if hook is not None:
            hook(name, path)
