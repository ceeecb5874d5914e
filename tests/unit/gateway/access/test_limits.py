"""The token bucket: a minute's worth at once, then evenly."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.access.limits import MOST_BUCKETS, Limited, Limiter, Passed


def test_a_minutes_worth_passes_at_once_and_then_one_after_another():
    limiter = Limiter(60)
    assert [limiter.take("crm", 0.0) for _ in range(60)] == [Passed()] * 60
    assert limiter.take("crm", 0.0) == Limited(retry_seconds=1, first=True)
    assert limiter.take("crm", 0.5) == Limited(retry_seconds=1, first=False)
    assert limiter.take("crm", 1.0) == Passed()
    assert limiter.take("crm", 1.0) == Limited(retry_seconds=1, first=True)


def test_callers_do_not_share():
    limiter = Limiter(1)
    assert limiter.take("crm", 0.0) == Passed()
    assert limiter.take("bot", 0.0) == Passed()
    assert limiter.take("crm", 0.0) == Limited(retry_seconds=60, first=True)


def test_whoever_waits_as_long_as_told_is_let_in():
    limiter = Limiter(7)
    for _ in range(7):
        limiter.take("crm", 100.0)
    told = limiter.take("crm", 100.0)
    assert isinstance(told, Limited)
    assert limiter.take("crm", 100.0 + told.retry_seconds) == Passed()


def test_a_clock_that_goes_back_gives_nothing_away():
    limiter = Limiter(1)
    limiter.take("crm", 100.0)
    assert isinstance(limiter.take("crm", 40.0), Limited)
    assert isinstance(limiter.take("crm", 100.0), Limited)


def test_memory_is_bounded_and_who_is_limited_stays_so():
    limiter = Limiter(1)
    limiter.take("crm", 1000.0)
    for number in range(3 * MOST_BUCKETS):
        limiter.take(f"source {number}", number / 1000)
    assert len(limiter) <= MOST_BUCKETS
    assert isinstance(limiter.take("crm", 1000.0), Limited)


@given(
    per_minute=st.integers(1, 1000),
    steps=st.lists(st.floats(0, 30, allow_nan=False), max_size=300),
)
def test_never_more_than_a_minutes_worth_and_what_filled_up_since(per_minute, steps):
    limiter, now, passed = Limiter(per_minute), 0.0, 0
    for step in steps:
        now += step
        passed += isinstance(limiter.take("crm", now), Passed)
    assert passed <= per_minute + now * per_minute / 60 + 1e-6
