"""How often a one-time code may be guessed."""

from datetime import UTC, datetime, timedelta

from gateway.access.wrong_codes import FIRST_WAIT, FREE, LONGEST_WAIT, WrongCodes

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_a_few_wrong_codes_are_free() -> None:
    codes = WrongCodes()
    for _ in range(FREE - 1):
        codes.tried("ada", NOW)
    assert not codes.wait("ada", NOW)


def test_waits_double_up_to_an_hour() -> None:
    codes, now, waits = WrongCodes(), NOW, []
    for _ in range(FREE + 10):
        codes.tried("ada", now)
        waits.append(codes.wait("ada", now))
        now += waits[-1]
    assert waits[FREE - 1 : FREE + 2] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT


def test_a_wait_ends_and_belongs_to_one_person() -> None:
    codes = WrongCodes()
    for _ in range(FREE):
        codes.tried("ada", NOW)
    assert codes.wait("ada", NOW + timedelta(seconds=59)) == timedelta(seconds=1)
    assert not codes.wait("ada", NOW + timedelta(seconds=60))
    assert not codes.wait("bob", NOW)


def test_the_right_code_begins_anew() -> None:
    codes = WrongCodes()
    for _ in range(FREE):
        codes.tried("ada", NOW)
    codes.right("ada")
    codes.tried("ada", NOW)
    assert not codes.wait("ada", NOW)


def test_a_day_of_guessing_is_not_worth_it() -> None:
    codes, now, tried = WrongCodes(), NOW, 0
    while now < NOW + timedelta(days=1):
        codes.tried("ada", now)
        now += max(codes.wait("ada", now), timedelta(seconds=1))
        tried += 1
    assert tried * 3 < 100  # three codes of a million count at any time
