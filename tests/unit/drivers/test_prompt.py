"""What `drivers/prompt.py` promises."""

import ast
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.recording.terminal import Cleaner
from drivers.definition import load_definition, platforms
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


# --- prompts of two lines, and hosts that hold what stands behind them ------------------------------------------------


def junos() -> PromptDetector:
    return detector("junos", "admin@edge-1> ")


@pytest.mark.parametrize(
    ("text", "shown", "mode", "tag"),
    [
        ("\r\n[edit]\r\nadmin@edge-1# ", "[edit]\nadmin@edge-1# ", "config", ""),
        ("x\r\n\r\n[edit interfaces ge-0/0/0]\r\nadmin@edge-1# ", None, "config", "interfaces ge-0/0/0"),
        ("\r\n{master:0}[edit system]\r\nadmin@edge-1# ", None, "config", "system"),
        ("\r\n{primary:node0}\r\nadmin@edge-1> ", "{primary:node0}\nadmin@edge-1> ", "exec", ""),
        ("\r\nadmin@edge-1> ", "admin@edge-1> ", "exec", ""),
        ("\r\n[edit]\r\n[edit system]\r\nadmin@edge-1# ", None, "config", "system"),
        ('\r\n[edit firewall filter "a ] b"]\r\nadmin@edge-1# ', None, "config", 'firewall filter "a ] b"'),
    ],
)
def test_the_line_before_says_where_the_session_stands(text: str, shown: str | None, mode: str, tag: str) -> None:
    found = seen(junos(), text)
    assert found is not None
    assert (found.mode, found.tag, found.certain) == (mode, tag, True)
    assert shown is None or found.text == shown


@pytest.mark.parametrize(
    "text",
    [
        "\r\nadmin@edge-1# ",
        "\r\n[edit]\r\n\r\nadmin@edge-1# ",
        "\r\n[edit]x\r\nadmin@edge-1# ",
        "\r\n [edit]\r\nadmin@edge-1# ",
        "\r\n{master:0}\r\nadmin@edge-1# ",
        "[edit]\r\nmore text\r\nadmin@edge-1# ",
        f"[edit {'x' * 600}]\r\nadmin@edge-1# ",
        "\r\n[edit]admin@edge-1# ",
    ],
)
def test_without_that_line_nobody_knows(text: str) -> None:
    found = seen(junos(), text)
    assert found is not None
    assert (found.mode, found.tag) == ("config", "?")


def test_such_a_line_alone_changes_nothing() -> None:
    made = junos()
    assert seen(made, "\r\n[edit system]\r\n") is None
    assert seen(made, "\r\nadmin@edge-2# ") is None


def test_the_line_before_is_part_of_the_prompt_and_not_of_the_output() -> None:
    made = junos()
    assert made.feed("out\r\n\r\n[edit]\r\n") == "out\r\n\r\n"
    assert made.release() == "", "it may become a prompt"
    made.feed("admin@edge-1# ")
    found = made.prompt()
    assert found is not None
    assert made.hand_over(found) == ""
    assert made.take() == ""


def test_a_line_that_only_looks_like_it_is_output() -> None:
    made = junos()
    assert made.feed("[edit interfaces]\r\n") == ""
    assert made.feed("-  unit 0;\r\n") == "[edit interfaces]\r\n-  unit 0;\r\n"
    assert made.feed("[edit]\r\nsome") == ""
    assert made.release() == "[edit]\r\nsome"
    assert made.feed("\r\n[edit]\r\nadmin@edge-1> ") == "\r\n"
    found = made.prompt()
    assert found is not None
    assert (found.mode, found.text) == ("exec", "admin@edge-1> ")
    assert made.hand_over(found) == "[edit]\r\n"


def test_a_line_that_was_shown_in_part_still_counts() -> None:
    made = junos()
    made.feed("x[")
    assert made.release() == "x["
    assert made.feed("\r\n") == "\r\n"
    made.feed("[ed")
    assert made.release() == "", "it may become the upper line of a prompt"
    assert made.feed("it]\r\n") == ""
    found = seen(made, "admin@edge-1# ")
    assert found is not None
    assert found.tag == ""


def test_an_overlong_line_comes_after_the_one_before() -> None:
    made = junos()
    made.feed("[edit]\r\n")
    text = made.feed("y" * (TAIL_LIMIT + 1))
    assert text.startswith("[edit]\r\nyyy")


