"""Fuzz target for the redactor: no crash, no difference by how the text is cut, no time beyond linear.

Run: `python tests/fuzz/fuzz_redactor.py -atheris_runs=20000 [corpus directory]`. Without atheris installed the same
checks run on random texts: the script works everywhere, but has no guidance by coverage then.
Counterpart: tests/unit/gateway/redaction/test_stream.py.
"""

import contextlib
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

try:
    import atheris
except ImportError:
    atheris = None

with contextlib.nullcontext() if atheris is None else atheris.instrument_imports():
    from gateway.redaction.rules import load_rules
    from gateway.redaction.stream import MOST, Redactor

PLATFORMS = ("ios", "openwrt", "junos", "routeros", "vyos", "huawei_vrp", "frr", "sros", "bcm_cpe", "nxos")
JOINED = (
    'password ~password 7 ~secret ~key ~key=\'~option key \'~"key": "~psk=~username a ~community ~'
    "snmp-server community ~auth md5 ~pre-shared-key ~-----BEGIN RSA PRIVATE KEY-----~"
    "-----END RSA PRIVATE KEY-----~aa:bb:cc:00:00:01~aabb.cc00.0100~DHCPACK(br-lan) 10.0.0.7 ~hostname=~"
    "<Password>~</Password>~://a:b@~$9$abc~eyJhbGciOi.eyJzdWIi.x~%^%#abc%^%#~\n~\r\n~\\\n~ ~\"~'~\\~"
    "\x1b[1m~\x08~own-secret-1~ certificate self-signed 01\n~  30820122\n~  quit\n~"
    "# NAME PASSWORD PROFILE\n~x~!!!~wireless.a.key='"
)
WORDS = JOINED.split("~")
OWN = ("own-secret-1",)
SECONDS_PER_CHARACTER = 100e-6
"""Far above what any text costs; what is not linear gets beyond it at some length."""


def check(data: bytes) -> None:
    """One input: a platform, an amount of repetition, places to cut at, and the text."""
    if len(data) < 4:
        return
    platform = PLATFORMS[data[0] % len(PLATFORMS)]
    text = "".join(WORDS[byte % len(WORDS)] if byte >= 128 else chr(byte) for byte in data[3:])
    text *= 1 + (data[1] % 4) * (data[1] // 16)
    text = text[: 64 * 1024]
    rules = load_rules(platform)
    redactor = Redactor(rules, own=OWN)
    start = time.process_time()
    whole = redactor.feed(text) + redactor.flush()
    taken = time.process_time() - start
    assert taken < 0.25 + len(text) * SECONDS_PER_CHARACTER, f"{taken:.2f} s for {len(text)} characters"
    cuts = random.Random(data[2])
    pieces, at = Redactor(rules, own=OWN), 0
    out = []
    while at < len(text):
        end = at + cuts.choice((1, 2, 7, 80, MOST - 1, MOST, 10_000))
        out += [pieces.feed(text[at:end]), pieces.ease()]
        at = end
        assert len(pieces._line) <= MOST
    assert "".join(out) + pieces.flush() == whole, "the result depends on how the text is cut"
    assert "own-secret-1" not in whole, "a secret of the gateway's own is shown"


def check_growth() -> None:
    """Time for a character stays flat from 1 KiB to 1 MiB, in lines without an end and in short ones."""
    for ending in ("", "\n"):
        for word in WORDS:
            rates = []
            for size in (1024, 1024 * 1024):
                line = word * (60 // len(word) + 1) + ending
                text = (line * (size // len(line) + 1))[:size]
                rates.append(min(_seconds(text, 20 if size == 1024 else 1) for _ in range(3)) / size)
            form = "lines" if ending else "no line end"
            print(f"{word!r:45} {form:12} {rates[0] * 1e9:8.0f} {rates[1] * 1e9:8.0f} ns a character")
            assert rates[1] <= 8 * rates[0] + 100e-9, f"{word!r}: time for a character grows with the text"


def _seconds(text: str, times: int) -> float:
    redactors = [Redactor(load_rules("ios"), own=OWN) for _ in range(times)]
    start = time.process_time()
    for redactor in redactors:
        for at in range(0, len(text), 65536):
            redactor.feed(text[at : at + 65536])
        redactor.flush()
    return (time.process_time() - start) / times


def main() -> None:
    """Fuzz. `--growth` measures how time grows with the text instead."""
    if "--growth" in sys.argv:
        check_growth()
        return
    for platform in PLATFORMS:
        load_rules(platform)
    if atheris is not None:
        atheris.Setup(sys.argv, check)
        atheris.Fuzz()
        return
    runs = next((int(arg.partition("=")[2]) for arg in sys.argv if arg.startswith("-atheris_runs=")), 20_000)
    generator = random.Random(1)
    for run in range(runs):
        data = generator.randbytes(generator.choice((8, 40, 200)))
        try:
            check(data)
        except BaseException:
            print(f"run {run}: {data!r}")
            raise
    print(f"{runs} random texts, no finding (atheris is not installed)")


if __name__ == "__main__":
    main()
