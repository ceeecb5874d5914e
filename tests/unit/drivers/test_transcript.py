"""What `drivers/transcript.py` promises."""

import ast
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.recording.terminal import Cleaner
from drivers.transcript import SEARCH_LINES, Transcript

TRANSCRIPTS = Path(__file__).parents[2] / "real" / "transcripts"
LONG = "show running-config " + "abcdefghi " * 13 + "end"


def after(line: str, output: str, prompt: str = "R1#") -> str:
    """What is left of `output` when `line` was sent."""
    transcript = Transcript()
    transcript.sent(line, prompt)
    return transcript.feed(output)


@pytest.mark.parametrize(
    "echo",
    [
        "show clock\r\n",
        "show clock\r\r\n",
        "show clock\n",
        " show clock \r\n",
        "R1#show clock\r\n",
        "\x1b[1mshow\x1b[0m clock\r\n",
        "show c\r\r\nlock\r\n",
        "show c \rlock\r\n",
        "show clo\b\b\bclock\r\n",
        "show clo\b\b\b\x1b[Kclock\r\n",
        "show clock\rR1#show clock\r\n",
        "s how cl ock\r\n",
    ],
)
def test_echoes_are_taken_out(echo: str) -> None:
    transcript = Transcript()
    transcript.sent("show clock", "R1#")
    assert transcript.feed(echo + "12:00\r\nR1#") == "12:00\r\nR1#"
    assert transcript.echoed


def test_ash_breaks_lines_at_80_columns() -> None:
    assert after(LONG, LONG[:65] + "\r\r\n" + LONG[65:145] + "\r\r\n" + LONG[145:] + "\r\nout\r\n") == "out\r\n"


def test_vtysh_scrolls_sideways_on_a_dumb_terminal() -> None:
    assert after(LONG, "\r< abcdefghi abcdefghi end\r\n% Unknown\r\nedge1# ", "edge1# ") == "% Unknown\r\nedge1# "


def test_ios_scrolls_with_a_dollar() -> None:
    redraw = LONG[:70] + "\b" * 70 + "$" + LONG[20:70] + "\b" * 51 + "$" + LONG[60:]
    assert after(LONG, redraw + "\r\nout\r\n") == "out\r\n"


def test_characters_a_terminal_spells_in_its_own_way() -> None:
    assert after("uci set x='Café'", "uci set x='Caf??'\r\nok\r\n") == "ok\r\n"
    assert after("uci set x='Café'", "uci set x='Café'\r\nok\r\n") == "ok\r\n"


@pytest.mark.parametrize(
    "output",
    [
        "12:00:01 UTC\r\nR1#",
        "show clock is what you want\r\nR1#",
        "show\r\nR1#",
        "\r\n12:00\r\nR1#",
        "show version\r\nR1#",
        "progress\r 10%\r\nR1#",
    ],
)
def test_what_is_no_echo_is_kept(output: str) -> None:
    transcript = Transcript()
    transcript.sent("show clock", "R1#")
    shown = transcript.feed(output)
    assert shown + transcript.flush() == output
    assert not transcript.echoed


def test_the_echo_may_come_behind_late_output() -> None:
    transcript = Transcript()
    transcript.sent("show version", "R1#")
    assert transcript.feed("late 1\r\nlate 2\r\nR1#show version\r\nIOS\r\n") == "late 1\r\nlate 2\r\nIOS\r\n"
    assert transcript.echoed


def test_the_search_for_an_echo_ends() -> None:
    transcript = Transcript()
    transcript.sent("show version", "R1#")
    output = "x\r\n" * (SEARCH_LINES + 1) + "show version\r\n"
    assert transcript.feed(output) == output
    assert not transcript.echoed


def test_only_the_first_echo_is_taken_out() -> None:
    assert after("show history", "show history\r\nshow history\r\n") == "show history\r\n"


def test_a_line_that_never_ends_is_let_go() -> None:
    transcript = Transcript()
    transcript.sent("a" * 50, "R1#")
    output = "aaa\b" * 2000
    assert len(transcript.feed(output)) + len(transcript.flush()) == len(output)


def test_nothing_is_searched_before_something_was_sent() -> None:
    transcript = Transcript()
    assert transcript.echoed
    assert transcript.feed("show clock\r\n") == "show clock\r\n"
    transcript.sent("")
    assert transcript.echoed


