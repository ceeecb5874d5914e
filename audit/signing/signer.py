"""Signs checkpoints, and refuses to sign a log that is not an extension of what it signed before.

The signer keeps its own state (size and frontier of the last tree it signed) outside the log's directory, synced
before a signature leaves: a log restored from an old backup, or rewritten below that size, cannot be signed over. It
computes the new root from its own frontier and the span that was added since, so nothing has to be believed.

Implementations of `CheckpointSigner`: `Signer` here, in the gateway's process (`audit.signing.key_files` opens it), and
`audit.signing.remote.RemoteSigner`, whose key is in a process of another user. Both pass
tests/contract/test_checkpoint_signer.py.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from audit.encoding import decode, encode
from audit.errors import BadEntry, LogDamaged
from audit.files import OWNER_ONLY, write_durably
from audit.signing.span import Span
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import Frontier
from audit.tlog.note import Note, SigningKey, VerifierKey, sign_note
from config.clock import Clock, SystemClock

STATE_FILE = "signer.state"


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


class CheckpointSigner(Protocol):
    """What a journal needs of its signer. One thread at a time."""

    @property
    def verifier(self) -> VerifierKey:
        """The Ed25519 key, whose name is the log's origin."""
        ...

    @property
    def verifiers(self) -> tuple[VerifierKey, ...]:
        """All keys that sign each checkpoint, the Ed25519 key first."""
        ...

    @property
    def state(self) -> SignedState:
        """The last tree that was signed; size 0 if none."""
        ...

    def sign(self, size: int, root: bytes, added: Span) -> bytes:
        """The signed checkpoint of the tree that `added` (from the last signed size on) leads to.

        Asked again for the size and root it signed last, it signs them again. Raises `LogDamaged` if the tree is not an
        extension of that one; `SignerUnavailable` if nobody answers, which proves nothing: ask the same again later;
        OSError if the state cannot be kept.
        """
        ...

    def close(self) -> None:
        """Let go of the state. Safe to call twice."""
        ...


class Signer:
    """One log's signer in this process. Not thread-safe."""

    def __init__(
        self,
        key: SigningKey,
        keeper: StateKeeper,
        *,
        cosigner: CosigningKey | None = None,
        clock: Clock | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        """`cosigner`: the log's own ML-DSA-44 key. `release` is called by `close`.

        Raises `LogDamaged` if the kept state belongs to another log.
        """
        self._key, self._cosigner = key, cosigner
        self._keeper = keeper
        self._clock = clock or SystemClock()
        self._release = release
        state = keeper.load() or SignedState(key.verifier.name, 0, ())
        if state.origin != key.verifier.name:
            raise LogDamaged(f"The signer signed another log before ({state.origin}); it signs only one.")
        self._state = state
        self._broken = False

    @property
    def verifier(self) -> VerifierKey:
        """The public key, whose name is the log's origin."""
        return self._key.verifier

    @property
    def verifiers(self) -> tuple[VerifierKey, ...]:
        """All keys that sign each checkpoint, the Ed25519 key first."""
        return (self.verifier,) if self._cosigner is None else (self.verifier, self._cosigner.verifier)

    @property
    def state(self) -> SignedState:
        """The last tree that was signed; size 0 if none."""
        return self._state

    def sign(self, size: int, root: bytes, added: Span) -> bytes:
        """See `CheckpointSigner`. The state is durable before the signature is made."""
        state = self._extended(size, root, added)
        if state != self._state:
            self._keep(state)
        text = Checkpoint(state.origin, size, root).text()
        note = sign_note(text, self._key)
        if self._cosigner is not None:
            cosignature = self._cosigner.cosign(text, int(self._clock.now().timestamp()))
            note = Note(text, (*note.signatures, cosignature))
        return note.encode()

    def _keep(self, state: SignedState) -> None:
        """Make the state durable. What a failed write left on the disk nobody knows: it is not tried again."""
        if self._broken:
            raise OSError(5, "The signer's state could not be kept before; restart the signer once its disk is sound.")
        self._broken = True
        self._keeper.save(state)
        self._broken = False
        self._state = state

    def _extended(self, size: int, root: bytes, added: Span) -> SignedState:
        """The state to sign: the present one, or the one that `added` leads to. Raises `LogDamaged`."""
        if size == self._state.size and root == self._state.root:
            return self._state
        if added.start == self._state.size and added.end == size:
            frontier = added.grow(self._state.frontier())
            if frontier.root() == root:
                return SignedState(self._state.origin, size, frontier.nodes)
        raise LogDamaged(
            f"The log of {size} entries is not an extension of the {self._state.size} entries signed before. "
            "It is not signed; look for a restored backup or a change to the database."
        )

    def close(self) -> None:
        """Let go of the state."""
        release, self._release = self._release, None
        if release is not None:
            release()
