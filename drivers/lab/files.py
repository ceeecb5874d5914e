"""The simulated router's file system: texts in memory, some made when they are read.

Counterpart: `drivers.lab.system` fills it; the applets of `drivers.lab.applets` read and write it.
"""

from collections.abc import Callable
from typing import TypeAlias

Content: TypeAlias = str | Callable[[], str]


class Files:
    """Absolute paths to texts. Directories exist where something lies in them."""

    def __init__(self, contents: dict[str, Content], programs: list[str]) -> None:
        self._contents = dict(contents)
        self._programs = {
            f"{folder}/{name}" for name in programs for folder in ("/bin", "/usr/bin", "/sbin", "/usr/sbin")
        }

    def read(self, path: str) -> str | None:
        """Text of a file; none if there is no such file."""
        if path == "/dev/null":
            return ""
        if path in self._programs:
            return "\x7fELF\x01\x01\x01"
        content = self._contents.get(path)
        return content() if callable(content) else content

    def write(self, path: str, text: str, *, append: bool = False) -> None:
        """Write a file. Pseudo files take and forget what is written."""
        if path.startswith(("/dev/", "/proc/", "/sys/")):
            return
        before = self.read(path) if append else None
        self._contents[path] = (before or "") + text

    def remove(self, path: str) -> bool:
        """Whether there was such a file."""
        return self._contents.pop(path, None) is not None

    def executable(self, path: str) -> bool:
        """Whether a program lies there."""
        return path in self._programs or path.startswith("/etc/init.d/")

    def names(self) -> list[str]:
        """All paths."""
        return sorted(self._contents.keys() | self._programs)

    def folder(self, path: str) -> list[str] | None:
        """Names in a directory; none if there is no such directory."""
        head = path.rstrip("/") + "/"
        names = {name.removeprefix(head).split("/")[0] for name in self.names() if name.startswith(head)}
        return sorted(names) or None