@pytest.mark.parametrize(
    ("text", "host", "mode", "tag"),
    [
        ("\r\n[core-1]", "core-1", "config", ""),
        ("\r\n[core-1-GigabitEthernet0/0/1]", "core-1", "config", "GigabitEthernet0/0/1"),
        ("\r\n[~core-1-aaa]", "core-1", "config", "aaa"),
        ("\r\n[*core-1-ospf-1-area-0.0.0.0]", "core-1", "config", "ospf-1-area-0.0.0.0"),
        ("\r\nHRP_M<core-1>", "core-1", "exec", ""),
    ],
)
def test_a_host_with_hyphens_is_told_from_the_view(text: str, host: str, mode: str, tag: str) -> None:
    found = seen(detector("huawei_vrp", "<core-1>"), text)
    assert found is not None
    assert (found.host, found.mode, found.tag, found.certain) == (host, mode, tag, True)


@pytest.mark.parametrize("text", ["\r\n[core-2]", "\r\n[core-aaa]", "\r\n<core>", "\r\n[core]", "\r\n[xcore-1-aaa]"])
def test_another_host_with_hyphens_is_none(text: str) -> None:
    assert seen(detector("huawei_vrp", "<core-1>"), text) is None


def test_a_prompt_in_brackets_behind_text() -> None:
    made = detector("routeros", "[admin@edge-1] > ")
    found = seen(made, "no line end[admin@edge-1] /ip/address> ")
    assert found is not None
    assert (found.text, found.tag, found.certain) == ("[admin@edge-1] /ip/address> ", "/ip/address", False)
    assert made.hand_over(found) == "no line end"
    assert made.take() == ""


@pytest.mark.parametrize(
    ("platform", "prompt", "piece"),
    [
        ("routeros", "[admin@edge-1] > ", "[adm"),
        ("huawei_vrp", "<core-1>", "[~core-"),
        ("sros", "A:pe-1# ", "*A:p"),
        ("bcm_cpe", " > ", " "),
        ("junos", "admin@edge-1> ", "{mas"),
    ],
)
def test_the_beginning_of_a_prompt_is_not_shown_as_output(platform: str, prompt: str, piece: str) -> None:
    made = detector(platform, prompt)
    made.feed(f"\r\n{piece}")
    assert made.release() == ""


@pytest.mark.parametrize(
    ("banner", "mode", "tag"),
    [
        ("[/]", "exec", ""),
        ("[/show router]", "exec", "show router"),
        ("(ex)[/]", "config", ""),
        ('*(ex)[/configure router "Base"]', "config", 'configure router "Base"'),
        ("!*[ex:/configure]", "config", "configure"),
        ("nothing", "config", "?"),
    ],
)
def test_one_lower_line_and_many_upper_ones(banner: str, mode: str, tag: str) -> None:
    found = seen(detector("sros", "[/]\r\nA:admin@pe-1# "), f"\r\n{banner}\r\nA:admin@pe-1# ")
    assert found is not None
    assert (found.mode, found.tag) == (mode, tag)


