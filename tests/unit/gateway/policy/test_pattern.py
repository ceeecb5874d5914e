"""What `gateway/policy/pattern.py` promises."""

import pytest

from gateway.policy.pattern import AnyOrder, Choice, Keyword, Slot, Template, may_be_empty, parse_pattern
from gateway.policy.types import Types

TYPES = Types({})


def slot(name: str, type_name: str) -> Slot:
    return Slot(name, TYPES.find(type_name), secret=False)


def test_words_arguments_options_and_choices() -> None:
    show, brief, which, iface = parse_pattern("show [brief] {a|b c} <iface:word>", slot)
    assert isinstance(show, Keyword)
    assert show.text == "show"
    assert isinstance(brief, Choice)
    assert [len(branch) for branch in brief.branches] == [1, 0]
    assert isinstance(which, Choice)
    assert [len(branch) for branch in which.branches] == [1, 2]
    assert isinstance(iface, Slot)
    assert (iface.name, iface.type) == ("iface", TYPES.find("word"))


def test_ranges_are_numbers_and_names_default_to_the_type() -> None:
    first, second, third, fourth = parse_pattern("<n:1-100> <host> <int:5-9> <t:-3-4>", slot)
    assert isinstance(first, Slot)
    assert isinstance(second, Slot)
    assert isinstance(third, Slot)
    assert isinstance(fourth, Slot)
    assert (first.name, first.type.match("101")) == ("n", None)
    assert second.name == "host"
    assert (third.type.match("9"), third.type.match("10")) == ("9", None)
    assert fourth.type.match("-3") == "-3"


def test_any_order_knows_what_is_needed() -> None:
    _, options = parse_pattern("ping (-c <int> [-s <int>] <host> {a|b})", slot)
    assert isinstance(options, AnyOrder)
    assert options.needed == (True, True, False, True, True)


def test_words_may_mix_text_and_arguments() -> None:
    (word,) = parse_pattern("wireless.<radio:name>.channel=<chan:int>", slot)
    assert isinstance(word, Template)
    assert [part if isinstance(part, str) else part.name for part in word.parts] == [
        "wireless.",
        "radio",
        ".channel=",
        "chan",
    ]
    assert word.label == "wireless.<radio>.channel=<chan>"


def test_backslash_makes_brackets_plain() -> None:
    (word,) = parse_pattern(r"a\[0\]\<b\>", slot)
    assert isinstance(word, Keyword)
    assert word.text == "a[0]<b>"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        ("show [brief", "missing its partner"),
        ("show brief]", "missing its partner"),
        ("show (a", "'\\)' is missing"),
        ("a | b", "braces"),
        ("x{a|b}", "blanks around brackets"),
        ("{a|b}x", "blanks around brackets"),
        ("{a|}", "a branch is empty"),
        ("show <1x>", "is not an argument"),
        ("show <>", "is not an argument"),
        ("show <a", "cannot be read"),
        ("show <nosuch>", "there is no type"),
        ("(a | b)", "cannot stand in"),
        ("([a] {[b]})", "none of them empty"),
    ],
)
def test_mistakes_are_named(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_pattern(text, slot)


def test_what_may_be_left_out() -> None:
    assert may_be_empty(parse_pattern("[a] ([b] [c])", slot))
    assert not may_be_empty(parse_pattern("[a] {b|c}", slot))


@pytest.mark.parametrize("text", [r"a\[ [b]c", r"a\[ x[b]", "a [b]c", "a {b|c}d", "a{b}"])
def test_a_bracket_that_touches_a_word_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="put blanks around brackets"):
        parse_pattern(text, lambda name, type_name: pytest.fail(f"{name} {type_name}"))
