"""Which signer a log has, and whether the two belong together: looked at before anything is recorded.

The signer's state is the only memory that does not lie in the log's own directory, so a log without it is not opened.
Counterpart: `audit.recovery` then checks the entries against that state.
"""

import time
from pathlib import Path

from audit.errors import BadEntry, KeyUnavailable, LogDamaged, SignerUnavailable
from audit.signing.key_files import PUBLIC_FILE, SEED_FILE, open_file_signer, write_public
from audit.signing.remote import RemoteSigner
from audit.signing.signer import STATE_FILE, CheckpointSigner
from audit.store import EntryReader
from audit.tlog.checkpoint import open_checkpoint
from config.clock import Clock
from config.ids import new_id

PATIENCE_SECONDS = 10.0
"""How long a gateway waits at its start for a signer that starts beside it."""


def open_signer(
    store: EntryReader,
    wanted: str,
    keys_dir: Path,
    clock: Clock,
    *,
    socket: Path | None = None,
    patience: float = PATIENCE_SECONDS,
) -> CheckpointSigner:
    """The signer of the log in `store`; its origin is the log's, an existing one or a new one that fits `wanted`.

    In this process, with keys in `keys_dir`; or with `socket` the process that listens there. Raises `LogDamaged`,
    `LogInUse`, `KeyUnavailable`, `SignerUnavailable`, OSError.
    """
    signer: CheckpointSigner
    if socket is None:
        name = origin_of(store, wanted, keys_dir)
        signer = open_file_signer(keys_dir, name, create=store.size() == 0, clock=clock)
    else:
        signer = _open_remote(store, wanted, keys_dir, socket, patience)
    try:
        check_signer(store, signer)
    except BaseException:
        signer.close()
        raise
    return signer


def check_signer(store: EntryReader, signer: CheckpointSigner) -> None:
    """The signer remembers at least what its own last checkpoint says. Raises `LogDamaged`."""
    note = store.meta("checkpoint")
    if note is None:
        return
    try:
        signed = open_checkpoint(note.encode(), signer.verifier)
    except BadEntry as error:
        raise LogDamaged(f"The last checkpoint in the database does not verify: {error}") from error
    if signed.size > signer.state.size:
        raise LogDamaged(
            f"The log was signed up to entry {signed.size}, but {STATE_FILE} knows only {signer.state.size}: "
            "it was lost or is from an older backup. Restore it."
        )


def origin_of(store: EntryReader, wanted: str, keys_dir: Path) -> str:
    """The origin of the stored log, or one for a new log. Raises `LogDamaged` if they do not fit."""
    stored = store.meta("origin")
    if stored is None:
        if store.size():
            raise LogDamaged("The log has entries but no origin.")
        if (keys_dir / STATE_FILE).exists():
            raise LogDamaged(
                f"The log is empty, but {keys_dir / STATE_FILE} says that one was signed with these keys. Restore the "
                "log, or start a new one with new keys."
            )
        return new_origin(wanted)
    if not fits(stored, wanted):
        raise LogDamaged(f"The log in this directory belongs to '{stored}', not to '{wanted}'.")
    return stored


def new_origin(wanted: str) -> str:
    """A name for a new log: `wanted`, with a random part if it has none."""
    return wanted if "/" in wanted else f"{wanted}/{new_id().lower()}"


def fits(origin: str, wanted: str) -> bool:
    """Whether a log of this origin may be opened where `wanted` is asked for."""
    return wanted in (origin, origin.rpartition("/")[0])


def _open_remote(store: EntryReader, wanted: str, keys_dir: Path, socket: Path, patience: float) -> CheckpointSigner:
    if (keys_dir / SEED_FILE).exists():
        raise KeyUnavailable(
            f"{keys_dir / SEED_FILE} is still here, though the settings name a signer of its own ({socket}). Two "
            "signers could sign two logs: hand the key over with 'vestibule signer init --take-over', see "
            "docs/howto/separate-the-signer.md."
        )
    signer = _reach(socket, patience)
    origin, stored = signer.verifier.name, store.meta("origin")
    public = keys_dir / PUBLIC_FILE
    if public.exists() and public.read_text().strip() != str(signer.verifier):
        raise LogDamaged(f"The signer at {socket} has another key than {public}: it is not the one of this log.")
    if stored is None and (store.size() or signer.state.size):
        raise LogDamaged(
            f"The log is empty or has no origin, but the signer at {socket} has signed {signer.state.size} entries. "
            "Restore the log, or start a new one with a new signer."
        )
    if stored is not None and stored != origin:
        raise LogDamaged(f"The signer at {socket} signs '{origin}', but the log in this directory is '{stored}'.")
    if not fits(origin, wanted):
        raise LogDamaged(f"The signer at {socket} signs '{origin}', which is no log of '{wanted}'.")
    keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_public(keys_dir, signer.verifiers)
    return signer


def _reach(socket: Path, patience: float) -> RemoteSigner:
    until = time.monotonic() + patience
    while True:
        try:
            return RemoteSigner(socket)
        except SignerUnavailable:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