@pytest.mark.parametrize(
    ("platform", "tail", "canonical", "expected"),
    [
        ("junos", "---(more)---", "show log", PagerSeen(" ")),
        ("junos", "---(more 40%)---", "show log", PagerSeen(" ")),
        ("routeros", "-- [Q quit|D dump|down]", "log print", PagerSeen(" ")),
        ("routeros", "-- [Q quit|D dump|C-z pause]", "tool torch", PagerSeen("q")),
        ("huawei_vrp", "  ---- More ----", "display x", PagerSeen(" ")),
        ("sros", "Press any key to continue (Q to quit)", "show log", PagerSeen(" ")),
        ("iosxr", " --More-- ", "show log", PagerSeen(" ")),
        ("nxos", "--More--", "show log", PagerSeen(" ")),
        ("vyos", ":", "show log", PagerSeen(" ")),
        ("vyos", "(END)", "show log", PagerSeen("q")),
        ("edgeos", "lines 1-23/80 28%", "show log", PagerSeen(" ")),
        ("junos", "Reboot the system ? [yes,no] (no) ", "request system reboot", "yes\n"),
        ("junos", "Really? [yes,no] (no) ", "clear log", "no\n"),
        ("routeros", "Reboot, yes? [y/N]: ", "/system reboot", "y\r"),
        ("routeros", "Dangerous? [y/N]: ", "/ip address print", "n\r"),
        ("huawei_vrp", "System will reboot! Continue ? [y/n]:", "reboot", "y\n"),
        ("huawei_vrp", "Warning: save the configuration? [Y/N]:", "reboot", "n\n"),
        ("huawei_vrp", "Warning: Uncommitted. [Y(yes)/N(no)/C(cancel)]:", "return", "n\n"),
        ("huawei_vrp", "Are you sure to continue? (y/n)[n]:", "save", "y\n"),
        ("sros", "Are you sure you want to reboot the system (y/n)? ", "admin reboot", "y\n"),
        ("sros", "Are you sure (y/n)? ", "show x", "n\n"),
        ("nxos", "This command will reboot the system. (y/n)?  [n] ", "reload", "y\n"),
        ("nxos", "Do you want to continue? (y/n)?  [n] ", "show x", "n\n"),
        ("iosxr", 'Clear "show interface" counters on all interfaces [confirm]', "clear counters all", "\r"),
        (
            "iosxr",
            "Uncommitted changes found, commit them before exiting(yes/no/cancel)? [cancel]:",
            "end",
            "no\n",
        ),
        ("iosxr", "Do you wish to proceed with this commit anyway? [no]: ", "commit", "no\n"),
        ("vyos", "Are you sure you want to reboot this system? [y/N] ", "reboot", "y\n"),
        ("vyos", "Are you sure? [y/N] ", "show x", "n\n"),
        ("edgeos", "Proceed with reboot? [confirm]", "reboot", "y\n"),
    ],
)
def test_questions_of_each_platform(platform: str, tail: str, canonical: str, expected: PagerSeen | str) -> None:
    made = detector(platform)
    made.feed(f"x\r\n{tail}")
    found = made.question((), canonical)
    if isinstance(expected, PagerSeen):
        assert found == expected
    else:
        assert isinstance(found, QuestionSeen)
        assert (found.answer, found.cancel) == (expected, False)


@pytest.mark.parametrize("platform", ["junos", "routeros", "vyos", "edgeos", "huawei_vrp", "sros", "iosxr", "nxos"])
def test_passwords_are_never_given(platform: str) -> None:
    made = detector(platform)
    made.feed("\r\nPassword: ")
    found = made.question((), "show x")
    assert isinstance(found, QuestionSeen)
    assert found.cancel


@given(
    st.lists(
        st.sampled_from(
            [
                "admin@edge-1# ",
                "admin@edge-1> ",
                "\r\n",
                "[edit]",
                "[edit a b]",
                "{master:0}",
                "[ed",
                "x",
                " ",
                "\r",
                "\b",
            ]
        ),
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_cutting_the_stream_changes_no_prompt_of_two_lines(parts: list[str], random: object) -> None:
    text = "".join(parts)
    whole, pieces = junos(), junos()
    settled = whole.feed(text)
    cut, at = "", 0
    while at < len(text):
        step = random.randint(1, 9)  # type: ignore[attr-defined]
        cut += pieces.feed(text[at : at + step])
        if random.random() < 0.3:  # type: ignore[attr-defined]
            cut += pieces.release()
        at += step
    assert whole.prompt() == pieces.prompt()
    assert settled + whole.take() == cut + pieces.take() == text


@pytest.mark.parametrize("platform", platforms())
def test_time_is_linear_on_every_platform(platform: str) -> None:
    def seconds(count: int, piece: str) -> float:
        made = PromptDetector(load_definition(platform))
        start = time.perf_counter()
        for _ in range(count):
            made.feed(piece)
            made.prompt()
            made.question((), "show log")
        return time.perf_counter() - start

    for piece in ("[edit " + "]" * 300, "[~a-b-c-d-", "[a@b] /ip/", "A:a>config>", "[edit]\n" * 40, "a" * LOOK_LIMIT):
        small, large = seconds(50, piece), seconds(400, piece)
        assert large < 100 * small + 1, piece


def test_a_prompt_that_is_drawn_twice_is_shown_once() -> None:
    """RouterOS does so, padded to the width of the terminal."""
    prompt = "[admin@edge-1] > "
    made = detector("routeros", prompt)
    found = seen(made, f"\r\r\r\r{prompt:<511}\r{prompt}")
    assert found is not None
    assert (found.text, found.certain) == (prompt, True)
    assert made.hand_over(found) == ""
    other = seen(made, f"\r\nsomething else\r{prompt}")
    assert other is not None
    assert made.hand_over(other) == "something else\r"
