"""The small parts of the mediator, each by itself."""

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.session import Preview
from gateway.mediation.display import LINE_LIMIT, Account, LineEnds
from gateway.mediation.events import LineTyped, Record, Throttle
from gateway.mediation.local import help_request, holds_control_characters, in_quotes
from gateway.mediation.messages import closing, time_left
from gateway.mediation.outbox import Item, Outbox
from gateway.mediation.queue import LineQueue
from gateway.policy.decide import own_line
from tests.playbooks.stage import START, Casting, Stage, bundle

# --- queue ------------------------------------------------------------------------------------------------------------


def test_queue_tells_to_wait_and_to_go_on() -> None:
    queue = LineQueue(4)
    assert [queue.push(line) for line in "abcdef"] == [[], [], [], [Throttle(on=True)], [], []]
    gone_on = []
    taken = []
    while len(queue):
        taken.append(queue.pop())
        gone_on += [(len(queue), effect) for effect in queue.room()]
    assert "".join(taken) == "abcdef"
    assert gone_on == [(2, Throttle(on=False))]


def test_queue_forgets() -> None:
    queue = LineQueue(2)
    queue.push("b")
    queue.push_front("a")
    queue.push("c")
    assert queue.clear() == 3
    assert queue.room() == [Throttle(on=False)]
    assert queue.room() == []
    with pytest.raises(IndexError):
        queue.pop()


# --- what a line would do ---------------------------------------------------------------------------------------------


def test_what_a_line_does_is_shown_before_the_question_masked_like_its_output() -> None:
    asked: list[str] = []

    def preview(line: str) -> Preview:
        asked.append(line)
        return Preview("counter: 5 -> 0\nenable secret hunter2\n", does=True)

    stage = Stage(Casting(pty=True, asks=True, preview=preview))
    stage.login()
    for line in ("clear counters", "n", "show version"):
        stage.play(LineTyped(line))
    effects = stage.take()
    assert "counter: 5 -> 0" in effects[0]
    assert "hunter2" not in "".join(effects)
    assert effects[1].startswith("say `clear counters` can interrupt")
    assert "blocked invalid counters.clear clear counters" in effects
    assert asked == ["clear counters"]


def test_a_line_that_would_do_nothing_is_answered_without_a_question() -> None:
    stage = Stage(Casting(pty=True, asks=True, preview=lambda _: Preview("Nothing to clear.\n", does=False)))
    stage.login()
    stage.play(LineTyped("clear counters"))
    assert stage.take() == [r"show clear counters\n", r"say Nothing to clear.\n", "show R1#"]


# --- outbox -----------------------------------------------------------------------------------------------------------


def record(wire: bytes) -> Record:
    return Record(verdict=own_line(bundle(), "no", "answer"), wire=wire, purpose="answer")


def test_outbox_asks_for_one_record_at_a_time() -> None:
    outbox, stage = Outbox(), Stage(Casting())
    first, second = Item("line", record(b"a")), Item("interrupt", record(b"b"))
    assert outbox.add(first) == [first.record]
    assert outbox.add(second) == []
    assert outbox.holds("interrupt")
    assert not outbox.holds("pager", "question")
    assert outbox.ask_next() == []
    assert outbox.answered(stage.proof(first.record).command) is first
    assert outbox.ask_next() == [second.record]
    assert outbox.answered(stage.proof(second.record).command) is second
    assert outbox.ask_next() == []
    assert not outbox.holds("interrupt")


def test_outbox_knows_what_it_asked_for() -> None:
    outbox, stage = Outbox(), Stage(Casting())
    assert outbox.answered(stage.proof(record(b"x")).command) is None
    outbox.add(Item("line", record(b"a")))
    with pytest.raises(ValueError, match="other bytes"):
        outbox.answered(stage.proof(record(b"x")).command)


# --- display ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("newline", "pieces", "shown"),
    [
        ("\n", ["a\r\nb\nc"], "a\nb\nc"),
        ("\r\n", ["a\r\nb\nc"], "a\r\nb\r\nc"),
        ("\n", ["a\r", "\nb"], "a\nb"),
        ("\n", ["a\r", "\r", "\nb"], "a\nb"),
        ("\r\n", ["a\r\r\n"], "a\r\n"),
        ("\n", ["10%\r20%\r", "30%"], "10%\r20%\r30%"),
        ("\n", ["a\r"], "a\r"),
        (None, ["a\r\nb\r", "\n\r\r"], "a\r\nb\r\n\r\r"),
    ],
)
def test_line_ends(newline: str | None, pieces: list[str], shown: str) -> None:
    ends = LineEnds(newline)
    assert "".join(map(ends.feed, pieces)) + ends.flush() == shown


@given(st.text(alphabet="a\r\n", max_size=40), st.sampled_from(["\n", "\r\n"]), st.integers(1, 5))
def test_line_ends_in_pieces(text: str, newline: str, size: int) -> None:
    whole, pieces = LineEnds(newline), LineEnds(newline)
    cut = "".join(pieces.feed(text[start : start + size]) for start in range(0, len(text), size))
    assert whole.feed(text) + whole.flush() == cut + pieces.flush()


def test_account() -> None:
    account = Account()
    for text in ("\r\n", "\x1b[1mfir", "st\x1b[0m line\nsecond\n", "x" * 5000 + "\n", "last é  \n\n"):
        account.add(text)
    assert account.first_line == "first line"
    assert account.last_line == "last é"
    whole = "\r\n\x1b[1mfirst\x1b[0m line\nsecond\n" + "x" * 5000 + "\nlast é  \n\n"
    assert account.digest == hashlib.sha256(whole.encode()).digest()
    assert account.output_bytes == len(whole.encode())


def test_account_of_nothing() -> None:
    account = Account()
    assert (account.first_line, account.last_line, account.output_bytes) == ("", "", 0)
    assert account.digest == hashlib.sha256(b"").digest()


def test_account_cuts_long_lines() -> None:
    account = Account()
    for _ in range(100):
        account.add("y" * 1000)
    assert len(account.first_line) == len(account.last_line) == LINE_LIMIT


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("?", ""),
        ("show ?", "show "),
        ("show ip?", "show ip"),
        ("show ? ", "show "),
        ("show ip", None),
        ("show log | include a?", None),
        ("uci set x='a?", None),
        ('description "a?', None),
        ("uci set x='a' ?", "uci set x='a' "),
        ("", None),
    ],
)
def test_help_request(line: str, before: str | None) -> None:
    assert help_request(line) == before


def test_quotes() -> None:
    assert in_quotes("it's")
    assert not in_quotes("'a' \"b\"")
    assert in_quotes("\"it's")


@pytest.mark.parametrize("char", ["\x00", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"])
def test_control_characters(char: str) -> None:
    assert holds_control_characters(f"a{char}b")


def test_text_is_no_control_character() -> None:
    assert not holds_control_characters("show 'é€' ~ \xa0 日本")


@pytest.mark.parametrize(
    ("seconds", "text"), [(30, "30 seconds"), (89, "89 seconds"), (119, "2 minutes"), (-5, "0 seconds")]
)
def test_time_left(seconds: float, text: str) -> None:
    assert time_left(START, START + timedelta(seconds=seconds)) == text


def test_closing_is_a_sentence() -> None:
    for reason in ("revoked", "expired", "killed", "frozen", "idle", "shutdown", "strikes", "record_failed", "odd"):
        assert closing(reason).endswith(".")
