"""Fuzz target for the lexers, one per platform, and the decision behind them: no crash, nothing that is not stable.

Run: `python tests/fuzz/fuzz_lexers.py -atheris_runs=20000 [corpus directory]`. Without atheris installed the same
checks run on random texts: the script works everywhere, but has no guidance by coverage then.
Counterpart: tests/unit/gateway/policy/test_properties.py.
"""

import contextlib
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

try:
    import atheris
except ImportError:
    atheris = None

with contextlib.nullcontext() if atheris is None else atheris.instrument_imports():
    from gateway.policy.decide import decide
    from gateway.policy.lexer import LineRefused
    from gateway.policy.load import load_bundle
    from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
    from gateway.policy.verdict import Allow, Position

BUNDLE = load_bundle()
PLATFORMS = sorted(BUNDLE.tables)
WORDS = (
    *("show", "display", "print", "set", "run", "do", "/ip", "/", "..", "|", "include", "match", "grep -i", "uci set"),
    *("wireless.radio0.channel=", "ssid=", "[", "]", "find", "name=", '"', "'", "\\", "\\5C", "$", "`", ";", "&&"),
    *("telnet", "ssh", "192.168.1.10", "9.9.9.9", "\t", " ", "?", "\x00", "\n", "é", "\u202e", "\ud800", ":put", "x"),
)


def check(data: bytes) -> None:
    """One line on one platform, in one of its modes."""
    if len(data) < 2:
        return
    table = BUNDLE.tables[PLATFORMS[data[0] % len(PLATFORMS)]]
    line = data[2:].decode("utf-8", "surrogateescape")
    with contextlib.suppress(LineRefused):
        lexed = table.lex(line)
        assert len(lexed.joins) == max(0, len(lexed.commands) - 1)
        for command in lexed.commands:
            assert command.words or command.absolute
            for word in (*command.words, *(word for part in command.filters for word in part)):
                assert word.text.isprintable(), ascii(word.text)
                assert 0 <= word.start <= word.end <= len(line), ascii(line)
    position = Position(table.platform, table.spec.modes[data[1] % len(table.spec.modes)])
    verdict = decide(BUNDLE, TEST_SITE, position, line, EVERYTHING, NOW)
    if isinstance(verdict, Allow) and verdict.canonical:
        again = decide(BUNDLE, TEST_SITE, position, verdict.canonical, EVERYTHING, NOW)
        assert isinstance(again, Allow), ascii(verdict.canonical)
        assert again.canonical == verdict.canonical, ascii(verdict.canonical)
        assert verdict.canonical.isprintable(), ascii(verdict.canonical)
        assert len(verdict.canonical.encode()) <= table.lexer.max_line


def at_random(runs: int) -> None:
    """Without atheris: lines made of the words above and of noise."""
    rng = random.Random(1)
    for _ in range(runs):
        text = "".join(rng.choice(WORDS) + rng.choice(("", " ")) for _ in range(rng.randrange(1, 12)))
        noise = rng.randbytes(rng.randrange(0, 6)) if rng.random() < 0.3 else b""
        check(rng.randbytes(2) + text.encode("utf-8", "surrogatepass") + noise)


if __name__ == "__main__":
    if atheris is None:
        asked = [word.partition("=")[2] for word in sys.argv[1:] if word.startswith(("-atheris_runs=", "-runs="))]
        at_random(int(asked[0]) if asked else 20_000)
    else:
        atheris.Setup(sys.argv, check)
        atheris.Fuzz()
