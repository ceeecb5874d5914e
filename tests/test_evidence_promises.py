"""Each promise of the evidence has its tests by name, as docs/reference/evidence-tests.md lists them."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/reference/evidence-tests.md").read_text(encoding="utf-8")
ROWS = {int(match[1]): match[2] for match in re.finditer(r"(?m)^\| (\d+) \|(.*)\|$", PAGE)}


def test_no_promise_is_left_out():
    assert list(ROWS) == list(range(1, 15))


@pytest.mark.parametrize("number", ROWS)
def test_the_tests_of_a_promise_exist(number):
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", ROWS[number])
    assert named
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in functions, f"{file} has no {name}"
