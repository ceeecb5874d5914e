"""What strangers and storms of CPEs may take of the listener. Pure; `now` is monotonic seconds.

Whole streets call at once after a power cut, and anybody can open connections. Counterparts: `gateway.cwmp.connections`
counts connections and times them, `gateway.cwmp.reception` asks before a session is made.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one listener. Beyond them a CPE is told 503 with Retry-After, or the connection is just cut."""

    connections: int = 20_000
    strangers: int = 256
    """Connections from one address on which nobody has signed in yet. Many CPEs may share one address."""
    sessions: int = 2000
    """CPE sessions at one time, consoles' included."""
    failures_per_minute: int = 10
    """Wrong sign-ins as one device from one address; then that address is served in turn, see `gateway.cwmp.lanes`."""
    failures_per_address: int = 3000
    """A minute, and then the same. Many devices may share an address, so this is against floods, not against guessing.
    """
    head_seconds: float = 10.0
    """From the first byte of a request to the end of its headers."""
    body_seconds: float = 30.0
    """From the first byte of a request to its last."""
    idle_seconds: float = 60.0
    """A connection on which nothing is asked, and a session in which the CPE has the word."""
    handshake_seconds: float = 10.0
    reconnect_seconds: float = 5.0
    """A CPE that closes its connection with an RPC to answer has so long to open another one."""
    stranger_body: int = 256 * 1024
    """Bytes of a request that begins a connection: an Inform."""
    body: int = 8 * 1024 * 1024
    retry_seconds: int = 30
    """Least Retry-After; up to as much again is added at random, so that they do not all come back at once."""
    late_seconds: float = 1.0
    """An event loop that runs so late is overloaded."""


class Counts(Generic[K]):
    """How many of each, none kept at zero."""

    def __init__(self) -> None:
        self._counts: dict[K, int] = {}

    def __getitem__(self, key: K) -> int:
        return self._counts.get(key, 0)

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, key: K) -> None:
        """One more."""
        self._counts[key] = self._counts.get(key, 0) + 1

    def drop(self, key: K) -> None:
        """One less."""
        left = self._counts.get(key, 0) - 1
        if left > 0:
            self._counts[key] = left
        else:
            self._counts.pop(key, None)


MOST_TRIES: Final = 10_000


class Tries(Generic[K]):
    """Failed attempts in a minute of each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tries: OrderedDict[K, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tries)

    def too_many(self, key: K, now: float) -> bool:
        """Whether it failed too often."""
        if not self._tries:
            return False
        since, count = self._tries.get(key, (now, 0))
        return count >= self._most and now - since < 60.0

    def failed(self, key: K, now: float, times: int = 1) -> None:
        """It failed once more, or in a way that counts as often as `times`."""
        since, count = self._tries.pop(key, (now, 0))
        self._tries[key] = (since, count + times) if now - since < 60.0 else (now, times)
        if len(self._tries) > MOST_TRIES:
            self._tries.popitem(last=False)


MOST_FOLDED: Final = 5000
"""Keys that are counted at one time."""


@dataclass(slots=True)
class _Fold:
    since: float
    waiting: int = 0


class Folded(Generic[K]):
    """Repetitions folded into one record: the first of a kind at once, the others as a number when `seconds` are over.

    Keys are made by strangers, so their number is bounded, and so is that of the records: beyond `per_minute` new
    keys in a minute, everything is counted under `rest`.
    """

    def __init__(self, rest: K, *, seconds: float = 60.0, per_minute: int = 120) -> None:
        self._rest = rest
        self._seconds = seconds
        self._per_minute = per_minute
        self._folds: OrderedDict[K, _Fold] = OrderedDict()
        self._minute = float("-inf")
        self._begun = 0

    def take(self, key: K, now: float) -> bool:
        """Count one. True: record it now, as one; False: it is in a number that `due` gives later."""
        fold = self._folds.get(key)
        if fold is None:
            if self._may_begin(now):
                self._folds[key] = _Fold(now)
                return True
            fold = self._folds.setdefault(self._rest, _Fold(now))
        fold.waiting += 1
        return False

    def due(self, now: float) -> list[tuple[K, int]]:
        """What has waited long enough, with how often it came; it counts anew from now."""
        found: list[tuple[K, int]] = []
        for key in list(self._folds):
            fold = self._folds[key]
            if now - fold.since < self._seconds:
                continue
            if not fold.waiting:
                del self._folds[key]
                continue
            found.append((key, fold.waiting))
            self._folds[key] = _Fold(now)
        return found

    def _may_begin(self, now: float) -> bool:
        if now - self._minute >= 60.0:
            self._minute, self._begun = now, 0
        if self._begun >= self._per_minute or len(self._folds) >= MOST_FOLDED:
            return False
        self._begun += 1
        return True


class Rationed(Generic[K]):
    """So many a minute of each key, the same minute for all. Keys are of the inventory, so their number is bounded."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since = float("-inf")
        self._used: dict[K, int] = {}
        self._skipped: dict[K, int] = {}

    def take(self, key: K, now: float) -> int | None:
        """One more: how many were passed over since the last one that was let through; None: it is passed over."""
        if now - self._since >= 60.0:
            self._since, self._used = now, {}
        used = self._used.get(key, 0)
        if used >= self._most:
            self._skipped[key] = self._skipped.get(key, 0) + 1
            return None
        self._used[key] = used + 1
        return self._skipped.pop(key, 0)
