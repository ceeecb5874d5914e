"""KEKs of an open key store: made, unwrapped and kept in memory, and moved to the root in use.

Shared by `audit.keys.file_store` and `audit.keys.postgres_store`, which keep the wrapped forms. Not thread-safe: the
store's lock is held around it.
"""

import os
from dataclasses import dataclass

from audit.errors import KeyUnavailable
from audit.keys.root import ROOT_KEY_BYTES, RootKey, Roots


@dataclass(frozen=True, slots=True)
class WrappedKek:
    """A KEK as it is stored: name of its root, wrapped by it, and for recovery where that is set."""

    root: str
    wrapped: bytes
    recovery: bytes | None


class Keks:
    """The KEKs that were opened, by their wrapped form: a row that was rolled back or destroyed finds nothing here."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._open: dict[bytes, bytes] = {}

    def serves(self, root: str, wrapped: bytes | None) -> bool:
        """Whether a month goes on with this KEK: it can be opened here, or it was destroyed, which `unwrap` says."""
        return wrapped is None or wrapped in self._open or self._roots.opening(root).opens

    def unwrap(self, root: str, wrapped: bytes | None) -> bytes:
        """The KEK. Raises `KeyUnavailable`; none in the place of `wrapped` stands for a destroyed one."""
        if wrapped is None:
            raise KeyUnavailable("The month's key was destroyed at the end of its retention.")
        if wrapped not in self._open:
            self._open[wrapped] = self._roots.opening(root).unwrap(wrapped)
        return self._open[wrapped]

    def make(self) -> tuple[WrappedKek, bytes]:
        """A fresh one: as it is to be stored, and itself."""
        kek = os.urandom(ROOT_KEY_BYTES)
        root, recovery = self._roots.current, self._roots.recovery
        wrapped = root.wrap(kek)
        self._open[wrapped] = kek
        return WrappedKek(root.name, wrapped, None if recovery is None else recovery.wrap(kek)), kek

    def is_stale(self, stored: WrappedKek) -> bool:
        """Whether it is to be moved: another root wraps it, or it lacks its form for recovery, and it opens here."""
        lacks_recovery = self._roots.recovery is not None and stored.recovery is None
        stale = stored.root != self._roots.current.name or lacks_recovery
        return stale and self._roots.opening(stored.root).opens

    def moved(self, stored: WrappedKek) -> WrappedKek:
        """A stale one as it is to be stored instead. Raises `KeyUnavailable`."""
        current, recovery = self._roots.current, self._roots.recovery
        kek = self._roots.opening(stored.root).unwrap(stored.wrapped)
        return WrappedKek(
            root=current.name,
            wrapped=stored.wrapped if stored.root == current.name else wrapped_for_good(current, kek),
            recovery=stored.recovery if recovery is None else recovery.wrap(kek),
        )

    def forget(self) -> None:
        """After a destruction: no KEK stays in memory."""
        self._open.clear()


def wrapped_for_good(root: RootKey, kek: bytes) -> bytes:
    """Wrapped by a root that proved that it gives it back: what wrapped it before is given up for it."""
    wrapped = root.wrap(kek)
    if root.opens and root.unwrap(wrapped) != kek:
        raise KeyUnavailable(f"The root '{root.name}' does not give back what it wrapped. Nothing was moved to it.")
    return wrapped
