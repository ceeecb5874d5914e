"""Files of a witness in its one data directory: seeds of its keys, their public halves, what it remembers.

`witness.key` (Ed25519 cosignatures, type 0x04) always, `witness.mldsa.key` (ML-DSA-44, type 0x06) if it was asked for;
`witness.pub` lists the verifier keys, one a line. Counterpart: `audit.witness.store`.
"""

from pathlib import Path

from audit.errors import KeyUnavailable
from audit.files import make_secret, read_secret, write_durably
from audit.tlog.cosignature import CosigningKey
from audit.tlog.messages import ED25519_COSIGNATURE, MLDSA44_COSIGNATURE
from audit.witness.store import STORE_FILE, WitnessStore
from config.errors import ConfigError

PUBLIC_FILE = "witness.pub"
SEEDS = {ED25519_COSIGNATURE: "witness.key", MLDSA44_COSIGNATURE: "witness.mldsa.key"}
SEED_BYTES = 32


def make_witness(directory: Path, name: str, *, mldsa: bool) -> list[CosigningKey]:
    """Make keys and memory of a new witness of this name. Raises `ConfigError` if there is one, `BadEntry`, OSError."""
    if (directory / PUBLIC_FILE).exists():
        raise ConfigError(f"{directory} holds a witness already. Another witness needs another directory.")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    algorithms = SEEDS if mldsa else [ED25519_COSIGNATURE]
    keys = [CosigningKey(name, make_secret(directory / SEEDS[kind], SEED_BYTES), kind) for kind in algorithms]
    WitnessStore(directory / STORE_FILE).close()
    write_durably(directory / PUBLIC_FILE, "".join(f"{key.verifier}\n" for key in keys).encode())
    return keys


def open_keys(directory: Path) -> list[CosigningKey]:
    """The keys of the witness in `directory`. Raises `KeyUnavailable`."""
    try:
        lines = (directory / PUBLIC_FILE).read_text().split()
    except OSError as error:
        raise KeyUnavailable(
            f"{directory} holds no witness; make one with 'vestibule witness init --data {directory} --name …'."
        ) from error
    name = lines[0].partition("+")[0] if lines else ""
    keys = [
        CosigningKey(name, read_secret(directory / file, SEED_BYTES), kind)
        for kind, file in SEEDS.items()
        if kind == ED25519_COSIGNATURE or (directory / file).exists()
    ]
    if [str(key.verifier) for key in keys] != lines:
        raise KeyUnavailable(f"The keys in {directory} are not those of {PUBLIC_FILE}. Restore them from their backup.")
    return keys


def open_store(directory: Path) -> WitnessStore:
    """What the witness in `directory` remembers. Raises `KeyUnavailable`, `LogDamaged`."""
    path = directory / STORE_FILE
    if not path.exists():
        raise KeyUnavailable(
            f"{path} is gone. A witness that forgot what it cosigned could cosign a fork: retire its key, and make a "
            "new witness in another directory."
        )
    return WitnessStore(path)
