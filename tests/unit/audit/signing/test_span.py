"""Spans: any cut of a log into spans leads to the same frontier as its leaves one by one."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.signing.span import Span, subtree_heights
from audit.tlog.merkle import Frontier


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(count)]


def frontier(count: int) -> Frontier:
    grown = Frontier()
    grown.extend(leaves(count))
    return grown


@given(st.lists(st.integers(0, 300), max_size=6))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    places = sorted({0, *cuts})
    log = leaves(places[-1])
    whole, tree = Span(0), Frontier()
    for low, high in pairwise(places):
        part = Span(low)
        part.extend(log[low:high])
        assert (part.start, part.end, len(part)) == (low, high, high - low)
        whole = whole.then(part)
        tree = part.grow(tree)
    assert whole.nodes == tree.nodes == frontier(places[-1]).nodes


@given(st.integers(0, 2**63), st.integers(0, 2**63))
def test_any_gap_is_few_subtrees(first: int, second: int) -> None:
    low, high = sorted((first, second))
    heights = list(subtree_heights(low, high))
    assert sum(1 << height for height in heights) == high - low
    assert len(heights) <= 126


@given(st.integers(0, 200), st.integers(0, 200))
def test_goes_through_nodes_unchanged(first: int, second: int) -> None:
    low, high = sorted((first, second))
    part = Span(low)
    part.extend(leaves(high)[low:])
    again = Span(low, high, part.nodes)
    assert again.grow(frontier(low)).nodes == frontier(high).nodes


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Span(0, 3, leaves(3))
    with pytest.raises(ValueError, match="does not fit"):
        Span(0, 1, [b"short"])
    with pytest.raises(ValueError, match="before it begins"):
        Span(3, 2)
    with pytest.raises(ValueError, match="does not follow"):
        Span(2, 3, leaves(1)).grow(frontier(1))