@pytest.mark.parametrize(
    "wiping",
    ["\b" * 9 + " " * 9 + "\b" * 9, "\r" + " " * 9 + "\r", "\r\x1b[K", "\x1b[2K\r", "\b \b" * 9, ""],
)
def test_pagers_wipe_their_text(wiping: str) -> None:
    transcript = Transcript()
    transcript.pager_answered()
    assert transcript.feed(wiping + "  next line\r\n") == "  next line\r\n"


@given(
    st.sampled_from(["show clock", "uptime", LONG, "é", "a b"]),
    st.lists(
        st.sampled_from(["show clock", "uptime", LONG, "R1#", "\r\n", "\r", "\b", " ", "é", "a", "b", "\x1b[K", "x"]),
        max_size=20,
    ),
    st.booleans(),
    st.data(),
)
def test_cutting_the_stream_changes_nothing(line: str, parts: list[str], paged: bool, data: st.DataObject) -> None:
    text = "".join(parts)
    whole, pieces = Transcript(), Transcript()
    for transcript in (whole, pieces):
        if paged:
            transcript.pager_answered()
        else:
            transcript.sent(line, "R1#")
    cut = ""
    for part in parts:
        at = data.draw(st.integers(0, len(part))) if not part.startswith("\x1b") else 0  # never inside a sequence
        cut += pieces.feed(part[:at]) + pieces.feed(part[at:])
    assert whole.feed(text) + whole.flush() == cut + pieces.flush()
    assert whole.echoed == pieces.echoed


@given(st.text(alphabet="ab \r\n\b", max_size=12), st.text(alphabet="ab \r\n\b\x1b[K", max_size=80))
def test_output_is_only_ever_shortened_from_the_front_of_a_line(line: str, text: str) -> None:
    line = line.replace("\r", "").replace("\n", "").replace("\b", "")
    transcript = Transcript()
    transcript.sent(line, "")
    shown = transcript.feed(text) + transcript.flush()
    remaining = iter(text)
    assert all(char in remaining for char in shown), "nothing is added, nothing changes its order"


@pytest.mark.parametrize("name", ["frr-vtysh", "busybox-ash"])
def test_real_terminals(name: str) -> None:
    """Lines sent with LF, as the gateway sends them, leave no trace in the output."""
    lines = (TRANSCRIPTS / f"{name}.txt").read_text().splitlines()
    count, cleaner, transcript = 0, Cleaner(), Transcript()
    prompt = {"frr-vtysh": "frr-1# ", "busybox-ash": "root@OpenWrt:~# "}[name]
    for sent, came in itertools.pairwise(lines):
        if not (sent.startswith("> ") and came.startswith("< ")):
            continue
        wire = ast.literal_eval(sent[2:]).decode("utf-8", "replace")
        if not wire.endswith("\n") or not wire[:-1].isprintable():
            continue
        output = cleaner.feed(ast.literal_eval(came[2:]))
        if "exit" in wire or not output.startswith(wire[:3]):
            continue
        transcript.sent(wire[:-1], prompt)
        shown = transcript.feed(output) + transcript.flush()
        assert transcript.echoed, wire
        assert shown == output.split("\n", 1)[1]
        count += 1
    assert count >= 5


def test_routeros_draws_prompt_and_line_again_for_each_key() -> None:
    prompt, line = "[admin@edge-1] > ", "/ip address print where interface=pppoe-out1"
    keys = "".join(f"\r{prompt + line[:at]:<511}\r{prompt}{line[:at]}" for at in range(1, len(line) + 1))
    for pieces in (1, 7, 100):
        transcript = Transcript()
        transcript.sent(line, prompt)
        text = f"{keys}\r\r\nFlags: D\r\n{prompt}"
        size = len(text) // pieces + 1
        passed = "".join(transcript.feed(text[at : at + size]) for at in range(0, len(text), size))
        assert passed == f"Flags: D\r\n{prompt}"
        assert transcript.echoed


def test_a_redrawn_line_without_end_is_given_up() -> None:
    transcript = Transcript()
    transcript.sent("show clock", "R1#")
    passed = "".join(transcript.feed("\rR1#show" + " " * 500) for _ in range(100))
    assert len(passed) > 30_000
    assert not transcript.echoed
