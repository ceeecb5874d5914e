"""BusyBox applets of the simulated router."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.lab import HomeComputer
from drivers.lab.applets import APPLETS
from tests.unit.drivers.lab.conftest import Prompt

LINES = "printf 'one\\ntwo\\nthree\\nTwo\\n' > /tmp/t; "


@pytest.mark.parametrize(
    ("line", "out"),
    [
        ("grep two /tmp/t", "two\n"),
        ("grep -i two /tmp/t", "two\nTwo\n"),
        ("grep -v two /tmp/t", "one\nthree\nTwo\n"),
        ("grep -c two /tmp/t", "1\n"),
        ("grep -iE 'one|two' /tmp/t | wc -l", "3\n"),
        ("grep 'one\\|two' /tmp/t", "one\ntwo\n"),
        ("grep 'one|two' /tmp/t", ""),
        ("grep -F 't.o' /tmp/t", ""),
        ("grep -A 1 one /tmp/t", "one\ntwo\n"),
        ("grep -B1 three /tmp/t", "two\nthree\n"),
        ("grep -e one /tmp/t", "one\n"),
        ("grep -q one /tmp/t && echo yes", "yes\n"),
        ("head -n 2 /tmp/t", "one\ntwo\n"),
        ("head -1 /tmp/t", "one\n"),
        ("tail -n 1 /tmp/t", "Two\n"),
        ("cat /tmp/t | tail -2", "three\nTwo\n"),
        ("wc -l /tmp/t", "4\n"),
        ("sort /tmp/t", "Two\none\nthree\ntwo\n"),
        ("sort -r /tmp/t | head -n1", "two\n"),
        ("echo abcd | tr a-c x", "xxxd\n"),
        ("echo abc | tr -d b", "ac\n"),
        ("echo a | tee /tmp/u; cat /tmp/u", "a\na\n"),
        ("echo a b | xargs echo c", "c a b\n"),
        ("printf '%s-%s\\n' a b", "a-b\n"),
        ("echo -e 'a\\tb\\x41'", "a\tbA\n"),
        ("echo -n a", "a"),
        ("cp /tmp/t /tmp/v; mv /tmp/v /tmp/w; wc -l /tmp/w; ls /tmp/v", "4\n"),
        ("touch /tmp/x; ls /tmp/x; rm /tmp/x; ls /tmp/x", "/tmp/x\n"),
        ("[ a = a ] && echo same; test a = b || echo other", "same\nother\n"),
        ("timeout 5 echo in time", "in time\n"),
        ("hostname; whoami; uname -r; pwd", "OpenWrt\nroot\n5.15.167\n/root\n"),
        ("echo '* * * * * reboot' | crontab -; crontab -l", "* * * * * reboot\n"),
    ],
)
async def test_an_applet_does_what_busybox_does(prompt, line, out):
    assert await prompt(LINES + line) == out


@pytest.mark.parametrize("line", ["uptime", "free", "df -h", "df", "ps", "date", "id", "uname -a", "ls -l /etc", "env"])
async def test_an_applet_that_reports_reports(prompt, line):
    await prompt("export A=1")
    assert await prompt(line)
    assert prompt.status == 0


@pytest.mark.parametrize(
    "line", ["grep", "head -n x /etc/hosts", "sleep x", "rm /nosuch", "cp a", "printf", "grep '[' /x"]
)
async def test_a_wrong_call_fails_with_a_word(prompt, line):
    await prompt(line)
    assert prompt.status != 0
    assert prompt.err


async def test_what_is_logged_is_read_back(prompt):
    await prompt("logger -t test hello there")
    assert "hello there" in await prompt("logread | tail -n 1")


WORDS = sorted(set(APPLETS) - {"sleep", "yes", "timeout", "logout"})
MARKS = [
    "uci",
    "ip",
    "iwinfo",
    "-n",
    "-c",
    "/etc",
    "a=1",
    "|",
    ";",
    "&&",
    ">",
    "/tmp/f",
    "'",
    '"',
    "$(",
    ")",
    "`",
    "$x",
]


@settings(max_examples=40)
@given(st.lists(st.sampled_from([*WORDS, *MARKS, "\\"]), max_size=8))
def test_no_line_breaks_the_router(words):
    async def scenario() -> None:
        async with HomeComputer() as home, asyncio.timeout(10):
            await Prompt(home)(" ".join(words))

    asyncio.run(scenario())
