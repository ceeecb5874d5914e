"""What `gateway/policy/grammar.py` promises."""

from gateway.policy.grammar import Graph, Node, chain
from gateway.policy.pattern import Slot, parse_pattern
from gateway.policy.rule import Rule
from gateway.policy.types import Types

TYPES = Types({})
HOST = Slot("host", TYPES.find("host"), secret=False)


def root(*patterns: str, fold: bool = False) -> tuple[Graph, Node]:
    graph = Graph(fold=fold)
    items = []
    for order, pattern in enumerate(patterns):
        rule = Rule(f"x.{order}", order, pattern, "diagnose.read", 0)
        items.append((rule, chain(parse_pattern(pattern, lambda _n, _t: HOST))))
    return graph, graph.node(tuple(items))


def follow(node: Node, words: str) -> Node:
    for word in words.split():
        found = node.keyword(word)
        assert found is not None, word
        node = found[1]
    return node


def test_patterns_share_their_beginnings() -> None:
    _, node = root("show ip", "show ipv6", "ping <host>")
    assert [name for name, _ in node.beginning("")] == ["ping", "show"]
    assert [name for name, _ in follow(node, "show").beginning("ip")] == ["ip", "ipv6"]


def test_options_may_be_left_out() -> None:
    _, node = root("a [b] [c|d e]")
    assert [rule.pattern for rule in follow(node, "a").accepts] == ["a [b] [c|d e]"]
    assert follow(node, "a b d").accepts == ()
    assert follow(node, "a d e").accepts


def test_any_order_takes_each_part_once() -> None:
    _, node = root("p ([a] b [c])")
    assert follow(node, "p c b a").accepts
    assert follow(node, "p b").accepts
    assert follow(node, "p a c").accepts == ()
    assert follow(node, "p a").keyword("a") is None


def test_the_same_rest_is_the_same_node_whatever_the_order() -> None:
    _, node = root("p ([a] [b] [c])")
    assert follow(node, "p a b") is follow(node, "p b a")


def test_equal_slots_are_one_edge() -> None:
    _, node = root("x <host>", "x <host> y")
    assert len(follow(node, "x").slots) == 1


def test_folding_is_for_ascii_letters_the_table_wrote() -> None:
    graph, node = root("Show", fold=True)
    assert node.keyword(graph.key("SHOW")) is not None
    assert root("Show")[1].keyword("SHOW") is None
