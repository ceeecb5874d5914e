"""Holds what a log publishes against its database, as `vestibule audit fsck` does."""

import contextlib
from pathlib import Path

from audit.publish.fsck import fsck
from audit.publish.sealed import SealedObjects
from audit.stores.sqlite import open_reader
from audit.stores.tiles_files import FileTileStore
from audit.verify.log import read_verifier_key


def fsck_is_clean(evidence: Path, keys: Path) -> None:
    """Recompute all tiles, entries and seals. Fails with the report if anything is wrong or missing."""
    with contextlib.closing(open_reader(evidence)) as database:
        report = fsck(
            FileTileStore(evidence / "log"),
            read_verifier_key(keys / "log.pub"),
            database=database,
            sealed=SealedObjects(database),
        )
    assert report.exit_code == 0, list(report.lines())
    assert report.compared
