"""What a witness answers to `add-checkpoint` (C2SP tlog-witness), and what it lets anybody read.

A witness cosigns a checkpoint only if it goes on from the newest that it cosigned for the log: it need not see entries,
and learns nothing of them but how many there are. Counterparts: `audit.witness.store` remembers, `gateway.witness_site`
speaks HTTP, `audit.witness.client` asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from audit.errors import BadEntry
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import EMPTY_ROOT, verify_consistency
from audit.tlog.note import Note, VerifierKey
from audit.witness.protocol import SIZE_TYPE, AddCheckpoint, encode_signatures, parse_add_checkpoint
from audit.witness.store import Cosigned, Refusal, WitnessStore
from config.clock import Clock

TEXT_TYPE = "text/plain; charset=utf-8"

log = structlog.get_logger("witness")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, body, content type."""

    status: int
    body: bytes
    content_type: str = TEXT_TYPE


class Witness:
    """One witness: its keys and what it remembers. Any thread."""

    def __init__(self, keys: Sequence[CosigningKey], store: WitnessStore, clock: Clock) -> None:
        """`keys`: each cosigns; one name, of types 0x04 and 0x06."""
        self._keys = tuple(keys)
        self._store = store
        self._clock = clock

    @property
    def verifiers(self) -> tuple[VerifierKey, ...]:
        """Public keys, for the policy files of those who trust this witness."""
        return tuple(key.verifier for key in self._keys)

    def add_checkpoint(self, body: bytes) -> Answer:
        """The answer to a request: 200 with cosignatures, or why not, by status.

        400 not understood, or the old size is larger than the new; 403 no signature of the log; 404 unknown log; 409
        another size was cosigned last (the answer tells which), or this size with another root; 422 the proof does not
        verify. Raises `RecordFailed` if it cannot be remembered; then nothing leaves.
        """
        try:
            request = parse_add_checkpoint(body)
        except BadEntry as error:
            return _no(400, str(error))
        refusal = self._stranger(request)
        if refusal is not None:
            return refusal
        if request.old > request.checkpoint.size:
            return _no(400, "The old size is larger than the size of the checkpoint.")
        return self._decide(request, body)

    def _stranger(self, request: AddCheckpoint) -> Answer | None:
        """Why this is no checkpoint of a log that is known; none if it is one."""
        keys = self._store.keys(request.checkpoint.origin)
        if not keys:
            return _no(404, "unknown log: this witness does not cosign for it.")
        try:
            if request.note.verified_by(keys):
                return None
        except BadEntry:
            pass  # a signature in the log's name that its key did not make
        return _no(403, "invalid signature: the checkpoint is not signed by the log's key.")

    def _decide(self, request: AddCheckpoint, body: bytes) -> Answer:
        origin, new = request.checkpoint.origin, request.checkpoint
        while True:
            last = self._store.latest(origin)
            size = 0 if last is None else last.size
            if request.old != size:
                return Answer(409, b"%d\n" % size, SIZE_TYPE)
            if request.old == new.size and last is not None and last.root != new.root:
                return self._contradiction(request, body, Answer(409, b"%d\n" % size, SIZE_TYPE))
            if not _goes_on(last, request):
                return self._contradiction(
                    request, body, _no(422, "The consistency proof does not lead from the old checkpoint to this one.")
                )
            answer = self._cosign(request, last)
            if answer is not None:
                return answer  # otherwise somebody else was faster: look again at what is the newest now

    def _cosign(self, request: AddCheckpoint, last: Cosigned | None) -> Answer | None:
        """Remember, then answer. The signatures are made before, and leave only if this was the newest meanwhile."""
        now = int(self._clock.now().timestamp())
        text, new = request.note.text, request.checkpoint
        signatures = [key.cosign(text, now) for key in self._keys]
        log_keys = self._store.keys(new.origin)
        signed = [mark for mark in request.note.signatures if any(mark.claims(key) for key in log_keys)]
        note = Note(text, (*signed, *signatures)).encode()
        if not self._store.advance(new.origin, last, Cosigned(new.size, new.root, note, now)):
            return None
        log.info("cosigned", size=new.size)
        return Answer(200, encode_signatures(signatures))

    def _contradiction(self, request: AddCheckpoint, body: bytes, answer: Answer) -> Answer:
        """The log signed what does not go on from what it showed before: keep it, it may be proof of a fork."""
        origin, text = request.checkpoint.origin, request.note.text.encode()
        log.error("refused", code=answer.status)
        self._store.keep_refusal(origin, Refusal(int(self._clock.now().timestamp()), answer.status, body), text)
        return answer

    # --- reading -----------------------------------------------------------------------------------------------------

    def latest(self, origin: str) -> bytes | None:
        """The newest cosigned checkpoint of a log, with the log's signatures and ours."""
        found = self._store.latest(origin)
        return None if found is None else found.note

    def logs(self) -> list[tuple[str, int]]:
        """Known logs and the size that was cosigned last, 0 if none was."""
        sizes = ((origin, self._store.latest(origin)) for origin in self._store.origins())
        return [(origin, 0 if found is None else found.size) for origin, found in sizes]


def _goes_on(last: Cosigned | None, request: AddCheckpoint) -> bool:
    new: Checkpoint = request.checkpoint
    if new.size == 0 and new.root != EMPTY_ROOT:
        return False
    if request.old == 0 or last is None:
        return not request.proof  # nothing to go on from; the first checkpoint is taken as it is
    return verify_consistency(request.old, new.size, last.root, new.root, request.proof)


def _no(status: int, why: str) -> Answer:
    return Answer(status, f"{why}\n".encode())
