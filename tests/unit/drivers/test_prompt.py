"""What `drivers/prompt.py` promises."""

import ast
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.recording.terminal import Cleaner
from drivers.definition import load_definition
from drivers.prompt import LOOK_LIMIT, TAIL_LIMIT, PagerSeen, PromptDetector, PromptSeen, QuestionSeen, visible

TRANSCRIPTS = Path(__file__).parents[2] / "real" / "transcripts"


def detector(platform: str = "ios", prompt: str | None = None) -> PromptDetector:
    """A detector that has learnt `prompt`."""
    made = PromptDetector(load_definition(platform))
    if prompt is not None:
        made.feed(prompt)
        seen = made.prompt()
        assert seen is not None
        made.learn(seen, firm=True)
        made.take()
    return made


def seen(made: PromptDetector, text: str) -> PromptSeen | None:
    made.feed(text)
    return made.prompt()


def test_learns_host_and_ending_at_login() -> None:
    made = detector("openwrt")
    found = seen(made, "\r\nBusyBox\r\n\r\nroot@OpenWrt:~# ")
    assert found == PromptSeen("root@OpenWrt:~# ", "root@OpenWrt", "shell", "", certain=True)
    made.learn(found, firm=True)
    assert seen(made, "\r\nroot@OpenWrt:/etc# ") == PromptSeen("root@OpenWrt:/etc# ", "root@OpenWrt", "shell", "", True)


@pytest.mark.parametrize(
    ("text", "mode", "tag"),
    [
        ("R1#", "privileged", ""),
        ("\r\nR1>", "exec", ""),
        ("x\r\nR1(config-if)#", "config", "config-if"),
        ("x\r\n\x1b[1mR1#\x1b[0m", "privileged", ""),
        ("x\r\n\rR1#", "privileged", ""),
        ("x\r\njunk\rR1#", "privileged", ""),
        ("x\r\njunk\b\b\b\b\x1b[KR1#", "privileged", ""),
    ],
)
def test_prompts_at_the_end(text: str, mode: str, tag: str) -> None:
    found = seen(detector(prompt="R1#"), text)
    assert found is not None
    assert (found.mode, found.tag) == (mode, tag)


@pytest.mark.parametrize("text", ["R1#\r\n", "R2#", "xR2#", "R1#x", "R1(config", "", "R1# show clock", "R1"])
def test_no_prompts(text: str) -> None:
    assert seen(detector(prompt="R1#"), text) is None


def test_other_blanks_are_not_certain() -> None:
    found = seen(detector("frr", "edge1# "), "edge1#")
    assert found is not None
    assert not found.certain
    assert seen(detector("frr", "edge1# "), "edge1# ").certain  # type: ignore[union-attr]


def test_prompt_behind_text_is_not_certain() -> None:
    made = detector("openwrt", "root@OpenWrt:~# ")
    found = seen(made, "OpenRouterroot@OpenWrt:~# ")
    assert found is not None
    assert not found.certain
    assert found.text == "root@OpenWrt:~# "
    assert made.hand_over(found) == "OpenRouter"
    assert made.hand_over() == ""


def test_host_may_be_cut_in_sub_modes_only() -> None:
    made = detector(prompt="a-very-long-router-name-1#")
    assert seen(made, "\na-very-long-router-n(config)#") is not None
    assert seen(made, "\na-very(config)#") is None
    assert seen(made, "\na-very-long-router-n#") is None
    assert detector("frr", "a-very-long-router-name-1#").prompt() is None


def test_another_host_only_before_an_answer_came() -> None:
    made = PromptDetector(load_definition("ios"))
    banner = seen(made, "welcome to\r\nR9#")
    assert banner is not None
    made.learn(banner, firm=False)
    found = seen(made, "\r\nR1#")
    assert found is not None
    assert not found.certain
    made.learn(found, firm=True)
    assert seen(made, "\r\nR9#") is None


def test_settled_and_held() -> None:
    made = detector(prompt="R1#")
    assert made.feed("one\r\ntw") == "one\r\n"
    assert made.held == "tw"
    assert made.release() == "tw"
    assert made.feed("o\r\n") == "o\r\n"
    assert made.feed("R1") == ""
    assert made.release() == "", "it may become a prompt"
    assert made.feed("\nxR1") == "R1\n"
    assert made.release() == "xR1"
    assert made.feed(".\r") == ""
    assert made.release() == ".", "the CR may belong to a line end"
    assert made.take() == "\r"


def test_a_line_without_end_is_let_go() -> None:
    made = detector("openwrt", "root@OpenWrt:~# ")
    text = "".join(made.feed("x" * 1000) for _ in range(20))
    assert len(made.tail) <= TAIL_LIMIT
    assert len(text) >= 20_000 - TAIL_LIMIT
    found = seen(made, "root@OpenWrt:~# ")
    assert found is not None
    assert not found.certain
    assert len(text) + len(made.hand_over(found)) == 20_000


