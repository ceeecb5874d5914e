"""`audit.export.checkpoints`: the witnessed one if it reaches far enough, else the largest; never a stranger's."""

import pytest

from audit.export.checkpoints import choose, is_enough, published, stamps_beside, tiles_beside
from audit.export.request import BadExport
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.note import Note, SigningKey, sign_note
from audit.tlog.policy import Policy

KEY = SigningKey("logs.isp/1", bytes(32))
WITNESS = CosigningKey("witness.example/1", bytes(32))
POLICY = Policy.parse(f"log {KEY.verifier}\nwitness w {WITNESS.verifier}\nquorum w\n")


def note(size, *, witnessed=False, key=KEY):
    signed = sign_note(Checkpoint(key.verifier.name, size, bytes([size]) * 32).text(), key)
    if witnessed:
        signed = Note(signed.text, (*signed.signatures, WITNESS.cosign(signed.text, 1_800_000_000)))
    return signed.encode()


def test_the_witnessed_one_if_it_reaches():
    notes = [note(5, witnessed=True), note(7, witnessed=True), note(9)]
    assert choose(notes, "logs.isp/1", POLICY, 6) == note(7, witnessed=True)
    assert choose(notes, "logs.isp/1", POLICY, 8) == note(9)
    assert is_enough(note(7, witnessed=True), POLICY, 7)
    assert not is_enough(note(7, witnessed=True), POLICY, 8)
    assert not is_enough(note(9), POLICY, 1)


def test_of_one_size_the_one_with_more_cosignatures():
    assert choose([note(5, witnessed=True), note(5)], "logs.isp/1", POLICY, 9) == note(5, witnessed=True)


def test_strangers_and_noise_do_not_count():
    forged = note(9).replace(b"\n9\n", b"\n8\n")
    strangers = [b"noise", forged, note(9, key=SigningKey("logs.other/1", bytes(32)))]
    with pytest.raises(BadExport, match="no signed checkpoint"):
        choose(strangers, "logs.isp/1", POLICY, 0)
    assert choose([*strangers, note(2)], "logs.isp/1", POLICY, 0) == note(2)


async def test_where_they_lie(scene):
    journal = scene.open()
    await scene.story(journal)
    await journal.checkpoint()
    reader = journal.reader()
    assert (scene.directory / "checkpoint").read_bytes() in published(reader, scene.directory)
    fetch = tiles_beside(scene.directory)
    assert fetch is not None
    assert fetch("tile/9/000") is None
    assert tiles_beside(None) is None
    assert tiles_beside(scene.directory / "nowhere") is None
    reader.close()


def test_the_stamp_that_is_worth_most(tmp_path):
    assert stamps_beside(None, 1) == stamps_beside(tmp_path, 1) == {}
    (tmp_path / "tsa").mkdir()
    assert stamps_beside(tmp_path, 1) == {}
    for size in (5, 30, 200):
        for ending in ("checkpoint", "tsr"):
            (tmp_path / "tsa" / f"{size}.{ending}").write_bytes(f"{size} {ending}".encode())
    assert stamps_beside(tmp_path, 6) == {"tsa/30.checkpoint": b"30 checkpoint", "tsa/30.tsr": b"30 tsr"}
    assert set(stamps_beside(tmp_path, 999)) == {"tsa/200.checkpoint", "tsa/200.tsr"}
    (tmp_path / "tsa" / "30.checkpoint").unlink()
    assert stamps_beside(tmp_path, 6) == {}
