"""What a worker that does not lead knows of its log's signer: the public keys, and what was signed last.

Only the leader has the signer itself (its lock, or its turn at the socket). Counterpart: `audit.signing.opening`.
"""

from dataclasses import dataclass
from pathlib import Path

from audit.errors import BadEntry, KeyUnavailable, SignerUnavailable
from audit.signing.key_files import MLDSA_PUBLIC_FILE, PUBLIC_FILE
from audit.signing.signer import STATE_FILE, FileState, SignedState
from audit.signing.span import Span
from audit.tlog.note import VerifierKey


@dataclass(frozen=True, slots=True)
class SignerView:
    """Keys and state of a signer, at one moment. It signs nothing."""

    verifiers: tuple[VerifierKey, ...]
    state: SignedState

    @property
    def verifier(self) -> VerifierKey:
        """The Ed25519 key, whose name is the log's origin."""
        return self.verifiers[0]

    def sign(self, size: int, root: bytes, added: Span) -> bytes:  # noqa: ARG002 - it is another's to do
        """Another worker signs. Raises `SignerUnavailable`."""
        raise SignerUnavailable("This worker does not lead, so it signs nothing.")

    def close(self) -> None:
        """Nothing is held."""


def view_files(keys_dir: Path, origin: str) -> SignerView | None:
    """The signer whose files lie in `keys_dir`; none if there are none yet. Raises `KeyUnavailable`, `LogDamaged`."""
    verifiers = []
    for name in (PUBLIC_FILE, MLDSA_PUBLIC_FILE):
        try:
            verifiers.append(VerifierKey.parse((keys_dir / name).read_text(encoding="utf-8").strip()))
        except FileNotFoundError:
            continue
        except (OSError, BadEntry, UnicodeDecodeError) as error:
            raise KeyUnavailable(f"The public key {keys_dir / name} cannot be read.") from error
    if not verifiers:
        return None
    if any(verifier.name != origin for verifier in verifiers):
        raise KeyUnavailable(f"The keys in {keys_dir} are those of another log than '{origin}'.")
    return SignerView(tuple(verifiers), FileState(keys_dir / STATE_FILE).load() or SignedState(origin, 0, ()))
