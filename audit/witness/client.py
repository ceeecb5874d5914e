"""Asks a witness for cosignatures (C2SP tlog-witness). Everything that comes back is bounded in size and in time.

Counterparts: `audit.witness.witness` answers; `audit.publish.witnessing` decides when to ask. Nothing that a witness
says is believed but a signature that verifies under its key, and a size to try again from.
"""

import asyncio
from collections.abc import Callable, Sequence

import httpx

from audit.errors import BadEntry, WitnessAhead, WitnessAway, WitnessContradicts
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import Signature, VerifierKey, parse_note
from audit.witness.protocol import SIZE_TYPE, encode_add_checkpoint, parse_signatures, parse_size

ANSWER_SECONDS = 15.0
"""For one request and its answer, whole."""
MAX_ANSWER = 65_536
TRIES = 3
"""Requests for one checkpoint: the witness may say that it is elsewhere, and somebody else may ask it meanwhile."""

Prove = Callable[[int], Sequence[bytes]]
"""Consistency proof from this size to the checkpoint; none for 0."""


class WitnessClient:
    """One witness, as one log sees it. One request at a time."""

    def __init__(
        self, name: str, key: VerifierKey, url: str, http: httpx.AsyncClient, *, seconds: float = ANSWER_SECONDS
    ) -> None:
        """`name`: in the policy; `url`: the witness's submission prefix."""
        self.name = name
        self.key = key
        self._url = url.rstrip("/") + "/add-checkpoint"
        self._http = http
        self._seconds = seconds
        self._size = 0
        """What it cosigned last, as far as is known; a wrong guess costs one more request."""

    async def cosign(self, note: bytes, checkpoint: Checkpoint, prove: Prove) -> tuple[Signature, ...]:
        """Its cosignatures on a signed checkpoint. Raises `WitnessAway`, `WitnessContradicts`."""
        text = parse_note(note).text
        for _ in range(TRIES):
            old = min(self._size, checkpoint.size)
            status, kind, answer = await self._post(encode_add_checkpoint(old, prove(old), note))
            if status == 200:
                self._size = checkpoint.size
                return self._verified(answer, text)
            if status != 409 or kind != SIZE_TYPE:
                raise self._refused(status, old)
            self._size = self._told(answer, old, checkpoint)
        raise WitnessAway(f"The witness {self.name} changes its mind about the size it cosigned last.")

    def _verified(self, answer: bytes, text: str) -> tuple[Signature, ...]:
        try:
            signatures = [mark for mark in parse_signatures(answer, text) if mark.claims(self.key)]
        except BadEntry as error:
            raise WitnessAway(f"The witness {self.name} answered with no signature.") from error
        if not signatures or not all(self.key.verify(text.encode(), mark.value) for mark in signatures):
            raise WitnessAway(f"The witness {self.name} does not sign with the key that the policy names.")
        return tuple(signatures)

    def _told(self, answer: bytes, old: int, checkpoint: Checkpoint) -> int:
        """The size to go on from. Raises if there is no going on."""
        try:
            size = parse_size(answer)
        except BadEntry as error:
            raise WitnessAway(f"The witness {self.name} did not say which size it cosigned last.") from error
        if size == old == checkpoint.size:
            raise WitnessContradicts(f"The witness {self.name} cosigned another tree of {size} entries.")
        if size > checkpoint.size:
            raise WitnessAhead(f"The witness {self.name} cosigned {size} entries already, more than there are.")
        return size

    def _refused(self, status: int, old: int) -> WitnessAway | WitnessContradicts:
        if status == 422 and old:
            return WitnessContradicts(
                f"The witness {self.name} finds that the log does not go on from the {old} entries it cosigned."
            )
        reason = {
            403: "does not accept the log's signature",
            404: "does not know this log; its operator has to add the log's key",
        }.get(status, f"answered with status {status}")
        return WitnessAway(f"The witness {self.name} {reason}.")

    async def _post(self, body: bytes) -> tuple[int, str, bytes]:
        """Status, content type without parameters, and body of the answer."""
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._http.stream("POST", self._url, content=body, follow_redirects=False) as response,
            ):
                answer = b""
                async for piece in response.aiter_raw():
                    answer += piece
                    if len(answer) > MAX_ANSWER:
                        raise WitnessAway(f"The witness {self.name} answered with more than {MAX_ANSWER} bytes.")
                return response.status_code, response.headers.get("content-type", "").partition(";")[0].strip(), answer
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise WitnessAway(f"The witness {self.name} cannot be reached ({type(error).__name__}).") from error
