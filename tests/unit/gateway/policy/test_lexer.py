"""What `gateway/policy/lexer.py` promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.lexer import Line, LineRefused, make_lexer
from gateway.policy.schema import LexerSpec

CISCO = make_lexer(LexerSpec(kind="words", filter_char="|"))
QUOTED = make_lexer(LexerSpec(kind="words", quotes="double", filter_char="|", filter_chain=True, separators=(";",)))
SHELL = make_lexer(
    LexerSpec(kind="shell-strict", separators=("&&", ";"), filter_char="|", forbid="`$\\<>(){}!?~#", max_line=1000)
)

VYOS = make_lexer(
    LexerSpec(
        kind="shell-strict",
        abbreviate=True,
        separators=("&&", ";"),
        filter_char="|",
        forbid="`$\\<>(){}!?~#",
        max_line=1000,
    )
)


def shape(line: Line) -> list[list[list[str]]]:
    return [[[word.text for word in part] for part in (command.words, *command.filters)] for command in line.commands]


def test_words_are_cut_at_blanks_and_tabs() -> None:
    assert shape(CISCO("  show \t ip  int ")) == [[["show", "ip", "int"]]]


def test_words_know_where_they_stood() -> None:
    line = CISCO(" show  ver")
    assert [(word.start, word.end) for word in line.commands[0].words] == [(1, 5), (7, 10)]
    assert line.commands[0].end == 10


def test_quotes_and_separators_are_plain_where_the_platform_has_none() -> None:
    assert shape(CISCO('description "a; b')) == [[["description", '"a;', "b"]]]


@pytest.mark.parametrize("text", ["show ver | inc a", "show ver|inc a"])
def test_the_filter_sign_needs_no_blanks(text: str) -> None:
    assert shape(CISCO(text)) == [[["show", "ver"], ["inc", "a"]]]


def test_double_quotes_make_one_word() -> None:
    line = QUOTED('set d "a | b; c" | match "x|y" | last 3; run')
    assert shape(line) == [[["set", "d", "a | b; c"], ["match", "x|y"], ["last", "3"]], [["run"]]]
    assert line.commands[0].words[2].quoted
    assert line.joins == (";",)


def test_shell_words_join_as_a_shell_joins_them() -> None:
    assert shape(SHELL("u'pti'me \"a b\"'c d'e")) == [[["uptime", "a bc de"]]]


def test_shell_separators_and_pipes() -> None:
    line = SHELL("a && b 'x;y' ; c | d | e")
    assert shape(line) == [[["a"]], [["b", "x;y"]], [["c"], ["d"], ["e"]]]
    assert line.joins == ("&&", ";")


@pytest.mark.parametrize(
    "text",
    [
        "a & b",
        "a || b",
        "a |& b",
        "a;; b",
        "a; &&",
        "; a",
        "a &&",
        "| a",
        "a |",
        "a | | b",
        "a > b",
        "a < b",
        "a $b",
        "a `b`",
        'a "$b"',
        'a "`b`"',
        'a "b\\"',
        "a \\b",
        "a {b}",
        "(a)",
        "a # b",
        "a ~",
        "a!b",
        "a 'b",
        'a "b',
        "a b?",
        "a\nb",
        "a\rb",
        "a\x00",
        "a\x1b[A",
        "a\u200bb",
        "a\u2028b",
        "a\x85b",
        "a\ud800b",
        "a" * 2001,
    ],
)
def test_the_shell_lexer_refuses_rather_than_guesses(text: str) -> None:
    with pytest.raises(LineRefused):
        SHELL(text)


@pytest.mark.parametrize("text", ['a "b', 'a b"c"', 'a "b"c', 'a "b\\" c"', "a\x07", "a" * 600])
def test_the_word_lexer_refuses_rather_than_guesses(text: str) -> None:
    with pytest.raises(LineRefused):
        QUOTED(text)


def test_a_trailing_question_mark_asks_for_help() -> None:
    assert [(CISCO(text).help, shape(CISCO(text))) for text in ("show ?", "show ip?", "?")] == [
        (True, [[["show"]]]),
        (True, [[["show", "ip"]]]),
        (True, []),
    ]


def test_a_question_mark_elsewhere_acts_on_the_router_and_is_refused() -> None:
    with pytest.raises(LineRefused, match="not taken"):
        CISCO("description a?b")


def test_in_a_shell_help_stands_alone() -> None:
    assert SHELL("uptime ?").help
    assert not SHELL("grep 'a ?'").help


def test_in_the_shell_of_a_router_question_marks_are_keys() -> None:
    assert VYOS("show interf?").help
    assert shape(VYOS("show interf?")) == [[["show", "interf"]]]
    for text in ("commit comment 'why?'x", "show log | match 'a?b'"):
        with pytest.raises(LineRefused, match="not taken"):
            VYOS(text)


def test_in_the_shell_of_a_router_bytes_above_127_may_be_keys() -> None:
    assert SHELL("echo 'Caf\u00e9'").commands
    with pytest.raises(LineRefused, match="not ASCII"):
        VYOS("commit comment 'Caf\u00e9'")


def test_a_line_may_be_empty() -> None:
    assert CISCO("   ").commands == ()


def test_reasons_repeat_nothing_of_the_line() -> None:
    for text in ("hunter2 $x", "hunter2 & x", "'hunter2", "hunter2\x00"):
        with pytest.raises(LineRefused) as refused:
            SHELL(text)
        assert "hunter" not in str(refused.value)


@given(st.text(alphabet=st.sampled_from("ab '\";|&$\\<>\t#\u00e9"), max_size=40))
def test_words_of_an_accepted_shell_line_hold_nothing_active_outside_quotes(text: str) -> None:
    try:
        line = SHELL(text)
    except LineRefused:
        return
    for command in line.commands:
        for word in (*command.words, *(word for part in command.filters for word in part)):
            assert word.quoted or not set(word.text) & set("'\";|&$\\<> #")
            assert text[word.start : word.end].strip()


ROUTEROS = make_lexer(LexerSpec.model_validate({"kind": "routeros", "separators": [";"], "max_line": 500}))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/ip/address/print", ["ip", "address", "print"]),
        ("/ip address  print", ["ip", "address", "print"]),
        ("ip/address", ["ip", "address"]),
        ("..", [".."]),
        ("../dns", ["..", "dns"]),
        (":put x", [":put", "x"]),
        ("print where dst-address=0.0.0.0/0", ["print", "where", "dst-address=0.0.0.0/0"]),
        ("ping 10.0.0.0/8", ["ping", "10.0.0.0/8"]),
        ("set [find name=a]", ["set", "[", "find", "name=a", "]"]),
        ('set name="a b" x="c\\"\\\\\\$\\?\\_d"', ["set", "name=a b", 'x=c"\\$? d']),
        ('set ssid="M\\C3\\BCller"', ["set", "ssid=Müller"]),
        ('set ssid="Müller; [1] {2} #3"', ["set", "ssid=Müller; [1] {2} #3"]),
        ('print where name~"a|b" x=""', ["print", "where", "name~a|b", "x="]),
        ("print ?", ["print"]),
    ],
)
def test_routeros_words(line: str, words: list[str]) -> None:
    (command,) = ROUTEROS(line).commands
    assert [word.text for word in command.words] == words
    assert command.absolute == (line[0] in "/:")


@pytest.mark.parametrize(
    "line",
    [
        *('print "a', 'set a"b"', 'set "a"b', 'set "a""b"', 'set a="b"c="d"', "set a=$b", 'set a="$b"', 'set a="$[x]"'),
        *("set a=(1+1)", "{ print }", "print # x", "a\\b", "set a=`x`", "print;;", "; print", "print /ip", "é", "a? b"),
        *('set a="\\n"', 'set a="\\00"', 'set a="\\C3"', 'set a="\\', 'set a="\\"'),
    ],
)
def test_what_routeros_would_work_out_is_refused(line: str) -> None:
    with pytest.raises(LineRefused):
        ROUTEROS(line)


def test_routeros_paths_begin_anew_behind_a_separator() -> None:
    first, second = ROUTEROS("/ip route print; /log/print").commands
    assert [word.text for word in second.words] == ["log", "print"]
    assert first.absolute
    assert second.absolute


@pytest.mark.parametrize("line", ["a;", "a ; ", "a && b;"])
def test_a_semicolon_may_end_the_last_command_of_a_shell(line: str) -> None:
    assert shape(SHELL(line))[-1] == [["b" if "b" in line else "a"]]
    assert len(SHELL(line).joins) == len(SHELL(line).commands) - 1
