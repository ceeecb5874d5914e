"""The simulated shell runs lines as BusyBox ash does, tricks included."""

import pytest


@pytest.mark.parametrize(
    ("line", "out", "status"),
    [
        ("echo a; echo b", "a\nb\n", 0),
        ("false && echo a", "", 1),
        ("false || echo a", "a\n", 0),
        ("true || echo a && echo b", "b\n", 0),
        ("! true", "", 1),
        ("echo a | tr a b", "b\n", 0),
        ("x=1; echo $x ${x} '$x' \"$x\"", "1 1 $x 1\n", 0),
        ("false; echo $?", "1\n", 0),
        ("echo $(echo a; echo b)", "a b\n", 0),
        ('echo "$(echo a; echo b)"', "a\nb\n", 0),
        ("echo `echo deep`", "deep\n", 0),
        ("x='echo split me'; $x", "split me\n", 0),
        ("x=' a  b '; echo .$x.", ". a b .\n", 0),
        ("echo a > /tmp/f; echo b >> /tmp/f; cat < /tmp/f", "a\nb\n", 0),
        ("(echo a; echo b) | wc -l", "2\n", 0),
        ("{ echo a; echo b; } > /tmp/g; wc -l /tmp/g", "2\n", 0),
        ("f() { echo in f; }; f", "in f\n", 0),
        ("uptime() { echo shadowed; }; uptime", "shadowed\n", 0),
        ("eval 'echo a; echo b'", "a\nb\n", 0),
        ("sh -c 'echo a'", "a\n", 0),
        ("echo 'echo from stdin' | sh", "from stdin\n", 0),
        ("busybox echo a", "a\n", 0),
        ("/bin/echo a", "a\n", 0),
        ("/bin/ech? a", "a\n", 0),
        ("alias e='echo aliased'; e", "aliased\n", 0),
        ("exit 7", "", 7),
        ("", "", 0),
    ],
)
async def test_a_line_does_what_it_does_in_ash(prompt, line, out, status):
    assert await prompt(line) == out
    assert prompt.status == status


@pytest.mark.parametrize(
    ("line", "err", "status"),
    [
        ("nosuch", "-ash: nosuch: not found\n", 127),
        ("/bin/nosuch", "-ash: /bin/nosuch: not found\n", 127),
        ("cat < /nosuch", "-ash: can't open /nosuch: no such file\n", 1),
        ("echo 'open", "-ash: syntax error: unterminated quoted string\n", 2),
        ("cat /nosuch", "cat: can't open '/nosuch': No such file or directory\n", 1),
        ("cat /nosuch 2>/dev/null", "", 1),
        ("cd /nosuch", "-ash: cd: can't cd to /nosuch: No such file or directory\n", 1),
    ],
)
async def test_complaints_go_to_standard_error(prompt, line, err, status):
    assert await prompt(line) == ""
    assert (prompt.err.decode(), prompt.status) == (err, status)


async def test_standard_error_can_be_sent_along(prompt):
    assert await prompt("nosuch 2>&1 | grep -c found") == "1\n"


async def test_the_shell_keeps_its_place_and_names(prompt):
    await prompt("cd /etc; x=kept")
    assert await prompt("pwd; echo $x; ls config | head -n 1") == "/etc\nkept\ndhcp\n"


async def test_a_runaway_is_stopped(prompt):
    await prompt("f() { f; }; f")
    assert prompt.status == 1


async def test_a_script_runs_from_a_file(prompt):
    assert await prompt("echo 'echo from $0file' > /tmp/s; sh /tmp/s; . /tmp/s") == "from file\nfrom file\n"
