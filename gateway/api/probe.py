"""The seam to a look at a router before it is registered.

Counterpart: `drivers.netmiko_batch`, whose functions fit; `gateway.assembly` hands them over.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from drivers.session import Target


class FetchHostKey(Protocol):
    """The host key that a router shows now. No login is tried. Raises `RouterUnreachable`."""

    def __call__(self, address: str, port: int, *, legacy_algorithms: frozenset[str]) -> Awaitable[str]: ...


class DetectPlatform(Protocol):
    """What platform a router is, or none. `before_probe` is awaited with the bytes before any are sent."""

    def __call__(
        self, target: Target, *, before_probe: Callable[[bytes], Awaitable[None]] | None
    ) -> Awaitable[str | None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Prober:
    """How this gateway looks at a router."""

    fetch_host_key: FetchHostKey
    detect_platform: DetectPlatform
