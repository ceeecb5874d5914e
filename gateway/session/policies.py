"""The policy in force: judged by from one moment on, put on record before, kept readable for ever after.

Every entry of a command carries the digest of the policy that decided. `archive` keeps the files behind each digest
beside the log, so that an auditor can read years later what a rule said. Counterpart: `gateway.policy.load`.
"""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import structlog

from audit.entry import Json, Kind, NewEntry
from audit.journal import Journal
from gateway.errors import BadRequest, Unavailable
from gateway.policy.errors import PolicyError
from gateway.policy.load import PolicyBundle, compile_bundle
from gateway.policy.selftest import failures

log = structlog.get_logger(__name__)

ReadFiles: TypeAlias = Callable[[], Mapping[str, bytes]]
"""The files of the policy as they are now, by name. Raises `PolicyError`."""

FOLDER: Final = "policies"
"""Below the directory of the evidence: one folder a digest, with the files that it is of."""


@dataclass(frozen=True, slots=True)
class Switched:
    """What a reload did. `before` and `after` are digests, equal if nothing had changed."""

    before: str
    after: str
    sessions: int = 0
    """Live sessions that are judged by the new policy from their next line on."""


class PolicyInForce:
    """The one policy of a worker. `bundle` may be another at the next line; nobody keeps it."""

    def __init__(self, bundle: PolicyBundle, *, read: ReadFiles | None = None, folder: Path | None = None) -> None:
        self.bundle = bundle
        self._read = read
        self._folder = folder
        self._switching = asyncio.Lock()

    @classmethod
    def open(cls, read: ReadFiles, folder: Path) -> "PolicyInForce":
        """The policy in the files that `read` gives. Raises `PolicyError`, also when an overlay's test fails."""
        files = read()
        # The shipped tables alone were tested when they were made.
        bundle = _checked(files, ()) if any("+" in name for name in files) else compile_bundle(files, keep=False)
        policy = cls(bundle, read=read, folder=folder)
        archive(folder, policy.bundle.digest, files)
        return policy

    async def started(self, journal: Journal) -> None:
        """Put on record what is in force. Raises `RecordFailed`."""
        await journal.append(_entry(self.bundle, {}))

    async def reload(self, journal: Journal, *, by: str, sessions: int) -> Switched:
        """Read the files again and judge by them from now on; commands that run finish under the old policy.

        The switch is on record before it counts. Raises `BadRequest` (and changes nothing) when the new files cannot be
        read, do not compile, or fail their own tests; `Unavailable` when they cannot be kept; `RecordFailed`.
        """
        if self._read is None:
            raise BadRequest("This policy was not read from files, so it cannot be read again.")
        async with self._switching:
            try:
                files = self._read()
                bundle = await asyncio.to_thread(_checked, files, self.bundle.tables.at_hand)
            except PolicyError as error:
                raise BadRequest(f"The policy stays as it is. {error}") from error
            before = self.bundle.digest
            if bundle.digest == before:
                return Switched(before, before)
            if self._folder is not None:
                try:
                    await asyncio.to_thread(archive, self._folder, bundle.digest, files)
                except PolicyError as error:
                    raise Unavailable(f"The policy stays as it is. {error}") from error
            await journal.append(_entry(bundle, {"from": before, "by": by, "sessions": sessions}))
            self.bundle = bundle
        log.info("policy_switched", count=sessions)
        return Switched(before, bundle.digest, sessions)


def _entry(bundle: PolicyBundle, facts: Mapping[str, Json]) -> NewEntry:
    named: Mapping[str, Json] = {"platforms": [*sorted(bundle.tables)], **facts}
    return NewEntry(kind=Kind.POLICY_LOAD, policy_digest=bundle.digest, facts=named)


def _checked(files: Mapping[str, bytes], used: Collection[str]) -> PolicyBundle:
    """The bundle of `files`, if its own tests pass; at hand are tables of `used` platforms. Raises `PolicyError`."""
    bundle = compile_bundle(files)
    wrong = failures(bundle)
    if wrong:
        more = f" ({len(wrong) - 1} more fail)" if len(wrong) > 1 else ""
        raise PolicyError(f"A test of the new policy fails: {wrong[0]}{more}")
    bundle.tables.put_away(but=used)
    return bundle


def archive(folder: Path, digest: str, files: Mapping[str, bytes]) -> None:
    """Keep `files` in a folder named by `digest`, whole or not at all. Raises `PolicyError`."""
    kept = folder / digest
    if kept.is_dir():
        return
    part = folder / f".{digest}.{os.getpid()}"
    try:
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files.items():
            (part / name).write_bytes(content)
            _sync(part / name)
        _sync(part)
        part.rename(kept)
        _sync(folder)
    except OSError as error:
        if not kept.is_dir():  # another process may have kept the same
            raise PolicyError(f"The policy cannot be kept in {folder} ({error.strerror}); make room there.") from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
