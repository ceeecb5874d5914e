"""What a gateway and its signer say to each other over a Unix socket: frames, requests, answers. Pure, strict.

A frame is a length (4 bytes, big-endian, at most `MAX_FRAME`) and that many bytes of canonical JSON (RFC 8785). A
client sends one request and gets one answer. Whatever is not exactly what the other side of this module writes raises
`BadEntry`. Counterparts: `audit.signing.remote` asks, `audit.signing.server` answers.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from audit.encoding import decode, encode
from audit.entry import Json
from audit.errors import BadEntry
from audit.signing.signer import SignedState
from audit.signing.span import Span
from audit.tlog.note import VerifierKey
from audit.tlog.spelling import canonical_number, hash_base64

VERSION = 1
HEADER = 4
"""Bytes of a frame's length."""
MAX_FRAME = 32_768
"""The largest is a request with 126 hashes, or an answer with two keys and 63 hashes."""


@dataclass(frozen=True, slots=True)
class AskState:
    """Who are you, and what did you sign last?"""


@dataclass(frozen=True, slots=True)
class AskSignature:
    """Sign the tree of this root, to which `added` leads from what you signed last."""

    origin: str
    root: bytes
    added: Span


@dataclass(frozen=True, slots=True)
class TellState:
    """The keys it signs with, and the last tree that was signed."""

    keys: tuple[VerifierKey, ...]
    state: SignedState


@dataclass(frozen=True, slots=True)
class TellSigned:
    """The signed checkpoint."""

    note: str


@dataclass(frozen=True, slots=True)
class TellRefused:
    """It is not signed, and never will be: why, in a sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class TellFailed:
    """It could not be signed now (the state cannot be kept, the request was not understood)."""

    why: str


Request: TypeAlias = AskState | AskSignature
Answer: TypeAlias = TellState | TellSigned | TellRefused | TellFailed


def frame(body: bytes) -> bytes:
    """`body` with its length before it. Raises `BadEntry` if it is too long for a frame."""
    return frame_header(len(body)) + body


def frame_header(length: int) -> bytes:
    """The first bytes of a frame of that many bytes. Raises `BadEntry`."""
    if not 0 < length <= MAX_FRAME:
        raise BadEntry(f"A frame has 1 to {MAX_FRAME} bytes.")
    return length.to_bytes(HEADER, "big")


def frame_length(header: bytes) -> int:
    """Length of the body that follows these `HEADER` bytes. Raises `BadEntry`."""
    length = int.from_bytes(header, "big")
    if len(header) != HEADER or not 0 < length <= MAX_FRAME:
        raise BadEntry(f"A frame has 1 to {MAX_FRAME} bytes.")
    return length


def encode_request(request: Request) -> bytes:
    """The body of a frame."""
    match request:
        case AskState():
            return encode({"v": VERSION, "ask": "state"})
        case AskSignature(origin, root, added):
            return encode(
                {
                    "v": VERSION,
                    "ask": "sign",
                    "origin": origin,
                    "root": _text(root),
                    "from": str(added.start),
                    "size": str(added.end),
                    "nodes": _texts(added.nodes),
                }
            )


def parse_request(body: bytes) -> Request:
    """Counterpart of `encode_request`. Raises `BadEntry`."""
    match _decoded(body):
        case {"v": 1, "ask": "state", **rest} if not rest:
            return AskState()
        case {
            "v": 1,
            "ask": "sign",
            "origin": str(origin),
            "root": str(root),
            "from": str(start),
            "size": str(end),
            "nodes": list(nodes),
            **rest,
        } if not rest:
            try:
                return AskSignature(origin, _hash(root), Span(_size(start), _size(end), _hashes(nodes)))
            except ValueError as error:
                raise BadEntry("The hashes of the request do not fit its sizes.") from error
    raise BadEntry("That is no request to a signer.")


def encode_answer(answer: Answer) -> bytes:
    """The body of a frame."""
    match answer:
        case TellState(keys, state):
            return encode(
                {
                    "v": VERSION,
                    "tell": "state",
                    "keys": [str(key) for key in keys],
                    "size": str(state.size),
                    "nodes": _texts(state.nodes),
                }
            )
        case TellSigned(note):
            return encode({"v": VERSION, "tell": "signed", "note": note})
        case TellRefused(why):
            return encode({"v": VERSION, "tell": "refused", "why": why})
        case TellFailed(why):
            return encode({"v": VERSION, "tell": "failed", "why": why})


def parse_answer(body: bytes) -> Answer:
    """Counterpart of `encode_answer`. Raises `BadEntry`."""
    match _decoded(body):
        case {"v": 1, "tell": "state", "keys": list(keys), "size": str(size), "nodes": list(nodes), **rest} if not rest:
            return _state(keys, size, nodes)
        case {"v": 1, "tell": "signed", "note": str(note), **rest} if not rest:
            return TellSigned(note)
        case {"v": 1, "tell": "refused", "why": str(why), **rest} if not rest:
            return TellRefused(why)
        case {"v": 1, "tell": "failed", "why": str(why), **rest} if not rest:
            return TellFailed(why)
    raise BadEntry("That is no answer of a signer.")


def _state(keys: "list[Json]", size: str, nodes: "list[Json]") -> TellState:
    parsed = tuple(VerifierKey.parse(str(key)) for key in keys)
    if not 1 <= len(parsed) <= 2 or len({key.name for key in parsed}) != 1:
        raise BadEntry("A signer has one or two keys of one name.")
    state = SignedState(parsed[0].name, _size(size), _hashes(nodes))
    try:
        state.frontier()
    except ValueError as error:
        raise BadEntry("The hashes of the signer's state do not fit its size.") from error
    return TellState(parsed, state)


def _decoded(body: bytes) -> Json:
    if len(body) > MAX_FRAME:
        raise BadEntry(f"A frame has 1 to {MAX_FRAME} bytes.")
    value = decode(body)
    # True == 1 in a pattern, and is another spelling of it.
    if isinstance(value, dict) and value.get("v") is True:
        raise BadEntry("The version is a number.")
    return value


def _texts(hashes: Sequence[bytes]) -> "list[Json]":
    return [_text(node) for node in hashes]


def _text(node: bytes) -> str:
    return base64.b64encode(node).decode()


def _hashes(texts: "list[Json]") -> tuple[bytes, ...]:
    return tuple(_hash(text) for text in texts)


def _hash(text: Json) -> bytes:
    if not isinstance(text, str):
        raise BadEntry("A hash is a text.")
    return hash_base64(text, "a hash")


def _size(text: str) -> int:
    """Sizes travel as text: they may pass 2^53, which canonical JSON has no number for."""
    return canonical_number(text, "a size")
