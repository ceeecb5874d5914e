"""Spreads the check of sealed parts over processes, by ranges of the log; the chains stay with the caller.

Each process opens the log for itself. What was erased between its look and the caller's shows as missing: verify again,
or with one process. Counterparts: `audit.verify.parts`, `audit.verify.log`.
"""

import concurrent.futures
import multiprocessing
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from audit.errors import AuditError, BadEntry, LogDamaged
from audit.keys.store import KeyStore
from audit.stores.choose import open_keys, open_reader
from audit.verify.erasures import ErasureCheck
from audit.verify.heads import read_head
from audit.verify.parts import PartCheck, Tally
from audit.verify.report import Severity

Found = tuple[Tally, list[tuple[int, Severity, str]]]

_WIDTH = 256
_LISTED = 1000
_RANGES = 4
"""Ranges a process, so that one that is slow does not hold up the rest."""


class PartsElsewhere:
    """Sealed parts of one log, checked by other processes while the caller goes on."""

    def __init__(self, directory: Path, keys_dir: Path | None, origin: str, jobs: int) -> None:
        self._directory, self._keys_dir, self._origin, self._jobs = directory, keys_dir, origin, jobs
        self._futures: list[concurrent.futures.Future[Found]] = []

    @contextmanager
    def checking(self, size: int, only: str | None, erasures: ErasureCheck) -> Iterator[None]:
        """Have the parts of the first `size` entries checked; they are when the block is over.

        The caller's own process is one of the jobs.
        """
        others = max(1, self._jobs - 1)
        ranges = others * _RANGES
        step = max(_WIDTH, -(-size // ranges + 1) // _WIDTH * _WIDTH + _WIDTH)
        edges = list(range(0, size, step))
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(others, mp_context=context) as pool:
            for low in edges:
                # Rows beyond either end of the log are findings too.
                ends = (-(1 << 62) if low == 0 else low, 1 << 62 if low == edges[-1] else low + step)
                self._futures.append(
                    pool.submit(_check, self._directory, self._keys_dir, self._origin, only, erasures, ends, size)
                )
            yield

    def results(self) -> Iterator[Found]:
        """In the order of the log. Raises `LogDamaged`."""
        for future in self._futures:
            yield future.result()


def _check(
    directory: Path,
    keys_dir: Path | None,
    origin: str,
    only: str | None,
    erasures: ErasureCheck,
    ends: tuple[int, int],
    size: int,
) -> Found:
    low, high = ends
    found: list[tuple[int, Severity, str]] = []
    with closing(open_reader(directory)) as store, _keys(directory, keys_dir, origin) as keys:
        store.begin()
        parts = PartCheck(store, keys, origin, only, erasures, low=low, high=high)
        for row in store.entries(low, min(high, size)):
            try:
                head = read_head(row.head)
            except BadEntry:
                continue  # the caller's finding
            found += [(row.index, severity, text) for severity, text in parts.check(row.index, head)]
            if len(found) > _LISTED:
                break
        if high < size:
            found += parts.left_over()
        else:
            found += [one for one in parts.left_over() if one[0] < size or store.size() == size]
        return parts.tally, found[:_LISTED]


@contextmanager
def _keys(directory: Path, keys_dir: Path | None, origin: str) -> Iterator[KeyStore | None]:
    if keys_dir is None:
        yield None
        return
    try:
        with closing(open_keys(directory, keys_dir, origin, read_only=True)) as keys:
            yield keys
    except AuditError:
        raise
    except OSError as error:
        raise LogDamaged(f"The keys of the log cannot be read ({error.strerror}).") from error
