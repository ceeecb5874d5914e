"""Notes, verifier keys and checkpoints: other implementations' vectors, strictness, and random damage."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadEntry
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.merkle import leaf_hash
from audit.tlog.note import Note, Signature, SigningKey, VerifierKey, parse_note, sign_note

KEY = SigningKey("logs.example/1", bytes(range(32)))


def _verified(case):
    keys = [VerifierKey.parse(text) for text in case["vkeys"]]
    return [key.name for key in parse_note(case["note"].encode()).verified_by(keys)]


def test_notes_of_other_implementations(vectors):
    """Block signed_notes: vectors."""
    block = vectors["signed_notes"]["vectors"]
    assert len(block) == 9
    for case in block:
        if case["ok"]:
            assert _verified(case) == case.get("verified", [case["vkeys"][0].split("+")[0]]), case["name"]
        else:
            try:
                verified = _verified(case)
            except BadEntry:
                verified = []
            assert verified == [], case["name"]


def test_bad_verifier_keys(vectors):
    """Block signed_notes: bad_vkeys."""
    for text in vectors["signed_notes"]["bad_vkeys"]:
        with pytest.raises(BadEntry):
            VerifierKey.parse(text)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_part_and_no_neighbour_of_a_verifier_key_is_one(vectors, number):
    """Block signed_notes: vkey_rules."""
    text = vectors["signed_notes"]["vectors"][number]["vkeys"][0]
    assert str(VerifierKey.parse(text)) == text
    parts = {text[low:high] for low in range(len(text)) for high in range(low, len(text) + 1)} - {text}
    changed = {text[:at] + chr(ord(text[at]) + 1) + text[at + 1 :] for at in range(len(text))}
    for wrong in parts | changed:
        with pytest.raises(BadEntry):
            VerifierKey.parse(wrong)


def test_checkpoint_texts(vectors):
    """Block signed_notes: checkpoint_text_good, checkpoint_text_bad (the first of which speaks of another origin)."""
    block = vectors["signed_notes"]
    good = Checkpoint.parse(block["checkpoint_text_good"])
    assert good.text() == block["checkpoint_text_good"]
    assert good.root == leaf_hash(block["checkpoint_text_good_hash_is_leaf_hash_of"].encode())
    for text in block["checkpoint_text_bad"]:
        with pytest.raises(BadEntry):
            Checkpoint.parse(text)
    key = VerifierKey.parse(block["vectors"][1]["vkeys"][0])
    with pytest.raises(BadEntry, match="did not make"):
        open_checkpoint(block["vectors"][1]["note"].replace("go.sum", "not-go.sum", 1).encode(), key)
    with pytest.raises(BadEntry, match="another log"):  # the name of this log's key is not its origin
        open_checkpoint(block["vectors"][1]["note"].encode(), key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        "a\n1\n" + b64encode(bytes(32)).decode(),
        "a\n1\n" + b64encode(bytes(31)).decode() + "\n",
        "a\n01\n" + b64encode(bytes(32)).decode() + "\n",
        "a\n-1\n" + b64encode(bytes(32)).decode() + "\n",
        "a\n+1\n" + b64encode(bytes(32)).decode() + "\n",
        "a\n٣\n" + b64encode(bytes(32)).decode() + "\n",
        "a\n9223372036854775808\n" + b64encode(bytes(32)).decode() + "\n",
        "a\n1\n" + b64encode(bytes(32)).decode() + "\nextension\n",
        "\n1\n" + b64encode(bytes(32)).decode() + "\n",
        "a\n1\n" + b64encode(bytes(32)).decode().rstrip("=") + "\n",
        "a\n1\n" + b64encode(bytes(32)).decode()[:-2] + "B=\n",
    ],
)
def test_bad_checkpoint_texts(text):
    with pytest.raises(BadEntry):
        Checkpoint.parse(text)


def test_all_checkpoints_of_a_tessera_log(vectors):
    """Block tiled_log: the checkpoints of all sizes."""
    block = vectors["tiled_log"]
    key = VerifierKey.parse(block["vkey"])
    for size in range(16):
        data = b64decode(block["files"][f"checkpoint.{size}"])
        note = parse_note(data)
        assert note.encode() == data
        assert note.verified_by([key]) == [key]
        assert Checkpoint.parse(note.text).size == size
        assert open_checkpoint(data, key) == Checkpoint.parse(note.text)


def test_checkpoints_sent_to_a_witness(vectors):
    """Block witness_add_checkpoint: the notes; the answers are the witness's."""
    block = vectors["witness_add_checkpoint"]
    key = VerifierKey.parse(block["log_vkey"])
    verified = 0
    for request in block["sequence"]:
        note = request["body"].partition("\n\n")[2]
        try:
            verified += parse_note(note.encode()).verified_by([key]) == [key]
        except BadEntry:
            continue
    assert verified >= 5


def test_a_second_signature_of_another_kind_does_not_disturb(vectors):
    """Block cosignature_v1."""
    block = vectors["cosignature_v1"]
    note = parse_note(block["checkpoint"].encode())
    key = VerifierKey.parse(vectors["signed_notes"]["vectors"][1]["vkeys"][0])
    assert [signature.name for signature in note.signatures] == ["sum.golang.org", "witness.example.com/w1"]
    assert note.verified_by([key]) == [key]
    witness = VerifierKey.parse(block["witness_vkey"])
    assert note.verified_by([key, witness]) == [key, witness]
    plain = VerifierKey(witness.name, witness.public)  # a timestamped signature is not taken for a plain one
    assert note.verified_by([plain]) == []


