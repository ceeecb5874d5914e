"""The gateway's side of the signer's socket: the same interface as `audit.signing.signer.Signer`, the key elsewhere.

The key that signs is with another user, in `vestibule signer`: who takes over the gateway can have the log signed that
there is, but can neither take the key away nor have a second log signed. Nothing that comes back is believed: the
signature must verify under the key that was known before, over the tree that was asked for.
"""

import socket
from pathlib import Path

from audit.errors import BadEntry, LogDamaged, SignerUnavailable
from audit.signing.protocol import (
    HEADER,
    Answer,
    AskSignature,
    AskState,
    Request,
    TellRefused,
    TellSigned,
    TellState,
    encode_request,
    frame,
    frame_length,
    parse_answer,
)
from audit.signing.signer import SignedState
from audit.signing.span import Span
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.note import VerifierKey

ANSWER_SECONDS = 5.0


class RemoteSigner:
    """The signer behind a Unix socket. One connection a request: it may be restarted at any time."""

    def __init__(self, path: Path, *, seconds: float = ANSWER_SECONDS) -> None:
        """Asks who it is and what it signed last. Raises `SignerUnavailable`."""
        self._path = path
        self._seconds = seconds
        told = self._ask(AskState())
        if not isinstance(told, TellState):
            raise SignerUnavailable(f"The signer at {path} did not say what it signed last.")
        self._verifiers = told.keys
        self._state = told.state

    @property
    def verifier(self) -> VerifierKey:
        """The Ed25519 key, whose name is the log's origin."""
        return self._verifiers[0]

    @property
    def verifiers(self) -> tuple[VerifierKey, ...]:
        """All keys that sign each checkpoint, the Ed25519 key first."""
        return self._verifiers

    @property
    def state(self) -> SignedState:
        """The last tree that this process knows to be signed."""
        return self._state

    def sign(self, size: int, root: bytes, added: Span) -> bytes:
        """See `CheckpointSigner`."""
        origin = self.verifier.name
        match self._ask(AskSignature(origin, root, added)):
            case TellSigned(note):
                data = note.encode()
            case TellRefused(why):
                raise LogDamaged(why)
            case other:
                raise SignerUnavailable(f"The signer at {self._path} could not sign: {getattr(other, 'why', other)}")
        try:
            same = open_checkpoint(data, self.verifier) == Checkpoint(origin, size, root)
        except BadEntry as error:
            raise LogDamaged(f"What the signer at {self._path} signed does not verify: {error}") from error
        if not same:
            raise LogDamaged(f"The signer at {self._path} signed another tree than the one it was asked for.")
        if size > self._state.size:
            self._state = SignedState(origin, size, added.grow(self._state.frontier()).nodes)
        return data

    def close(self) -> None:
        """Nothing is held open."""

    def _ask(self, request: Request) -> Answer:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self._seconds)
                connection.connect(str(self._path))
                connection.sendall(frame(encode_request(request)))
                return parse_answer(_receive(connection, frame_length(_receive(connection, HEADER))))
        except OSError as error:
            raise SignerUnavailable(
                f"The signer at {self._path} does not answer ({error.strerror or type(error).__name__}). Start it "
                "('vestibule signer serve'), and see that it lets this user in (--allow)."
            ) from error
        except BadEntry as error:
            raise SignerUnavailable(f"What answers at {self._path} is no signer: {error}") from error


def _receive(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise ConnectionError(0, "it hung up")
        data += piece
    return data
