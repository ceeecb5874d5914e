"""Opening a log that several workers write: its store and lease, the keys, what is known of the signer, and the others.

One of the workers leads: it alone has the signer, and publishes. Counterpart: `audit.journal`, which one worker records
through, wherever its log is.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit.errors import KeyUnavailable, LogInUse
from audit.keys.store import KeyStore
from audit.publish.leading import Others
from audit.publish.published import Published, open_published
from audit.publish.tile_store import TileStore
from audit.signing.key_files import open_file_signer
from audit.signing.opening import check_signer, open_signer, origin_of
from audit.signing.remote import RemoteSigner
from audit.signing.signer import CheckpointSigner
from audit.signing.view import SignerView, view_files
from audit.stores.choose import Database, open_keys, open_worker, remember
from audit.tlog.checkpoint import Checkpoint
from config.clock import Clock

if TYPE_CHECKING:
    from audit.stores.postgres import PostgresEntryStore

_KEYS_PATIENCE = 10.0
"""How long a worker waits for the keys that another one makes for a new log."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A log as one of its workers has it open."""

    store: "PostgresEntryStore"
    keys: KeyStore
    signer: SignerView
    others: Others


def open_shared(
    directory: Path,
    database: Database,
    keys_dir: Path,
    origin: str,
    clock: Clock,
    *,
    signer_socket: Path | None = None,
    objects: TileStore | None = None,
) -> Shared:
    """Take the lease of `database.worker`, and open all that a journal needs.

    Raises `LogInUse`, `LogMissing`, `LogDamaged`, `KeyUnavailable`, `SignerUnavailable`, `ConfigError`, OSError.
    """
    remember(directory, database)
    store, watch = open_worker(database)
    try:
        view = _view(store, origin, keys_dir, clock, signer_socket)
        keys = open_keys(directory, keys_dir, view.verifier.name)
    except BaseException:
        watch.stop()
        store.abandon()
        raise

    def signer() -> CheckpointSigner:
        if signer_socket is not None:
            return RemoteSigner(signer_socket)
        return open_file_signer(keys_dir, view.verifier.name, create=False, clock=clock)

    return Shared(store, keys, view, Others(watch, signer, lambda one: _published(directory, one, objects)))


def _view(
    store: "PostgresEntryStore", wanted: str, keys_dir: Path, clock: Clock, signer_socket: Path | None
) -> SignerView:
    if signer_socket is not None:
        signer = open_signer(store, wanted, keys_dir, clock, socket=signer_socket)
        view = SignerView(signer.verifiers, signer.state)
        signer.close()
        store.claim_origin(view.verifier.name)
        return view
    origin = store.claim_origin(origin_of(store, wanted, keys_dir))
    _make_keys(keys_dir, origin, clock, new=store.size() == 0)
    # The checkpoint is read before the state: a leader that signs meanwhile makes the state newer, never older.
    store.begin()
    try:
        view = _known(keys_dir, origin)
        check_signer(store, view)
    finally:
        store.end()
    return view


def _make_keys(keys_dir: Path, origin: str, clock: Clock, *, new: bool) -> None:
    """The keys of a new log, unless another worker makes them at this moment."""
    until = time.monotonic() + _KEYS_PATIENCE
    while new and view_files(keys_dir, origin) is None:
        try:
            open_file_signer(keys_dir, origin, create=True, clock=clock).close()
        except LogInUse:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _known(keys_dir: Path, origin: str) -> SignerView:
    view = view_files(keys_dir, origin)
    if view is None:
        raise KeyUnavailable(
            f"The log has entries, but {keys_dir} has no public key of its signer. All workers of a log share the keys."
        )
    return view


def _published(directory: Path, signer: CheckpointSigner, objects: TileStore | None) -> Published:
    published = open_published(directory, signer.verifier, objects)
    try:
        published.restore(Checkpoint(signer.verifier.name, signer.state.size, signer.state.root), whole=False)
    except BaseException:
        published.close()
        raise
    return published