def test_extension_lines_are_read_where_they_are_wanted_and_nowhere_else():
    text = Checkpoint("logs.example/1", 7, leaf_hash(b"root"), ("one", "two")).text()
    assert Checkpoint.parse(text, extended=True).extensions == ("one", "two")
    assert Checkpoint.parse(text, extended=True).text() == text
    with pytest.raises(BadEntry, match="has more"):
        Checkpoint.parse(text)
    with pytest.raises(BadEntry, match="has more"):
        open_checkpoint(sign_note(text, KEY).encode(), KEY.verifier)
    with pytest.raises(BadEntry, match="none empty"):
        Checkpoint.parse(text + "\n", extended=True)


def test_a_signature_line_by_itself():
    signature = sign_note("text\n", KEY).signatures[0]
    assert Signature.parse(signature.line()) == signature
    for line in (signature.line()[:-1], signature.line()[1:], signature.line() + "\n", "\u2014 a AAAA\n", "\u2014 a\n"):
        with pytest.raises(BadEntry):
            Signature.parse(line)


def test_as_many_signatures_as_are_taken_and_one_more():
    strangers = [Signature(f"stranger{number}", number, b"x") for number in range(100)]
    note = Note("text\n", tuple(strangers))
    assert parse_note(note.encode()) == note
    with pytest.raises(BadEntry, match="more than 100"):
        parse_note(note.with_signatures(Signature("one", 1, b"x")).encode())


@pytest.mark.parametrize("text", ["", "no newline", "a\rb\n", "a\x00\n", "a\tb\n"])
def test_texts_that_cannot_be_signed(text):
    with pytest.raises(BadEntry, match="text of a note"):
        sign_note(text, KEY)


@pytest.mark.parametrize("text", ["\n", "a\n\n", "\n\n", "a\n\nb\n", "\u2014 a AAAAAAA=\n", "a\x7f\n"])
def test_texts_with_empty_lines_are_read_back(text):
    assert parse_note(sign_note(text, KEY).encode()).text == text


def test_a_signature_is_not_repeated_below_a_note():
    note = sign_note("text\n", KEY)
    other = Signature("stranger", 1, b"x")
    assert note.with_signatures(*note.signatures, other, other).signatures == (*note.signatures, other)


def test_signed_and_opened():
    checkpoint = Checkpoint("logs.example/1", 7, leaf_hash(b"root"))
    assert open_checkpoint(sign_note(checkpoint.text(), KEY).encode(), KEY.verifier) == checkpoint


def test_another_key_another_origin_no_signature():
    text = Checkpoint("logs.example/1", 7, leaf_hash(b"root")).text()
    note = sign_note(text, KEY).encode()
    stranger = SigningKey("logs.example/1", bytes(32))
    with pytest.raises(BadEntry, match="not signed"):
        open_checkpoint(note, stranger.verifier)
    with pytest.raises(BadEntry, match="another log"):
        other = SigningKey("logs.example/2", bytes(32))
        open_checkpoint(sign_note(text, other).encode(), other.verifier)
    with pytest.raises(BadEntry):
        parse_note(text.encode() + b"\n")


def test_a_forged_signature_under_our_key_id_is_an_error_and_not_ignored():
    note = sign_note("text\n", KEY)
    forged = Note("other\n", note.signatures)
    with pytest.raises(BadEntry, match="did not make"):
        parse_note(forged.encode()).verified_by([KEY.verifier])


def test_one_good_and_one_forged_signature_of_the_same_key_are_refused():
    note = sign_note("text\n", KEY)
    bad = Signature(KEY.verifier.name, KEY.verifier.key_id, bytes(64))
    with pytest.raises(BadEntry):
        Note(note.text, (*note.signatures, bad)).verified_by([KEY.verifier])


@given(st.data())
def test_every_changed_byte_of_a_checkpoint_is_refused(data):
    note = sign_note(Checkpoint("logs.example/1", 12345, leaf_hash(b"root")).text(), KEY).encode()
    at = data.draw(st.integers(0, len(note) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != note[at]))
    with pytest.raises(BadEntry):
        open_checkpoint(note[:at] + bytes([byte]) + note[at + 1 :], KEY.verifier)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_arbitrary_bytes_raise_one_kind_of_error(data):
    for parser in (parse_note, lambda raw: VerifierKey.parse(raw.decode("latin-1"))):
        with pytest.raises(BadEntry):
            parser(data)


def test_a_huge_note_is_refused_at_once():
    with pytest.raises(BadEntry, match="megabyte"):
        parse_note(b"\n" * 2_000_000)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_names_that_cannot_stand_in_a_note(name):
    with pytest.raises(BadEntry):
        SigningKey(name, bytes(32))


def test_the_signing_key_shows_no_secret():
    assert bytes(range(32)).hex() not in repr(KEY)
    assert repr(list(range(32))) not in repr(vars(KEY))
