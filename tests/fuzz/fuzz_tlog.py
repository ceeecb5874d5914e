"""Fuzz target for the log formats of others: note, checkpoint, proof, policy, entry bundle, paths of tiles.

One kind of error, nothing that reads back differently, nothing that verifies with another content, no time beyond
linear. Run: `python tests/fuzz/fuzz_tlog.py -atheris_runs=20000 [corpus directory]`; `--growth` measures how time grows
with the input instead. Without atheris installed the same checks run on random bytes.
Counterparts: tests/unit/audit/tlog.
"""

import contextlib
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

try:
    import atheris
except ImportError:
    atheris = None

with contextlib.nullcontext() if atheris is None else atheris.instrument_imports():
    from audit.errors import BadEntry
    from audit.tlog.bundle import decode_bundle, encode_bundle
    from audit.tlog.checkpoint import Checkpoint, open_checkpoint
    from audit.tlog.cosignature import CosigningKey, cosigned_at
    from audit.tlog.merkle import Tree, leaf_hash
    from audit.tlog.note import MAX_NOTE_BYTES, SigningKey, VerifierKey, parse_note, sign_note
    from audit.tlog.policy import Policy
    from audit.tlog.proof import MAX_PROOF_BYTES, TlogProof
    from audit.tlog.tile_path import Tile, parse_path, tile_path

from tests.fuzz.mutation import edited, worded

LOG = SigningKey("logs.example/1", bytes(range(32)))
WITNESSES = {name: CosigningKey(f"w.example/{name}", bytes([at]) * 32) for at, name in enumerate("ABC")}
ENTRIES = [b"entry %d" % number for number in range(7)]
TREE = Tree(map(leaf_hash, ENTRIES))
TEXT = Checkpoint("logs.example/1", 7, TREE.root()).text()
NOTE = sign_note(TEXT, LOG).with_signatures(*(key.cosign(TEXT, 1000) for key in WITNESSES.values())).encode()
PROOF = TlogProof(3, b"extra", tuple(TREE.inclusion(3, 7)), NOTE).encode()
POLICY_TEXT = (
    f"# known\nlog {LOG.verifier} https://logs.example/1/\n"
    + "".join(f"witness {name} {key.verifier} https://w.example/{name}\n" for name, key in WITNESSES.items())
    + "group two 2 A B\ngroup all-of all two C\nquorum all-of\n"
).encode()
POLICY = Policy.parse(POLICY_TEXT)
BUNDLE = encode_bundle(ENTRIES)
PATH = tile_path(Tile(3, 1_234_067, 5)).encode()

SECONDS_PER_BYTE = 20e-6
"""Far above what any input costs; what is not linear gets beyond it at some length."""


def check_note(data: bytes) -> None:
    note = parse_note(data)
    assert note.encode() == data
    for signature in note.signatures:
        with contextlib.suppress(BadEntry):
            cosigned_at(signature)
    if note.verified_by([LOG.verifier, *(key.verifier for key in WITNESSES.values())]):
        assert note.text == TEXT, "a signature verifies over another text"
        assert open_checkpoint(data, LOG.verifier).text() == TEXT


def check_checkpoint(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert Checkpoint.parse(text, extended=True).text() == text


def check_key(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    assert str(VerifierKey.parse(text)) == text


def check_proof(data: bytes) -> None:
    proof = TlogProof.parse(data)
    assert proof.encode() == data
    proof.verify(leaf_hash(ENTRIES[3]), POLICY)
    assert (proof.index, proof.path) == (3, tuple(TREE.inclusion(3, 7))), "another proof verifies"


def check_policy(data: bytes) -> None:
    policy = Policy.parse(data)
    assert Policy.parse(str(policy)) == policy
    policy.judge(NOTE)


def check_bundle(data: bytes) -> None:
    entries = decode_bundle(data, len(ENTRIES))
    assert encode_bundle(entries) == data
    assert data == BUNDLE or [leaf_hash(entry) for entry in entries] != [leaf_hash(entry) for entry in ENTRIES]


def check_path(data: bytes) -> None:
    path = data.decode("utf-8", "surrogateescape")
    found = parse_path(path)
    assert (tile_path(found) if isinstance(found, Tile) else str(found)) == path


TARGETS: tuple[tuple[Callable[[bytes], None], bytes], ...] = (
    (check_note, NOTE),
    (check_checkpoint, TEXT.encode()),
    (check_key, str(LOG.verifier).encode()),
    (check_proof, PROOF),
    (check_policy, POLICY_TEXT),
    (check_bundle, BUNDLE),
    (check_path, PATH),
)
WORDS = (
    *(b"\n", b"\n\n", b" ", b"\t", "\u2014 ".encode(), b"+", b"=", b"==", b"A" * 43 + b"=", b"\x00", b"\xff", b"\r\n"),
    *(b"extra ", b"index ", b"log ", b"witness ", b"group ", b"quorum ", b"none", b"any ", b"all ", b"0", b"7", b"-1"),
    *(b"c2sp.org/tlog-proof@v1\n", b"logs.example/1", b"tile/", b"entries/", b"x001/", b"000", b".p/", b"256", b"63"),
    *(str(LOG.verifier).encode(), str(WITNESSES["A"].verifier).encode(), TEXT.encode(), NOTE, b"9" * 30),
)


def check(data: bytes) -> None:
    """One input: which parser, edited from a good text or made of words, then the edits or words."""
    if len(data) < 3:
        return
    target, good = TARGETS[data[0] % len(TARGETS)]
    raw = edited(good, data[2:], WORDS) if data[1] % 2 else worded(data[2:], WORDS)
    raw *= 1 + (data[1] >> 1) % 4
    start = time.process_time()
    with contextlib.suppress(BadEntry):
        target(raw)
    taken = time.process_time() - start
    assert taken < 0.5 + len(raw) * SECONDS_PER_BYTE, f"{taken:.2f} s for {len(raw)} bytes"


def check_growth() -> None:
    """Time for a byte stays flat from 16 KiB to the longest input that is taken, whatever the input repeats."""
    for target, good in TARGETS:
        for word in (*WORDS, good):
            for before in (b"", good):
                rates = [_seconds(target, before, word, size) / size for size in (16_384, 900_000)]
                name = f"{target.__name__} {word[:30]!r}"
                print(f"{name:60} {rates[0] * 1e9:8.1f} {rates[1] * 1e9:8.1f} ns a byte")
                assert rates[1] <= 8 * rates[0] + 20e-9, f"{name}: time for a byte grows with the input"


def _seconds(target: Callable[[bytes], None], before: bytes, word: bytes, size: int) -> float:
    assert size < min(MAX_NOTE_BYTES, MAX_PROOF_BYTES)
    raw = (before + word * (size // len(word) + 1))[:size]
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        with contextlib.suppress(BadEntry):
            target(raw)
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    """Fuzz. `--growth` measures how time grows with the input instead."""
    for target, good in TARGETS:
        target(good)
    if "--growth" in sys.argv:
        check_growth()
        return
    if atheris is not None:
        atheris.Setup(sys.argv, check)
        atheris.Fuzz()
        return
    runs = next((int(arg.partition("=")[2]) for arg in sys.argv if arg.startswith("-atheris_runs=")), 20_000)
    generator = random.Random(1)
    for run in range(runs):
        data = generator.randbytes(generator.choice((6, 10, 18, 80)))
        try:
            check(data)
        except BaseException:
            print(f"run {run}: {data!r}")
            raise
    print(f"{runs} random inputs, no finding (atheris is not installed)")


if __name__ == "__main__":
    main()
