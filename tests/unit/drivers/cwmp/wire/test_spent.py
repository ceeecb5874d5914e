"""Used answers are remembered as long as their nonces hold, and a bounded number of them."""

import tracemalloc
from hashlib import md5

from hypothesis import given
from hypothesis import strategies as st

from drivers.cwmp.wire.spent import Spent


def answer(number):
    return f"{number:016x}{'0' * 16}"


def test_what_was_used_is_remembered():
    spent = Spent(300)
    spent.add(answer(1), 1000.0)
    assert answer(1) in spent
    assert answer(2) not in spent
    assert spent.remembers(999)


def test_after_the_lifetime_of_a_nonce_it_is_forgotten():
    spent = Spent(300)
    for number, now in enumerate((1000.0, 1400.0, 1800.0)):
        spent.add(answer(number), now)
    assert [answer(number) in spent for number in range(3)] == [False, True, True]
    assert len(spent) == 2


def test_nonces_of_a_time_that_was_forgotten_are_not_taken_any_more():
    spent = Spent(300, most=10)
    for number in range(25):
        spent.add(answer(number), 1000.0 + number)
    assert answer(0) not in spent
    assert not spent.remembers(1009)
    assert not spent.remembers(1010)
    assert spent.remembers(1011)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 400)), max_size=200))
def test_nothing_is_good_twice_while_its_nonce_holds(steps):
    """Each answer is to a nonce of the second in which it was first used, or of up to 5 s before."""
    spent, now, used = Spent(300, most=8), 1000, []
    for number, (age, pause) in enumerate(steps):
        now += pause
        used.append((answer(number), now - age))
        spent.add(answer(number), float(now))
        for response, issued in used:
            assert now - issued > 300 or not spent.remembers(issued) or response in spent
    assert len(spent) <= 16


def test_ten_thousand_are_small():
    tracemalloc.start()
    spent = Spent(300)
    for number in range(10_000):
        spent.add(md5(b"%d" % number, usedforsecurity=False).hexdigest(), 1000.0)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 600_000


def test_the_same_answer_twice_is_one_and_none_is_like_the_empty_place():
    spent = Spent(300)
    for response in ("0" * 32, "0" * 32, "1" * 32):
        spent.add(response, 1000.0)
    assert len(spent) == 2
    assert "0" * 32 in spent


@given(st.sets(st.integers(0, 2**64 - 1), max_size=40), st.sets(st.integers(0, 3), max_size=4))
def test_it_is_a_set_also_where_answers_fall_on_the_same_place(anywhere, low):
    alike = {1 << 40 | number << 33 for number in low}  # the same place, and the same way on from there
    numbers = {number for number in anywhere | alike if number > 1}
    spent = Spent(300, most=64)
    for number in numbers:
        spent.add(answer(number), 1000.0)
    assert len(spent) == len(numbers)
    assert all(answer(number) in spent for number in numbers)
    assert not any(answer(number ^ 1 << 63) in spent for number in numbers if number ^ 1 << 63 not in numbers)
