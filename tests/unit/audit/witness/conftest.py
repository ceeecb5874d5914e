"""A witness, a log that grows, and a log that forks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import Tree, leaf_hash
from audit.tlog.messages import MLDSA44_COSIGNATURE
from audit.tlog.note import SigningKey, sign_note
from audit.witness.protocol import encode_add_checkpoint
from audit.witness.store import WitnessStore
from audit.witness.witness import Answer, Witness
from config.clock import FakeClock

LOG = SigningKey("logs.isp/1", bytes(range(32)))
WITNESS = (
    CosigningKey("witness.example/w", bytes(32)),
    CosigningKey("witness.example/w", bytes(32), MLDSA44_COSIGNATURE),
)


@dataclass
class GrowingLog:
    """All its leaves, and signed checkpoints and requests at any size. With `fork` it differs from there on."""

    fork: int = 10**9
    key: SigningKey = LOG
    tree: Tree = field(default_factory=Tree)

    def at(self, size: int) -> Checkpoint:
        while self.tree.size < size:
            number = self.tree.size
            self.tree.append(leaf_hash(f"{'other' if number >= self.fork else 'leaf'} {number}".encode()))
        return Checkpoint(self.key.verifier.name, size, self.tree.root(size))

    def note(self, size: int) -> bytes:
        return sign_note(self.at(size).text(), self.key).encode()

    def proof(self, old: int, size: int) -> list[bytes]:
        self.at(size)
        return self.tree.consistency(old, size) if old else []

    def request(self, old: int, size: int) -> bytes:
        return encode_add_checkpoint(old, self.proof(old, size) if old <= size else [], self.note(size))


@dataclass
class Place:
    """A witness with its file; `open` opens it again, as after a restart."""

    path: Path
    clock: FakeClock = field(default_factory=FakeClock)
    stores: list[WitnessStore] = field(default_factory=list)

    def open(self, *keys: CosigningKey) -> Witness:
        self.stores.append(WitnessStore(self.path))
        return Witness(keys or WITNESS[:1], self.stores[-1], self.clock)

    @property
    def store(self) -> WitnessStore:
        return self.stores[-1]

    def ask(self, body: bytes) -> Answer:
        return self.witness.add_checkpoint(body)

    @property
    def witness(self) -> Witness:
        return Witness(WITNESS[:1], self.store, self.clock)


@pytest.fixture
def place(quick_dir: Path) -> Iterator[Place]:
    made = Place(quick_dir / "witness.db")
    made.open()
    made.store.add_log([LOG.verifier])
    yield made
    for store in made.stores:
        store.close()


@pytest.fixture
def grown() -> GrowingLog:
    return GrowingLog()


@pytest.fixture
def forked() -> GrowingLog:
    return GrowingLog(fork=3)


@pytest.fixture
def other_log() -> GrowingLog:
    return GrowingLog(key=SigningKey("logs.isp/2", bytes(32)))
