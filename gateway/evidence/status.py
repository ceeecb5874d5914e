"""How a running gateway is, for those who keep it: the log, what depends on it, and the disk below (NIST AU-5(1)).

Nothing here is personal, and nothing is decided by it. Counterparts: `gateway.api.status`, `vestibule status`;
`gateway.assembly` asks once a minute and logs a new warning.
"""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.feeds.cursor import position
from audit.feeds.errors import FeedError
from audit.journal import Journal
from audit.publish.standing import Standing
from audit.search.index import Index
from config.counting import counted, entries
from config.settings import Settings
from gateway.access.identity import Authenticated, Role
from gateway.errors import NotAllowed
from gateway.evidence.approvals import Approvals
from gateway.evidence.feeding import cursor_path, described
from gateway.session.live import LiveSessions

READERS: Final[frozenset[Role]] = frozenset({"operator", "supervisor", "auditor"})
LOW_DISK: Final = 0.10
"""Share of the data directory's file system that should be free."""
BEHIND: Final = 10_000
"""Entries that a feed or the index may be behind before it is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The file system of the data directory, in bytes. `free`: to a user who is not root."""

    total: int
    free: int

    @property
    def share(self) -> float:
        return self.free / self.total if self.total else 0.0

    @property
    def low(self) -> bool:
        return self.share < LOW_DISK


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """One feed, and how many entries it has still to deliver; none if its cursor cannot be read."""

    name: str
    behind: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All of it, at one moment."""

    origin: str
    size: int
    recording: bool
    """False: nothing can be recorded any more, and the process ends."""
    standing: Standing
    index_behind: int | None
    """Entries; none if no index is kept."""
    feeds: tuple[FeedStatus, ...]
    approvals: int | None
    """That wait for a second person; none if custody is not kept here."""
    sessions: int
    disk: Disk
    warnings: tuple[str, ...]
    """Sentences, worst first."""


def disk_of(directory: Path) -> Disk:
    """Raises OSError."""
    usage = shutil.disk_usage(directory)
    return Disk(total=usage.total, free=usage.free)


class StatusBoard:
    """What is looked at. One a worker."""

    def __init__(
        self,
        journal: Journal,
        settings: Settings,
        live: LiveSessions,
        *,
        index: Index | None = None,
        approvals: Approvals | None = None,
        disk: Callable[[Path], Disk] = disk_of,
    ) -> None:
        self._journal, self._settings, self._live = journal, settings, live
        self._index, self._approvals, self._disk = index, approvals, disk
        evidence = settings.evidence
        self.witness_policy = None if evidence.witness_policy is None else str(evidence.witness_policy)
        self.alarm_seconds = evidence.quorum_alarm_minutes * 60.0

    async def status(self, auth: Authenticated) -> Status:
        """For operators, supervisors and auditors. Raises `NotAllowed`, `AuditError`."""
        if auth.principal.role not in READERS:
            raise NotAllowed("Your role does not include how the gateway is.")
        return await self.look()

    async def look(self) -> Status:
        """The same without a person, for the gateway itself. Raises `AuditError`."""
        size, behind, feeds, disk = await asyncio.to_thread(self._read)
        standing, recording = self._journal.standing(), not self._journal.poisoned
        return Status(
            origin=self._journal.origin,
            size=size,
            recording=recording,
            standing=standing,
            index_behind=behind,
            feeds=feeds,
            approvals=None if self._approvals is None else len(self._approvals.pending()),
            sessions=len(self._live),
            disk=disk,
            warnings=(
                *(() if recording else ("Nothing can be recorded any more.",)),
                *_of_disk(disk),
                *_of_log(standing, self.alarm_seconds),
                *_of_followers(behind, feeds),
            ),
        )

    def _read(self) -> tuple[int, int | None, tuple[FeedStatus, ...], Disk]:
        with closing(self._journal.reader()) as reader:
            size = reader.size
        behind = None if self._index is None else max(0, size - self._index.cursor)
        names = [feed.name for feed in described(self._settings)]
        feeds = tuple(FeedStatus(name=name, behind=self._behind(name, size)) for name in names)
        return size, behind, feeds, self._disk(self._settings.data_dir)

    def _behind(self, name: str, size: int) -> int | None:
        try:
            return max(0, size - position(cursor_path(self._settings, name), self._journal.origin))
        except FeedError:
            return None


def _of_disk(disk: Disk) -> tuple[str, ...]:
    if not disk.low:
        return ()
    return (
        f"The disk of the data directory is nearly full: {disk.share:.0%} free. When it is full, all sessions end.",
    )


def _of_log(standing: Standing, alarm_seconds: float) -> tuple[str, ...]:
    signing, said = standing.signing, []
    if signing is not None and not signing.answers:
        said.append(f"The signer does not answer; entries wait for a signature for {signing.unsigned_seconds:.0f} s.")
    if standing.quorum_age is not None and standing.quorum_age > alarm_seconds:
        said.append(f"No quorum of witnesses has cosigned for {_minutes(standing.quorum_age)}.")
    if (standing.undelivered_seconds or 0.0) > alarm_seconds:
        said.append(f"Object storage has got no checkpoint for {_minutes(standing.undelivered_seconds or 0)}.")
    return tuple(said)


def _of_followers(index: int | None, feeds: tuple[FeedStatus, ...]) -> tuple[str, ...]:
    said = [f"The search index is {entries(index or 0)} behind."] if (index or 0) > BEHIND else []
    for feed in feeds:
        if feed.behind is None:
            said.append(f"The cursor of feed {feed.name} cannot be read.")
        elif feed.behind > BEHIND:
            said.append(f"Feed {feed.name} is {entries(feed.behind)} behind.")
    return tuple(said)


def _minutes(seconds: float) -> str:
    return counted(round(seconds / 60), "minute")
