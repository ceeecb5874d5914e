"""Time to read a line grows with its length and no faster, for each kind of lexer, on texts that invite trouble."""

import contextlib
import gc
import random
import time
from collections.abc import Callable

import pytest

from gateway.policy.decide import decide
from gateway.policy.grammar import MOST_NODES
from gateway.policy.lexer import LineRefused, make_lexer
from gateway.policy.load import compile_bundle, load_bundle
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.verdict import Allow, Position

SHIPPED = load_bundle()
SHORT, LONG = 4 * 1024, 1024 * 1024
FLAT = 6.0
"""How much dearer a byte of the long text may be than one of the short text; machines are noisy, squares are 256."""

TEXTS: dict[str, Callable[[int], str]] = {
    "one word": lambda n: "a" * n,
    "blanks": lambda n: " " * n,
    "words": lambda n: "ab " * (n // 3),
    "quotes": lambda n: '"' * n,
    "single quotes": lambda n: "'" * n,
    "open quote": lambda n: 'a="' + "b" * n,
    "quoted words": lambda n: 'k="v" ' * (n // 6),
    "escapes": lambda n: 'k="' + "\\" * n,
    "escaped quotes": lambda n: 'k="' + '\\"' * (n // 2),
    "glued quotes": lambda n: "a'b'" * (n // 4),
    "slashes": lambda n: "/" * n,
    "menus": lambda n: "/ip" * (n // 3),
    "menus with a bad end": lambda n: "/ip" * (n // 3) + "=",
    "dots": lambda n: "../" * (n // 3),
    "bars": lambda n: "a|" * (n // 2),
    "separators": lambda n: "a;" * (n // 2),
    "ampersands": lambda n: "&" * n,
    "brackets": lambda n: "[" * n,
    "help": lambda n: "?" * n,
    "tabs": lambda n: "\t" * n,
    "not ASCII": lambda n: "é" * (n // 2),
}


def cost(platform: str, text: str, goes: int) -> float:
    """Seconds of CPU for a byte of `text`: the best of several goes."""
    lex = make_lexer(SHIPPED.tables[platform].lexer.model_copy(update={"max_line": 4 * LONG}))
    best = float("inf")
    gc.disable()  # what it looks through is the whole process
    try:
        for _ in range(goes):
            start = time.process_time()
            with contextlib.suppress(LineRefused):
                lex(text)
            best = min(best, time.process_time() - start)
    finally:
        gc.enable()
    return best / len(text)


@pytest.mark.parametrize("platform", ["ios", "junos", "vyos", "routeros"])
def test_a_byte_costs_the_same_in_a_long_line(platform: str) -> None:
    for name, made in TEXTS.items():
        short = cost(platform, made(SHORT), 50)
        long = cost(platform, made(LONG), 1)
        assert long <= FLAT * short + 50e-9, f"{name}: {short * 1e9:.1f} and {long * 1e9:.1f} ns a byte"


OPTIONS = [f"option-{letter}" for letter in "abcdefghijklmnopqrst"]
MANY = f"""
platform: ios
lexer: {{kind: words}}
modes: [exec]
commands:
- {{cap: diagnose.read, cmd: ["show ({" ".join(f"[{name} <int>]" for name in OPTIONS)})"]}}
"""


def test_lines_in_all_their_variations_fill_no_memory() -> None:
    overlay = b'overlay: ios\nadd: [{cap: lan.hosts.read, cmd: ["show option-a <int>"]}]\n'
    bundle = compile_bundle({"ios.yaml": MANY.encode(), "ios+a.yaml": overlay})
    table, chance = bundle.tables["ios"], random.Random(7)
    most = 0
    for _ in range(600):
        chosen = chance.sample(OPTIONS, 10)
        line = f"show {' '.join(f'{name} 7' for name in chosen)}"
        verdict = decide(bundle, TEST_SITE, Position("ios", "exec"), line, EVERYTHING, NOW)
        assert isinstance(verdict, Allow)
        assert verdict.canonical == line
        most = max(most, table.graph.places)
    assert MOST_NODES < most < MOST_NODES + 1000
    alone = decide(bundle, TEST_SITE, Position("ios", "exec"), "show option-a 7", EVERYTHING, NOW)
    assert alone.capability == "lan.hosts.read"
