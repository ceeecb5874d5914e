"""The list of newer erasures that a restore leaves beside the log: read back as it was, or not at all."""

from contextlib import closing
from pathlib import Path

import pytest

from audit.encoding import encode
from audit.entry import Kind
from audit.errors import LogDamaged
from audit.journal import Journal
from config.clock import FakeClock
from gateway.evidence.opening import AGAIN_FILE, read_again, write_again


def test_heads_come_back_as_they_were(clock: FakeClock, tmp_path: Path):
    with closing(Journal.in_memory(clock)) as journal, closing(journal.reader()) as reader:
        heads = [entry.head_bytes for entry in reader.entries()]
    path = tmp_path / AGAIN_FILE
    assert read_again(path) == [], "no restore, no list"
    assert write_again(path, heads) == len(heads) > 0
    assert read_again(path)[0].kind is Kind.LOG_START
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "value", [b"{", encode([]), encode({"heads": []}), encode({"v": 1}), encode({"v": 1, "heads": [7]})]
)
def test_a_damaged_list_serves_nothing(tmp_path: Path, value: bytes):
    path = tmp_path / AGAIN_FILE
    path.write_bytes(value)
    with pytest.raises(LogDamaged, match="run `vestibule restore` again"):
        read_again(path)
