"""Whether routers call this worker at all: `CpeLinks` for reps, with a sentence where no router will ever come.

Counterparts: `drivers.cwmp.hub` where they do call; `gateway.cwmp.station` says which it is.
"""

import os
from pathlib import Path
from typing import Final

from audit.files import take_lock
from config.errors import ConfigError
from drivers.cwmp.link import CpeLink, CpeLinks
from drivers.errors import RouterUnreachable

OFF: Final = "Routers that speak TR-069 do not call this gateway: [cwmp] is not set in its settings."
ELSEWHERE: Final = (
    "Routers that speak TR-069 call another worker with this data_dir, and only there can they be worked on; open the "
    "session there, or give this worker a data_dir of its own."
)


class Links:
    """Passes on to `hub` while `closed` is empty."""

    def __init__(self, hub: CpeLinks) -> None:
        self._hub = hub
        self.closed = OFF
        """Why no router comes."""

    async def attach(
        self, router_id: str, *, wanted: frozenset[str] = frozenset(), seconds: float = 60.0, wake: bool = True
    ) -> CpeLink:
        """See `CpeLinks.attach`."""
        if self.closed:
            raise RouterUnreachable(self.closed)
        return await self._hub.attach(router_id, wanted=wanted, seconds=seconds, wake=wake)


class Alone:
    """The right to be called by the routers of one inventory; of all processes of this host one has it."""

    def __init__(self, path: Path) -> None:
        """`path`: of the lock file."""
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Whether it is ours now, until `release` or the end of the process. Raises `ConfigError`."""
        try:
            self._descriptor = take_lock(self._path)
        except BlockingIOError:
            return False
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be locked ({error.strerror}).") from error
        return True

    def release(self) -> None:
        """Give it up. Safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
