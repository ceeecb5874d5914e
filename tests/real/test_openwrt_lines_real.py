"""Every line that the OpenWrt table can send: ash reads it as it was meant, and the programs take its words.

Counterpart: tests/real/openwrt_lines.py, which runs them and names the programs that cannot be run here, and why.
"""

import shlex
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.real.ground import Ground
from tests.real.openwrt_lines import BUILTIN, BY_HELP, SAME, UNCHECKED, Words, applets, check, program_of
from tests.real.table_lines import judged, lines

pytestmark = pytest.mark.system


def cut(text: str) -> list[Words]:
    """The words of every program in a line, as a POSIX shell must see them (read by an independent lexer)."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[list[str]] = [[]]
    for word in lexer:
        if word in {";", "&&", "|"}:
            found.append([])
        else:
            found[-1].append(word)
    return [tuple(words) for words in found]


@cache
def commands() -> tuple[Words, ...]:
    """Every command of every line, once."""
    return tuple(dict.fromkeys(words for sent in lines("openwrt") for words in cut(sent.text)))


def test_every_example_is_sent() -> None:
    assert len(lines("openwrt")) > 3500
    assert judged("openwrt")[1] == ()


def test_the_programs_that_cannot_be_checked_are_exactly_these(require_program: Callable[[str], Path]) -> None:
    sent = {program_of(words) for words in commands()}
    checkable = (applets(require_program("busybox")) | SAME | BUILTIN) - set(UNCHECKED)
    assert sent - checkable == set(UNCHECKED)


def test_the_programs_take_every_command(namespaces: None, require_program: Callable[[str], Path]) -> None:
    asked = [words for words in commands() if program_of(words) not in {*UNCHECKED, *BUILTIN, *BY_HELP}]
    assert len(asked) > 1500
    with Ground() as ground:
        refused = check(ground, require_program, asked)
    assert [" ".join(words) for words, _ in refused if not not_one_list(words)] == []


def not_one_list(words: Words) -> bool:
    """`cut` without a list of fields, or with two: options in any order cannot rule that out. It says so and ends."""
    return words[0] == "cut" and ("-f" not in words or "-c" in words)


def test_a_word_that_a_program_does_not_know_is_noticed(
    namespaces: None, require_program: Callable[[str], Path]
) -> None:
    """For each program that takes options at all: else the test before would prove nothing."""
    with_options = {words[0] for words in commands() if len(words) > 1 and words[1].startswith("-")}
    tried = sorted(name for name in with_options if program_of((name,)) not in {*UNCHECKED, *BUILTIN, *BY_HELP})
    with Ground() as ground:
        refused = check(ground, require_program, [(name, "--zzz") for name in tried], seconds=30)
    assert sorted(set(tried) - {words[0] for words, _ in refused}) == []


def test_options_of_programs_that_must_not_run_are_in_their_help(require_program: Callable[[str], Path]) -> None:
    busybox = require_program("busybox")
    for words in commands():
        if program_of(words) in BY_HELP:
            done = subprocess.run([busybox, program_of(words), "--help"], capture_output=True, text=True, check=False)
            assert all(word in done.stdout + done.stderr for word in words if word.startswith("-")), words


def test_ash_reads_every_line_as_it_was_meant(tmp_path: Path, require_program: Callable[[str], Path]) -> None:
    """Stand-ins named like the programs write down their words; only functions come before BusyBox's applets."""
    busybox = require_program("busybox")
    asked = [
        (sent.text, [words for words in cut(sent.text) if words[0] not in BUILTIN])
        for sent in lines("openwrt")
        if not any("/" in words[0] or words[0] in {"exit", "logout", "quit"} for words in cut(sent.text))
    ]
    body = 'o="{name}"; for w; do o="$o$US$w"; done; printf "%s\\n" "$o" >> "$WORDS"'
    prelude = []
    for name in sorted({words[0] for _, wanted in asked for words in wanted}):
        if name.replace("_", "a").isalnum():
            prelude.append(f"{name}() {{ {body.format(name=name)}; }}")
        else:
            (tmp_path / name).write_text(f"#!/bin/sh\n{body.format(name=name)}\n")
            (tmp_path / name).chmod(0o755)
    record = tmp_path / "words"
    script = tmp_path / "script"
    numbered = [
        line for number, (text, _) in enumerate(asked) for line in (f'printf "\\036{number}\\n" >> "$WORDS"', text)
    ]
    script.write_text("\n".join([*prelude, *numbered, ""]))
    environment = {"PATH": str(tmp_path), "WORDS": str(record), "US": "\037"}
    subprocess.run([busybox, "ash", "-n", script], env=environment, timeout=60, check=True)
    subprocess.run([busybox, "ash", script], env=environment, capture_output=True, timeout=240, check=True)
    seen = record.read_text().split("\036")[1:]
    assert len(seen) == len(asked) > 3500
    for (text, wanted), answer in zip(asked, seen, strict=True):
        started = [tuple(line.split("\037")) for line in answer.splitlines()[1:]]
        assert sorted(started) == sorted(wanted), text
