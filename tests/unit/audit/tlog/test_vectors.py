"""No block of the vectors is forgotten: each is read by a test of the evidence, and says where it comes from."""

import re
from pathlib import Path

AUDIT = Path(__file__).parents[1]


def test_every_block_is_read_by_a_test(vectors):
    sources = "".join(
        path.read_text(encoding="utf-8") for path in AUDIT.rglob("test_*.py") if path.name != "test_vectors.py"
    )
    assert set(re.findall(r'vectors\["(\w+)"\]', sources)) >= set(vectors)
    assert len(vectors) == 12


def test_every_block_names_its_source(vectors):
    for name, block in vectors.items():
        assert block["what"], name
        for source in block["source"] if isinstance(block["source"], list) else [block["source"]]:
            assert {"repo", "spec", "derived"} & source.keys(), name