@pytest.mark.parametrize(
    ("platform", "tail", "canonical", "expected"),
    [
        ("ios", " --More-- ", "show log", PagerSeen(" ")),
        ("ios", "Proceed with reload? [confirm]", "reload", QuestionSeen("Proceed with reload? [confirm]", "\r")),
        ("ios", "Password: ", "enable", QuestionSeen("Password: ", None, "enable", certain=False)),
        ("ios", "Password: ", "show log", QuestionSeen("Password: ", certain=False)),
        ("ios", "Really? ", "show log", QuestionSeen("Really? ", certain=False)),
        ("ios", "R9#", "show log", QuestionSeen("R9#", certain=False)),
        ("ios", "Sending 5 echos.....", "ping", None),
        ("ios", "", "show log", None),
        ("frr", "(END)", "show run", PagerSeen("q")),
        ("openwrt", "--More-- (30%)", "cat", PagerSeen(" ")),
    ],
)
def test_questions(platform: str, tail: str, canonical: str, expected: PagerSeen | QuestionSeen | None) -> None:
    made = detector(platform)
    made.feed(f"x\r\n{tail}")
    assert made.question((), canonical) == expected


def test_a_host_name_is_never_given() -> None:
    made = detector()
    made.feed("Address or name of remote host []? ")
    found = made.question((), "copy running-config tftp:")
    assert isinstance(found, QuestionSeen)
    assert found.cancel
    assert found.answer is None


def test_own_answers_of_a_command_come_first() -> None:
    made = detector()
    made.feed("Save? [yes/no]: ")
    assert made.question(((r"\[yes/no\]: *\Z", "yes\r"),), "reload") == QuestionSeen("Save? [yes/no]: ", "yes\r")
    made.feed("\nPassword: ")
    assert made.question((("word: *$", "@enable"),), "x") == QuestionSeen("Password: ", None, "enable", certain=False)


@given(st.text(alphabet="ab\b\r\x1b[0mK ", max_size=60))
def test_visible_shows_no_controls(line: str) -> None:
    shown = visible(line)
    assert "\b" not in shown
    assert "\r" not in shown or not shown


@given(
    st.lists(st.sampled_from(["R1#", "\r\n", "R1", "(config)#", "x", " ", "\r", "\x1b[1m", "y" * 700]), max_size=30),
    st.randoms(use_true_random=False),
)
def test_cutting_the_stream_changes_nothing(parts: list[str], random: object) -> None:
    text = "".join(parts)
    whole, pieces = detector(prompt="R1#"), detector(prompt="R1#")
    settled = whole.feed(text)
    cut, at = "", 0
    while at < len(text):
        step = random.randint(1, 9)  # type: ignore[attr-defined]
        cut += pieces.feed(text[at : at + step])
        at += step
    assert whole.prompt() == pieces.prompt()
    assert settled + whole.take() == cut + pieces.take() == text


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    made = detector(prompt="R1#")
    made.feed(Cleaner().feed(data))
    made.prompt()
    made.question((), "show log")
    assert len(made.tail) <= TAIL_LIMIT


def test_time_is_linear() -> None:
    def seconds(count: int, piece: str) -> float:
        made = detector(prompt="R1#")
        start = time.perf_counter()
        for _ in range(count):
            made.feed(piece)
            made.prompt()
            made.question((), "show log")
        return time.perf_counter() - start

    for piece in ("a", "R1(config-", "\b", "(", "--More", "a" * LOOK_LIMIT):
        small, large = seconds(500, piece), seconds(4000, piece)
        assert large < 100 * small + 1, piece


@pytest.mark.parametrize("name", ["frr-vtysh", "busybox-ash"])
def test_real_terminals(name: str) -> None:
    """Every answer that ends in a prompt is seen to do so, and nothing else is."""
    platform = {"frr-vtysh": "frr", "busybox-ash": "openwrt"}[name]
    host = {"frr-vtysh": b"frr-1", "busybox-ash": b"root@OpenWrt"}[name]
    made, cleaner, count = PromptDetector(load_definition(platform)), Cleaner(), 0
    for line in (TRANSCRIPTS / f"{name}.txt").read_text().splitlines():
        if not line.startswith("< "):
            continue
        data = ast.literal_eval(line[2:])
        made.feed(cleaner.feed(data))
        found = made.prompt()
        last = data.replace(b"\x1b[6n", b"").split(b"\n")[-1]
        expects = last.startswith(host) and last.endswith((b"# ", b"> "))
        assert (found is not None) == expects, data
        if found is not None:
            made.learn(found, firm=True)
            assert found.certain
            count += 1
        made.take()
    assert count >= 8
