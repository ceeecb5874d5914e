"""What `gateway/policy/compile.py` promises."""

from types import MappingProxyType
from typing import Any

import pytest
import yaml

from gateway.policy.compile import compile_table
from gateway.policy.errors import PolicyError
from gateway.policy.filters import resolve
from gateway.policy.schema import read_table


@pytest.fixture
def document(texts: MappingProxyType[str, bytes]) -> Any:
    return yaml.safe_load(texts["ios"])


def row(**keys: Any) -> dict[str, Any]:
    return {"in": ["privileged"], "cap": "diagnose.read", "cmd": ["show <word>"]} | keys


MISTAKES = [
    (row(cmd=["show <nosuch>"]), "there is no type 'nosuch'"),
    (row(**{"in": ["shell"]}), "shell is not in modes"),
    (row(**{"in": ["config/nosuch"]}), "there is no context nosuch"),
    (row(**{"in": ["exec/interface"]}), "there is no context interface of mode exec"),
    (row(enter="config/nosuch"), "there is no context nosuch"),
    (row(enter="config/*"), "enter names one position"),
    (row(filters=["grep"]), "there is no filter 'grep'"),
    (row(lan="lan.hosts.probe"), "lan needs an argument of type host"),
    (row(secret=["key"]), "secret names 'key'"),
    (row(where={"path": ["/x"]}), "where names 'path'"),
    (row(**{"not": {"iface": ["T"]}}), "not names 'iface'"),
    (row(send="show <other>"), "send uses <other>"),
    (row(send="show [<word>]"), "plain text with arguments"),
    (row(cmd=["description <text> more"]), "must come last"),
    (row(cmd=["x ([<text>] [b])"]), "must come last"),
    (row(cmd=["show a|b"]), "put a choice in braces"),
    (row(cmd=["show caf\u00e9"]), "a character that lines cannot have"),
    (row(cmd=[r"show a\|b"]), "a character that lines cannot have"),
]


@pytest.mark.parametrize(("wrong", "sentence"), MISTAKES, ids=[sentence for _, sentence in MISTAKES])
def test_mistakes_in_a_row_are_named(document: Any, wrong: dict[str, Any], sentence: str) -> None:
    document["commands"].append(wrong)
    with pytest.raises(PolicyError) as error:
        compile_table("ios.yaml", read_table("ios.yaml", document))
    assert f"ios.yaml: commands row {len(document['commands'])} " in str(error.value)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("types", {"x": "("}, "ios.yaml: types: .*not a regular expression"),
        ("contexts", {"x": {"mode": "shell"}}, "which is not in modes"),
        ("contexts", {"x": {"mode": "config", "parent": "y"}}, "the parent of x"),
        ("contexts", {"x": {"mode": "config", "parent": "x"}}, "the parent of x"),
        ("prefixes", [{"word": "do", "in": ["config"], "to": "shell"}], "prefixes row 1: shell is not in modes"),
        ("filters", {"include": "nosuch"}, "ios.yaml: filters: there is no type"),
        ("known", [{"after": "show <nosuch>", "words": "a"}], "known row 1: there is no type"),
    ],
)
def test_mistakes_elsewhere_are_named(document: Any, key: str, value: Any, sentence: str) -> None:
    document[key] = value
    if key in {"contexts", "filters"}:
        document["commands"] = [row()]
        document["prefixes"] = []
    with pytest.raises(PolicyError, match=sentence):
        compile_table("ios.yaml", read_table("ios.yaml", document))


def test_filters_need_a_sign(document: Any) -> None:
    document["lexer"].pop("filter_char")
    with pytest.raises(PolicyError, match="filter_char"):
        compile_table("ios.yaml", read_table("ios.yaml", document))


def test_rule_ids_count_rows_and_patterns_and_carry_no_words(document: Any) -> None:
    table = compile_table("ios.yaml", read_table("ios.yaml", document))
    assert [rule.id for rule in table.rules[:3]] == ["ios.1.1", "ios.1.2", "ios.2.1"]
    assert [rule.order for rule in table.rules] == list(range(len(table.rules)))


def test_a_rules_own_wording_keeps_the_prefix_word(document: Any) -> None:
    document["commands"].append(row(cmd=["un all"], send="undebug all"))
    document["commands"].append(row(cmd=["undebug all"]))
    table = compile_table("ios.yaml", read_table("ios.yaml", document))
    command = table.lex("do un all").commands[0]
    found = resolve(table, "config", command, "do un all")
    assert isinstance(found, list)
    assert [match.canonical for match in found] == ["do undebug all"]
