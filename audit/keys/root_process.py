"""A root behind a helper of the operator's: a KMS, an HSM by PKCS#11, a TPM. The key never enters this process.

The helper is a program that is started once and kept, or listens on a Unix socket, for several clients. It reads one
JSON object a line and answers each with one line, in order:

    {"v":1,"op":"name"}                  -> {"name":"pkcs11:vestibule-2026"}
    {"v":1,"op":"wrap","data":"<b64>"}   -> {"data":"<b64>"}
    {"v":1,"op":"unwrap","data":"<b64>"} -> {"data":"<b64>"}     or, instead of any answer, {"error":"<one sentence>"}

Strict and impatient: any other answer, a late one, or a closed end makes the root unavailable, and the helper is not
asked again. Counterpart: `audit.keys.root_helper`, a helper over a key file, for tests and as a pattern.
"""

import base64
import binascii
import json
import os
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.errors import KeyUnavailable
from audit.keys.root import checked_name

TIMEOUT_SECONDS: Final = 10.0
_LONGEST_LINE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A two-way line to a helper: descriptors to write to and to read from, and how to let go of them."""

    write: int
    read: int
    close: Callable[[], None]


def start_program(arguments: Sequence[str]) -> Line:
    """Start a helper; it is ended when the line is closed. Raises `KeyUnavailable`."""
    try:
        process = subprocess.Popen(list(arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=True)  # noqa: S603
    except OSError as error:
        raise KeyUnavailable(f"The helper of the root key cannot be started ({error.strerror}).") from error
    assert process.stdin is not None
    assert process.stdout is not None

    def close() -> None:
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    return Line(process.stdin.fileno(), process.stdout.fileno(), close)


def connect(path: Path) -> Line:
    """Reach a helper that listens on a Unix socket. Raises `KeyUnavailable`."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(TIMEOUT_SECONDS)
    try:
        client.connect(str(path))
    except OSError as error:
        client.close()
        raise KeyUnavailable(f"The helper of the root key does not answer at {path} ({error.strerror}).") from error
    client.setblocking(True)
    return Line(client.fileno(), client.fileno(), client.close)


class ProcessRoot:
    """A root that asks its helper. One request at a time."""

    def __init__(self, line: Line, *, timeout: float = TIMEOUT_SECONDS) -> None:
        """Asks the helper for the root's name. Raises `KeyUnavailable`."""
        self._line = line
        self._timeout = timeout
        self._turn = threading.Lock()
        self._broken = False
        self._rest = b""
        self._name = f"kms:{checked_name(self._ask('name', 'name'))}"

    @property
    def name(self) -> str:
        return self._name

    @property
    def opens(self) -> bool:
        return True

    def wrap(self, kek: bytes) -> bytes:
        return self._data("wrap", kek)

    def unwrap(self, wrapped: bytes) -> bytes:
        return self._data("unwrap", wrapped)

    def close(self) -> None:
        with self._turn:
            if not self._broken:
                self._broken = True
                self._line.close()

    def _data(self, operation: str, data: bytes) -> bytes:
        answer = self._ask(operation, "data", base64.b64encode(data).decode())
        try:
            return base64.b64decode(answer, validate=True)
        except binascii.Error as error:
            raise self._break("answered with something that is not base64") from error

    def _ask(self, operation: str, wanted: str, data: str | None = None) -> str:
        request = {"v": 1, "op": operation, **({} if data is None else {"data": data})}
        with self._turn:
            if self._broken:
                raise KeyUnavailable("The helper of the root key failed before; restart the gateway once it is sound.")
            answer = self._read_answer(json.dumps(request, separators=(",", ":")).encode() + b"\n")
            match answer:
                case {"error": str(sentence), **rest} if not rest:
                    said = "".join(c if c.isprintable() else "?" for c in sentence)[:200]
                    raise KeyUnavailable(f"The helper of the root key refused: {said}")
                case {**given} if given.keys() == {wanted} and isinstance(given[wanted], str) and given[wanted]:
                    return str(given[wanted])
            raise self._break("answered with another object than was agreed")

    def _read_answer(self, request: bytes) -> object:
        deadline = time.monotonic() + self._timeout
        try:
            os.write(self._line.write, request)  # far below what a pipe takes at once
            line = self._read_line(deadline)
        except OSError as error:
            raise self._break("has gone") from error
        try:
            return json.loads(line)
        except ValueError as error:
            raise self._break("answered with something that is not JSON") from error

    def _read_line(self, deadline: float) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self._line.read, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise self._break("did not answer in time")
                piece = os.read(self._line.read, 8192)
                if not piece or len(self._rest) > _LONGEST_LINE:
                    raise self._break("has gone" if not piece else "answered with too long a line")
                self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        if self._rest:
            raise self._break("answered more than was asked")
        return line

    def _break(self, how: str) -> KeyUnavailable:
        """The line is out of step or dead: never used again."""
        if not self._broken:
            self._broken = True
            self._line.close()
        return KeyUnavailable(f"The helper of the root key {how}.")
