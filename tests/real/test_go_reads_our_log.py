"""golang.org/x/mod/sumdb reads our checkpoint, tiles, entries and proofs, and refuses them with any byte changed."""

import random
from base64 import b64encode
from pathlib import Path

import pytest

from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import leaf_hash, root
from audit.tlog.note import SigningKey, sign_note
from audit.tlog.proof import TlogProof
from audit.tlog.tiles import TileTree, bundles_between, encode_bundle, grow, tile_path

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

KEY = SigningKey("logs.example/1", bytes(range(32)))
OWN_COSIGNATURE = CosigningKey("logs.example/1", bytes(range(1, 33)), 0x06)
WITNESS = CosigningKey("witness.example/w1", bytes(32))


def publish(directory: Path, size: int) -> None:
    """A log of `size` entries as it would be published, with a few proofs beside it."""
    entries = [b'{"d":{"number":%d},"v":1}' % number for number in range(size)]
    files = {tile_path(tile): data for tile, data in grow(0, [leaf_hash(entry) for entry in entries], {}.__getitem__)}
    for bundle in bundles_between(0, size):
        files[str(bundle)] = encode_bundle(entries[bundle.index * 256 : bundle.index * 256 + bundle.width])
    checkpoint = Checkpoint(KEY.verifier.name, size, root(map(leaf_hash, entries)))
    text = checkpoint.text()
    note = sign_note(text, KEY).with_signatures(OWN_COSIGNATURE.cosign(text, 1), WITNESS.cosign(text, 2)).encode()
    files["checkpoint"] = note
    tree = TileTree(checkpoint, files.__getitem__)
    for index in sorted({0, 1, 255, 256, size // 2, size - 2, size - 1}):
        proof = TlogProof(index, b"extra" if index % 2 else b"", tuple(tree.inclusion(index)), note)
        files[f"proofs/{index}.tlog-proof"] = proof.encode()
    for old in sorted({1, 255, 256, 257, size // 2, size - 1, size}):
        hashes = [tree.root(old), *tree.consistency(old)]
        files[f"consistency/{old}"] = "\n".join([str(old), *(b64encode(node).decode() for node in hashes), ""]).encode()
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.mark.parametrize("size", [700, 5_000, 66_000])
def test_go_reads_every_entry_and_checks_every_proof(go_reader, tmp_path, size):
    publish(tmp_path, size)
    ran = go_reader(tmp_path, str(KEY.verifier))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"entries {size} proofs 7 consistency 7\n"


def test_go_does_not_take_the_log_for_another_one(go_reader, tmp_path):
    publish(tmp_path, 300)
    stranger = SigningKey(KEY.verifier.name, bytes(32)).verifier
    ran = go_reader(tmp_path, str(stranger))
    assert (ran.returncode, ran.stderr.strip()) == (1, "note has no verifiable signatures")


def _signed_part(name: str, data: bytes) -> int:
    """Where what x/mod checks ends: signatures of strangers (cosigners) it ignores, as the specification asks for."""
    if name == "checkpoint" or name.startswith("proofs/"):
        return data.index(b"\n", data.index(KEY.verifier.name.encode() + b" ")) + 1
    return len(data)


def test_go_refuses_a_changed_byte_in_any_file(go_reader, tmp_path):
    publish(tmp_path, 700)
    dice, changed = random.Random(1), 0
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        name, data = str(path.relative_to(tmp_path)), path.read_bytes()
        end = _signed_part(name, data)
        for at in sorted({0, end - 1, *dice.sample(range(end), 4)}):
            if b"\nextra " in data[:at] and b"\nindex " not in data[: at + 7]:
                continue  # extra data is vouched for by nobody
            path.write_bytes(data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :])
            ran = go_reader(tmp_path, str(KEY.verifier))
            assert ran.returncode == 1, f"byte {at} of {name}: {ran.stdout}{ran.stderr}"
            changed += 1
        path.write_bytes(data)
    assert changed > 100
    assert go_reader(tmp_path, str(KEY.verifier)).returncode == 0
