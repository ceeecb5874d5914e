"""What ash makes of a line."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.lab.syntax import Function, Group, Part, Redirect, ShellSyntaxError, Simple, Word, parse


def words(source: str) -> list[str]:
    """Words of a line that is one simple command."""
    command = parse(source).items[0][1].commands[0]
    assert isinstance(command, Simple)
    return ["".join(part.value for part in word.parts) for word in command.words]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("uptime", ["uptime"]),
        ("  cat   /etc/hosts\t# why", ["cat", "/etc/hosts"]),
        (r"s\sh host", ["ssh", "host"]),
        ("'ss'\"h\" host", ["ssh", "host"]),
        (r"echo 'a b' \"c", ["echo", "a b", '"c']),
        (r'echo "a\"b\$c\d"', ["echo", 'a"b$c\\d']),
        ("echo ''", ["echo", ""]),
        ("echo a#b", ["echo", "a#b"]),
        ("echo a\\\nb", ["echo", "ab"]),
        ("echo $", ["echo", "$"]),
    ],
)
def test_quotes_and_blanks_make_words(source, expected):
    assert words(source) == expected


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("echo $x", Part("variable", "x", quoted=False)),
        ("echo ${x}", Part("variable", "x", quoted=False)),
        ('echo "$x"', Part("variable", "x", quoted=True)),
        ("echo $?", Part("variable", "?", quoted=False)),
        ("echo $(a $(b))", Part("command", "a $(b)", quoted=False)),
        ("echo `a b`", Part("command", "a b", quoted=False)),
    ],
)
def test_expansions_are_kept_for_later(source, part):
    command = parse(source).items[0][1].commands[0]
    assert isinstance(command, Simple)
    assert part in command.words[1].parts


def test_joints_and_pipes():
    tree = parse("a; b && c || d & e | f\ng")
    assert [joint for joint, _ in tree.items] == [";", ";", "&&", "||", ";", ";"]
    assert len(tree.items[4][1].commands) == 2
    assert parse("! a").items[0][1].negated


def test_redirections_and_assignments():
    command = parse("x=1 y=$z a 2>&1 >>/tmp/f <in").items[0][1].commands[0]
    assert isinstance(command, Simple)
    assert [name for name, _ in command.assignments] == ["x", "y"]
    assert [(one.fd, one.operator) for one in command.redirects] == [(2, ">&"), (1, ">>"), (0, "<")]
    assert command.redirects[0] == Redirect(2, ">&", Word((Part("text", "1", quoted=False),)))


def test_groups_and_functions():
    assert isinstance(parse("(a; b)").items[0][1].commands[0], Group)
    assert isinstance(parse("{ a; b; }").items[0][1].commands[0], Group)
    function = parse("uptime() { nc; }").items[0][1].commands[0]
    assert isinstance(function, Function)
    assert function.name == "uptime"


@pytest.mark.parametrize(
    "source",
    ["a &&", "a |", "| a", "; a", "'a", '"a', "`a", "$(a", "(a", "{ a", "a )", "if true; then a; fi", "a >", "f() a"],
)
def test_what_ash_would_not_parse_is_an_error(source):
    with pytest.raises(ShellSyntaxError, match="syntax error"):
        parse(source)


def test_empty_lines_are_nothing():
    assert parse("").items == parse("  # only a comment").items == parse("\n\n").items == ()


@given(st.text(alphabet="ab \t\n;&|<>()'\"\\$`{}#=!?1", max_size=40))
def test_any_line_parses_or_is_a_syntax_error(source):
    with contextlib.suppress(ShellSyntaxError):
        parse(source)
