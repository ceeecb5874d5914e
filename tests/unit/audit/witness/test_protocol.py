"""Bodies of add-checkpoint: they go round, and there is one spelling."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.tlog.note import SigningKey, sign_note
from audit.witness.protocol import (
    MAX_BODY,
    encode_add_checkpoint,
    encode_signatures,
    parse_add_checkpoint,
    parse_signatures,
    parse_size,
)

HASH = bytes(range(32))
LINE = base64.b64encode(HASH).decode() + "\n"
NOTE = sign_note(f"logs.isp/1\n5\n{LINE}", SigningKey("logs.isp/1", bytes(32))).encode()


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_they_go_round(old, proof):
    body = encode_add_checkpoint(old, proof, NOTE)
    back = parse_add_checkpoint(body)
    assert (back.old, list(back.proof), back.note.encode(), back.checkpoint.size) == (old, proof, NOTE, 5)
    assert encode_add_checkpoint(back.old, back.proof, back.note.encode()) == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        NOTE,
        b"old 1\n" + NOTE,
        b"old 01\n\n" + NOTE,
        b"old -1\n\n" + NOTE,
        b"old  1\n\n" + NOTE,
        b"old 1 \n\n" + NOTE,
        b"Old 1\n\n" + NOTE,
        b"old\n\n" + NOTE,
        b"old 9223372036854775808\n\n" + NOTE,
        b"old 1\r\n\n" + NOTE,
        b"old 1\n\n\n" + NOTE,
        b"old 1\n" + LINE.encode()[:-3] + b"\n\n" + NOTE,
        b"old 1\nAAAA\n\n" + NOTE,
        b"old 1\n" + LINE.encode() * 64 + b"\n" + NOTE,
        b"old 1\n\n" + NOTE.replace(b"\n5\n", b"\n05\n"),
        b"old \xff\n\n" + NOTE,
        b"old 1\n\n" + b"x" * MAX_BODY,
    ],
)
def test_other_spellings_are_refused(body):
    with pytest.raises(BadEntry):
        parse_add_checkpoint(body)


@given(st.binary(max_size=200))
def test_noise_is_refused_in_one_way(data):
    for parse in (parse_add_checkpoint, lambda body: parse_signatures(body, "logs.isp/1\n"), parse_size):
        try:
            parse(data)
        except BadEntry:
            continue


@given(st.integers(0, 40), st.binary(max_size=4))
def test_changed_bytes_are_another_request_or_none(place, bytes_there):
    body = encode_add_checkpoint(1, [HASH], NOTE)
    changed = body[:place] + bytes_there + body[place + len(bytes_there) :]
    try:
        back = parse_add_checkpoint(changed)
    except BadEntry:
        return
    if not back.note.signatures:
        return
    assert encode_add_checkpoint(back.old, back.proof, back.note.encode()) == changed


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_signatures_that_cannot_be_read_are_none(cut):
    back = parse_add_checkpoint(b"old 1\n\n" + NOTE[:-cut])
    assert back.note.signatures == ()
    assert back.checkpoint.size == 5


def test_what_is_too_much_is_not_sent():
    with pytest.raises(BadEntry):
        encode_add_checkpoint(1, [HASH] * 64, NOTE)
    with pytest.raises(BadEntry):
        encode_add_checkpoint(1, [], b"x" * MAX_BODY)


def test_answers():
    note = sign_note("logs.isp/1\n", SigningKey("a", bytes(32)), SigningKey("b", bytes(32)))
    assert parse_signatures(encode_signatures(note.signatures), note.text) == note.signatures
    assert parse_size(b"12\n") == 12
    for wrong in (b"12", b"012\n", b"", b"\n", b"12\n\n", b"x\n", b"\xff\n"):
        with pytest.raises(BadEntry):
            parse_size(wrong)
