"""Frames between gateway and signer: they go round unchanged, and nothing else is understood."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.encoding import decode, encode
from audit.errors import BadEntry
from audit.signing.protocol import (
    HEADER,
    MAX_FRAME,
    AskSignature,
    AskState,
    TellFailed,
    TellRefused,
    TellSigned,
    TellState,
    encode_answer,
    encode_request,
    frame,
    frame_length,
    parse_answer,
    parse_request,
)
from audit.signing.signer import SignedState
from audit.signing.span import Span, subtree_heights
from audit.tlog.cosignature import CosigningKey
from audit.tlog.messages import MLDSA44_COSIGNATURE
from audit.tlog.note import SigningKey

HASH = hashlib.sha256(b"x").digest()
KEYS = (
    SigningKey("logs.isp/1", bytes(32)).verifier,
    CosigningKey("logs.isp/1", bytes(32), MLDSA44_COSIGNATURE).verifier,
)


def wide_span(start, end):
    return Span(start, end, [HASH] * len(list(subtree_heights(start, end))))


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_requests_go_round(first, second):
    asked = AskSignature("logs.isp/1", HASH, wide_span(*sorted((first, second))))
    body = encode_request(asked)
    assert len(frame(body)) <= MAX_FRAME + HEADER
    back = parse_request(body)
    assert isinstance(back, AskSignature)
    assert (back.origin, back.root) == (asked.origin, asked.root)
    assert (back.added.start, back.added.end) == (min(first, second), max(first, second))
    assert back.added.nodes == asked.added.nodes
    assert parse_request(encode_request(AskState())) == AskState()


@given(st.integers(0, 2**63 - 1))
def test_answers_go_round(size):
    state = SignedState("logs.isp/1", size, (HASH,) * size.bit_count())
    for answer in (
        TellState(KEYS, state),
        TellState(KEYS[:1], state),
        TellSigned("n"),
        TellRefused("w"),
        TellFailed("w"),
    ):
        assert parse_answer(encode_answer(answer)) == answer
        assert frame_length(frame(encode_answer(answer))[:HEADER]) == len(encode_answer(answer))


@given(st.binary(max_size=300))
def test_anything_else_is_refused_in_one_way(data):
    for parse in (parse_request, parse_answer):
        with pytest.raises(BadEntry):
            parse(data)


VALID = encode_request(AskSignature("logs.isp/1", HASH, wide_span(3, 21)))


@given(st.integers(0, len(VALID) - 1), st.integers(0, 255))
def test_a_changed_byte_is_another_request_or_none(place, byte):
    changed = VALID[:place] + bytes([byte]) + VALID[place + 1 :]
    try:
        back = parse_request(changed)
    except BadEntry:
        return
    assert encode_request(back) == changed


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"v": None},
        {"ask": "resign"},
        {"more": 1},
        {"size": "20"},
        {"size": 21},
        {"size": "021"},
        {"size": str(1 << 63)},
        {"from": "22"},
        {"from": "-1"},
        {"nodes": []},
        {"nodes": [1]},
        {"nodes": "x"},
        {"root": "AA=="},
        {"root": 1},
        {"origin": None},
    ],
)
def test_requests_that_are_not_right(change):
    value = {**decode(VALID), **change}
    with pytest.raises(BadEntry):
        parse_request(encode(value))


STRANGER = str(SigningKey("b/1", bytes(32)).verifier)


@pytest.mark.parametrize(
    "change",
    [{"keys": []}, {"keys": ["x"]}, {"keys": [str(KEYS[0]), STRANGER]}, {"nodes": []}, {"size": "-"}, {"size": 1}],
)
def test_states_that_are_not_right(change):
    value = decode(encode_answer(TellState(KEYS, SignedState("logs.isp/1", 1, (HASH,)))))
    with pytest.raises(BadEntry):
        parse_answer(encode({**value, **change}))


@pytest.mark.parametrize(
    "header", [b"", b"\0\0\0\0", b"\0\0\0", b"\xff\xff\xff\xff", (MAX_FRAME + 1).to_bytes(4, "big")]
)
def test_lengths_out_of_bounds(header):
    with pytest.raises(BadEntry):
        frame_length(header)
    with pytest.raises(BadEntry):
        frame(b"")
    with pytest.raises(BadEntry):
        parse_request(b" " * (MAX_FRAME + 1))
