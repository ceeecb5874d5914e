"""RFC 3161 time stamps over checkpoints, one an hour, from an authority that the operator chose. Optional.

A stamp says that a checkpoint, and so every entry below it, was there at that time, in the word of somebody who is
trusted with time by law. In `tsa/`: `<size>.checkpoint`, the bytes that were stamped, and `<size>.tsr`, the answer
(`openssl ts -verify -data <size>.checkpoint -in <size>.tsr -CAfile …`). A failure is logged, nothing else.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
import structlog
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, TimeStampResponse, decode_timestamp_response

from audit.files import write_durably
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import parse_note

FOLDER: Final = "tsa"
INTERVAL_SECONDS: Final = 3600.0
ANSWER_SECONDS: Final = 20.0
MAX_ANSWER: Final = 65_536
LAST_SECONDS: Final = 1.0
GRANTED: Final = (0, 1)
"""PKIStatus of RFC 3161: granted, granted with changes."""


class Timestamper:
    """Owns the thread."""

    def __init__(self, url: str, directory: Path, *, interval: float = INTERVAL_SECONDS) -> None:
        """`directory`: of the log."""
        self._url, self._folder, self._interval = url, directory / FOLDER, interval
        self._change = threading.Condition()
        self._newest: bytes | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="audit-timestamps", daemon=True)
        self._thread.start()

    def submit(self, note: bytes) -> None:
        """A checkpoint was signed; it is stamped if the hour is over. Returns at once."""
        with self._change:
            self._newest = note
            self._change.notify()

    def stop(self) -> None:
        """End; a request in flight is left behind. Safe to call twice."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        while (note := self._take()) is not None:
            try:
                stamp(note, self._url, self._folder)
            except Exception as error:  # noqa: BLE001 - the log does not depend on it
                structlog.get_logger("audit").warning("not_timestamped", error_type=type(error).__name__)
            with self._change:
                self._change.wait_for(lambda: self._stopping, self._interval)

    def _take(self) -> bytes | None:
        with self._change:
            self._change.wait_for(lambda: self._stopping or self._newest is not None)
            note, self._newest = self._newest, None
            return None if self._stopping else note


def stamp(note: bytes, url: str, folder: Path, *, post: Callable[[str, bytes], bytes] | None = None) -> Path:
    """Have a checkpoint stamped, and keep the stamp; its path. Raises ValueError for an answer that stamps something
    else, httpx.HTTPError, OSError."""
    request = TimestampRequestBuilder().data(note).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True).build()
    data = (post or _post)(url, request.as_bytes())
    answer = decode_timestamp_response(data)
    _check(answer, request.message_imprint.message, request.nonce)
    folder.mkdir(mode=0o755, exist_ok=True)
    size = Checkpoint.parse(parse_note(note).text).size
    write_durably(folder / f"{size}.checkpoint", note)
    write_durably(folder / f"{size}.tsr", data)
    return folder / f"{size}.tsr"


def _check(answer: TimeStampResponse, imprint: bytes, nonce: int | None) -> None:
    """It stamps what was asked. Whose word it is worth, those decide who trust the authority's certificate."""
    if answer.status not in GRANTED:
        raise ValueError("the authority refused")
    info = answer.tst_info
    if info.message_imprint.message != imprint or info.nonce != nonce:
        raise ValueError("the stamp is for something else")


def _post(url: str, body: bytes) -> bytes:
    until = time.monotonic() + ANSWER_SECONDS
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    with (
        contextlib.closing(httpx.Client(timeout=ANSWER_SECONDS, trust_env=False)) as http,
        http.stream("POST", url, content=body, headers=headers) as response,
    ):
        response.raise_for_status()
        data = b""
        for piece in response.iter_raw():
            data += piece
            if len(data) > MAX_ANSWER or time.monotonic() > until:
                raise ValueError("the answer is too long, or takes too long")
        return data
