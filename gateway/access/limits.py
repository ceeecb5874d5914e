"""How often somebody may call: a token bucket each. Pure; `now` is monotonic seconds.

Counterparts: `gateway.api.guard`, which asks before every call, and `gateway.ssh.server`, before it puts a stranger's
attempt on record.
"""

import math
from dataclasses import dataclass
from typing import Final

MOST_BUCKETS: Final = 10_000
"""Beyond this many callers, buckets that are full again are forgotten: they say nothing."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The call may go on."""


@dataclass(frozen=True, slots=True)
class Limited:
    """Too many calls. `first` of an unbroken row of refusals, so that one line on record stands for all of them."""

    retry_seconds: int
    first: bool


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    refusing: bool = False


class Limiter:
    """One bucket a caller: holds a minute's worth, fills evenly. Used by one thread."""

    def __init__(self, per_minute: int) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._buckets: dict[str, _Bucket] = {}

    def take(self, caller: str, now: float) -> Passed | Limited:
        """Count one call of `caller`."""
        bucket = self._buckets.get(caller)
        if bucket is None:
            self._forget(now)
            bucket = self._buckets[caller] = _Bucket(self._capacity, now)
        bucket.tokens = self._filled(bucket, now)
        bucket.at = max(now, bucket.at)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            bucket.refusing = False
            return Passed()
        first, bucket.refusing = not bucket.refusing, True
        return Limited(retry_seconds=self._until(1 - bucket.tokens), first=first)

    def __len__(self) -> int:
        return len(self._buckets)

    def _filled(self, bucket: _Bucket, now: float) -> float:
        return min(self._capacity, bucket.tokens + max(0.0, now - bucket.at) * self._per_second)

    def _until(self, missing: float) -> int:
        """Whole seconds until `missing` tokens have come in; a hair more than exact counts as exact."""
        return max(1, math.ceil(missing / self._per_second - 1e-6))

    def _forget(self, now: float) -> None:
        """Keep memory bounded: callers may come from anywhere. If all are busy, the longest silent ones go."""
        if len(self._buckets) < MOST_BUCKETS:
            return
        self._buckets = {
            caller: bucket for caller, bucket in self._buckets.items() if self._filled(bucket, now) < self._capacity
        }
        for caller in sorted(self._buckets, key=lambda caller: self._buckets[caller].at)[: -MOST_BUCKETS // 2]:
            del self._buckets[caller]
