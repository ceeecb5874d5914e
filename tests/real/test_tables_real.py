"""The shipped tables against the programs they speak to: vtysh must accept what `frr` sends to read, and BusyBox ash
must start exactly the programs, with exactly the words, that `openwrt` decided on.

These are the lines of the corpora, over SSH and through pipes. Counterparts: tests/real/test_frr_lines_real.py and
test_openwrt_lines_real.py, which run every line the tables can send; tests/unit/gateway/policy/test_tables_corpora.py,
which judges the lines of the corpora without any program.
"""

import shlex
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from gateway.policy.decide import decide
from gateway.policy.load import TABLES, compile_bundle
from gateway.policy.score import Corpus, Row, read_corpus
from gateway.policy.selftest import EVERYTHING, NOW
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Allow, Position
from tests.real.ground import RealRouter

pytestmark = pytest.mark.system

CORPORA = Path(__file__).parents[1] / "corpora"
REFUSALS = ("% Unknown command", "% Ambiguous command", "% Command incomplete", "% There is no matched command")


@cache
def bundle() -> PolicyBundle:
    return compile_bundle({f"{name}.yaml": (TABLES / f"{name}.yaml").read_bytes() for name in ("frr", "openwrt")})


@cache
def corpus(platform: str) -> Corpus:
    path = CORPORA / f"policy-{platform}.yaml"
    return read_corpus(path.name, path.read_bytes())


def allowed(platform: str) -> Iterator[tuple[Row, Allow]]:
    """Rows of the corpus that are sent, with what is sent."""
    for row in corpus(platform).rows:
        position = Position(platform, row.mode, row.context)
        verdict = decide(bundle(), corpus(platform).site, position, row.line, EVERYTHING, NOW)
        if isinstance(verdict, Allow) and not verdict.help and verdict.canonical:
            yield row, verdict


# --- FRR --------------------------------------------------------------------------------------------------------------

READS = frozenset(
    {"diagnose.read", "log.read", "config.read", "lan.hosts.read", "lan.activity.read", "session.control"}
)
# Modules and programs that the router of these tests lacks.
ABSENT = ("rpki", "ping", "traceroute", "exit", "quit", "disable", "terminal monitor")


def in_vtysh(router: RealRouter, lines: list[str]) -> str:
    """What one vtysh prints for all of `lines`."""
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(router.ssh("-T"), input=text, capture_output=True, text=True, timeout=90, check=False)
    return done.stdout + done.stderr


def refused_by_vtysh(router: RealRouter, lines: list[str], around: Callable[[str], list[str]]) -> list[str]:
    """Lines to which vtysh answers with a refusal. A marker, itself unknown, tells where each answer begins."""
    script: list[str] = []
    for number, line in enumerate(lines):
        script += [f"zzz{number}zzz", *around(line)]
    output = in_vtysh(router, [*script, f"zzz{len(lines)}zzz"])
    refused: list[str] = []
    for number, line in enumerate(lines):
        _, found, rest = output.partition(f"% Unknown command: zzz{number}zzz")
        assert found, f"vtysh ended before {line!r}"
        answer = rest.partition(f"% Unknown command: zzz{number + 1}zzz")[0]
        if any(refusal in answer for refusal in REFUSALS):
            refused.append(line)
    return refused


def test_vtysh_accepts_what_is_sent_to_read(frr_router: RealRouter) -> None:
    lines = {
        verdict.canonical
        for row, verdict in allowed("frr")
        if verdict.capability in READS
        and row.mode == "privileged"
        and verdict.enters is None
        and not any(word in verdict.canonical for word in ABSENT)
    }
    assert len(lines) > 100
    assert refused_by_vtysh(frr_router, sorted(lines), lambda line: [line]) == []


def test_vtysh_accepts_what_is_set_on_an_interface(frr_router: RealRouter) -> None:
    lines = {verdict.canonical for row, verdict in allowed("frr") if verdict.capability == "iface.write"}
    assert len(lines) > 5
    inside = ["configure terminal", "interface eth0"]
    assert refused_by_vtysh(frr_router, sorted(lines), lambda line: [*inside, line, "end"]) == []


def test_vtysh_refuses_what_the_table_calls_ambiguous(frr_router: RealRouter) -> None:
    lines = [
        row.line
        for row in corpus("frr").rows
        if row.expect == "deny" and row.mode == "privileged" and "ambiguous" in row.why
    ]
    assert len(lines) > 5
    assert refused_by_vtysh(frr_router, lines, lambda line: [line]) == lines


# --- OpenWrt ----------------------------------------------------------------------------------------------------------

# Words that ash knows itself; everything else of a line is a program.
BUILTIN = frozenset({"cd", "echo", "exit", "true"})


def commands(canonical: str) -> list[list[str]]:
    """The words of every program in a line, as a POSIX shell must see them (read by an independent lexer)."""
    lexer = shlex.shlex(canonical, posix=True, punctuation_chars=";|&")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if word in {";", "&&", "|"}:
            found.append([])
        else:
            found[-1].append(word)
    return [words for words in found if words[0] not in BUILTIN]


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of programs that only write down their words, and nothing else on the path.

    BusyBox would rather run its own applets; only functions come before those, so there is a prelude of functions too.
    """
    folder = tmp_path_factory.mktemp("stubs")
    names = {words[0] for _, verdict in allowed("openwrt") for words in commands(verdict.canonical)}
    # One write for each program: those of a pipe run side by side.
    body = 'o="{name}"; for w; do o="$o$US$w"; done; printf "%s\\n" "$o" >> "$WORDS"'
    prelude = ""
    for name in names:
        if name.replace("_", "a").isalnum():
            prelude += f"{name}() {{ {body.format(name=name)}; }}\n"
        elif "/" not in name:
            (folder / name).write_text(f"#!/bin/sh\n{body.format(name=name)}\n")
            (folder / name).chmod(0o755)
    (folder / "prelude").write_text(prelude)
    return folder


def started(busybox: Path, stub: Path, canonical: str, record: Path) -> list[list[str]]:
    """The programs that BusyBox ash starts for a line, with their words."""
    record.write_text("")
    environment = {"PATH": str(stub), "WORDS": str(record), "US": "\037"}
    script = f"{(stub / 'prelude').read_text()}{canonical}\n"
    subprocess.run([busybox, "ash", "-c", script], env=environment, capture_output=True, timeout=20, check=False)
    return [line.split("\037") for line in record.read_text().splitlines()]


def test_ash_starts_what_was_decided(stub: Path, tmp_path: Path, require_program: Callable[[str], Path]) -> None:
    busybox = require_program("busybox")
    seen_lines = 0
    for row, verdict in allowed("openwrt"):
        wanted = commands(verdict.canonical)
        if any("/" in words[0] for words in wanted):
            continue  # a program by its path; the stubs are not there
        seen = started(busybox, stub, verdict.canonical, tmp_path / "words")
        assert sorted(seen) == sorted(wanted), row.line
        seen_lines += 1
    assert seen_lines > 300
