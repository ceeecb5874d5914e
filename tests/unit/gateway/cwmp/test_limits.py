"""Counting strangers, and folding what repeats."""

from gateway.cwmp.limits import Counts, Folded, Rationed


def test_counts_keep_nothing_at_zero():
    counts = Counts()
    counts.add("a")
    counts.add("a")
    counts.drop("a")
    assert counts["a"] == 1
    counts.drop("a")
    counts.drop("a")
    assert counts["a"] == 0
    assert len(counts) == 0


def test_the_first_is_recorded_at_once_and_the_others_as_a_number():
    folded = Folded("rest", seconds=60)
    assert folded.take("a", 0.0)
    assert not any(folded.take("a", float(second)) for second in range(1, 50))
    assert folded.due(59.0) == []
    assert folded.due(60.0) == [("a", 49)]
    assert not folded.take("a", 61.0), "it still goes on"
    assert folded.due(120.0) == [("a", 1)]
    assert folded.due(180.0) == []
    assert folded.take("a", 181.0), "it had ended"


def test_each_key_by_itself():
    folded = Folded("rest")
    assert folded.take("a", 0.0)
    assert folded.take("b", 0.0)


def test_many_keys_are_counted_as_the_rest():
    folded = Folded("rest", per_minute=3)
    assert [folded.take(str(number), 1.0) for number in range(6)] == [True] * 3 + [False] * 3
    assert folded.due(61.0) == [("rest", 3)]
    assert folded.take("later", 62.0)


def test_of_each_key_so_many_a_minute_and_the_rest_is_counted():
    rationed = Rationed[str](2)
    assert [rationed.take("a", 0.0) for _ in range(5)] == [0, 0, None, None, None]
    assert rationed.take("b", 1.0) == 0
    assert rationed.take("a", 61.0) == 3
    assert rationed.take("a", 61.0) == 0
    assert rationed.take("a", 61.0) is None
