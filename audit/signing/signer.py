"""Signs checkpoints, and refuses to sign a log that is not an extension of what it signed before.

The signer keeps its own state (size and frontier of the last tree it signed) outside the log's directory, synced
before a signature leaves: a log restored from an old backup, or rewritten below that size, cannot be signed over. It
recomputes the new root from its own frontier and the leaf hashes added since, which is stronger than checking a
consistency proof.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from audit.encoding import decode, encode
from audit.errors import BadEntry, LogDamaged
from audit.files import OWNER_ONLY, make_secret, read_secret, write_durably
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import HASH_SIZE, Frontier
from audit.tlog.note import SigningKey, VerifierKey, sign_note

SEED_FILE = "log.key"
PUBLIC_FILE = "log.pub"
STATE_FILE = "signer.state"
SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class SignedState:
    """The last tree that was signed."""

    origin: str
    size: int
    nodes: tuple[bytes, ...]

    def frontier(self) -> Frontier:
        """As a tree to go on from."""
        return Frontier(self.size, self.nodes)

    @property
    def root(self) -> bytes:
        return self.frontier().root()


class StateKeeper(Protocol):
    """Where the signer's state survives. `save` returns only when it is durable."""

    def load(self) -> SignedState | None: ...

    def save(self, state: SignedState) -> None: ...


class FileState:
    """The state in `signer.state`, canonical JSON."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> SignedState | None:
        """None if nothing was signed yet. Raises `LogDamaged` if the file is not what `save` wrote."""
        try:
            value = decode(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, BadEntry) as error:
            raise LogDamaged(f"The signer's state {self._path} is damaged or cannot be read.") from error
        match value:
            case {"origin": str(origin), "size": int(size), "nodes": list(nodes)} if all(
                isinstance(node, str) for node in nodes
            ):
                try:
                    state = SignedState(origin, size, tuple(base64.b64decode(str(node)) for node in nodes))
                    state.frontier()
                except ValueError as error:
                    raise LogDamaged(f"The signer's state {self._path} is damaged.") from error
                return state
        raise LogDamaged(f"The signer's state {self._path} is damaged.")

    def save(self, state: SignedState) -> None:
        nodes = [base64.b64encode(node).decode() for node in state.nodes]
        data = encode({"origin": state.origin, "size": state.size, "nodes": list(nodes)})
        write_durably(self._path, data, OWNER_ONLY)


class MemoryState:
    """The state in memory, for tests."""

    def __init__(self) -> None:
        self.state: SignedState | None = None

    def load(self) -> SignedState | None:
        return self.state

    def save(self, state: SignedState) -> None:
        self.state = state


class Signer:
    """One log's signer. Not thread-safe."""

    def __init__(self, key: SigningKey, keeper: StateKeeper) -> None:
        """Raises `LogDamaged` if the kept state belongs to another log."""
        self._key = key
        self._keeper = keeper
        state = keeper.load() or SignedState(key.verifier.name, 0, ())
        if state.origin != key.verifier.name:
            raise LogDamaged(f"The signer signed another log before ({state.origin}); it signs only one.")
        self._state = state

    @property
    def verifier(self) -> VerifierKey:
        """The public key, whose name is the log's origin."""
        return self._key.verifier

    @property
    def state(self) -> SignedState:
        """The last tree that was signed; size 0 if none."""
        return self._state

    def sign(self, size: int, root: bytes, added: Sequence[bytes]) -> bytes:
        """The signed checkpoint of the tree that `added` (leaf hashes since the last signed size) leads to.

        Raises `LogDamaged` if `size` and `root` are not what they lead to; OSError if the state cannot be kept.
        """
        frontier = self._state.frontier()
        frontier.extend(added)
        if frontier.size != size or frontier.root() != root or any(len(leaf) != HASH_SIZE for leaf in added):
            raise LogDamaged(
                f"The log of {size} entries is not an extension of the {self._state.size} entries signed before. "
                "It is not signed; look for a restored backup or a change to the database."
            )
        state = SignedState(self._state.origin, size, frontier.nodes)
        if state != self._state:
            self._keeper.save(state)
            self._state = state
        return sign_note(Checkpoint(state.origin, size, root).text(), self._key).encode()


def open_file_signer(keys_dir: Path, origin: str, *, create: bool) -> Signer:
    """The signer whose key and state lie in `keys_dir`; writes the public key to `log.pub`.

    `create` makes the key; without it a missing one is an error, for a log that was signed before needs the same.
    Raises `KeyUnavailable`, `LogDamaged`, OSError.
    """
    path = keys_dir / SEED_FILE
    seed = make_secret(path, SEED_BYTES) if create else read_secret(path, SEED_BYTES)
    signer = Signer(SigningKey(origin, seed), FileState(keys_dir / STATE_FILE))
    public = keys_dir / PUBLIC_FILE
    text = f"{signer.verifier}\n"
    if not public.exists() or public.read_text() != text:
        write_durably(public, text.encode())
    return signer
