"""A log of numbered entries, its key, and what a reader of its tiles must find."""

from dataclasses import dataclass

import pytest

from audit.store import Batch, EntryRow
from audit.stores.memory import MemoryEntryStore
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.merkle import leaf_hash, root
from audit.tlog.note import SigningKey, sign_note
from audit.tlog.tiles import TileTree


@dataclass
class Numbered:
    """A log whose entry N says N. `other`: the same from another history, which differs from entry `fork` on."""

    key: SigningKey
    heads: list[bytes]
    leaves: list[bytes]

    def store(self, size):
        made = MemoryEntryStore()
        made.append(Batch(entries=[EntryRow(at, self.heads[at], self.leaves[at]) for at in range(size)]))
        return made

    def checkpoint(self, size):
        return Checkpoint(self.key.verifier.name, size, root(self.leaves[:size]))

    def note(self, size):
        return sign_note(self.checkpoint(size).text(), self.key).encode()

    def forked(self, at):
        heads = [head if index < at else head + b" " for index, head in enumerate(self.heads)]
        return Numbered(self.key, heads, [leaf_hash(head) for head in heads])

    def check(self, tiles, size):
        """The place holds what a reader of the log at this size needs, all of it right."""

        def fetch(path):
            if (data := tiles.get(path)) is None:
                raise LookupError(path)
            return data

        tree = TileTree(self.checkpoint(size), fetch)
        for number in range((size + 255) // 256):
            assert tree.bundle(number) == self.heads[number * 256 : min(size, number * 256 + 256)]


@pytest.fixture(scope="session")
def numbered():
    heads = [b'{"entry":%d}' % index for index in range(3000)]
    return Numbered(SigningKey("logs.isp/1", bytes(range(32))), heads, [leaf_hash(head) for head in heads])
