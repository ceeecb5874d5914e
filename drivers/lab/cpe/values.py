"""A CPE's parameters as a mapping, from inside the house: what the subscriber, the line and time change."""

from collections.abc import Callable, Iterator, MutableMapping

from drivers.lab.cpe.state import State


class Values(MutableMapping[str, str]):
    """`values[path]` is the present text; assigning changes it and tells the ACS if its notification says so. Deleting
    takes the parameter out of the tree."""

    def __init__(self, state: State, wake: Callable[[], None]) -> None:
        self._state = state
        self._wake = wake

    def __getitem__(self, path: str) -> str:
        return self._state.tree.text(path)

    def __setitem__(self, path: str, text: str) -> None:
        leaf = self._state.tree.leaves[path]
        if leaf.value != text:
            leaf.value = text
            self._state.noticed(path)
            self._wake()

    def __delitem__(self, path: str) -> None:
        del self._state.tree.leaves[path]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._state.tree.leaves))

    def __len__(self) -> int:
        return len(self._state.tree.leaves)

    def by_subscriber(self, path: str, text: str) -> None:
        """The subscriber's own web page: refused with `PermissionError` once `Subscriber` is off the AccessList."""
        if "Subscriber" not in self._state.tree.leaves[path].access:
            raise PermissionError(path)
        self[path] = text

    def secrets(self) -> dict[str, str]:
        """Paths and values of all that is marked hidden or holds a seeded token."""
        leaves = self._state.tree.leaves
        return {path: leaf.value for path, leaf in leaves.items() if leaf.secret or "s3cret-" in leaf.value}
