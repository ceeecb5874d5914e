"""A report never says just that all is well, and its exit code is the worst of what it found."""

import pytest

from audit.verify.report import ClockStep, Problem, Report, SessionCheck

BAD = Problem("contradiction", 7, "it was changed")
GONE = Problem("missing", None, "the checkpoint file is not there")


def session(**changes):
    values = {
        "session": "S",
        "consent_ref": "C",
        "state": "closed",
        "entries": 5,
        "commands": 2,
        "blocked": 1,
        "chunks": 1,
        "unanswered": (),
        "close_reason": "logout",
    }
    return SessionCheck(**{**values, **changes})


def report(**changes):
    values = {
        "origin": "logs.isp/1",
        "signer": "logs.isp/1+00000000+AAAA",
        "size": 10,
        "root": bytes(32),
        "signed_size": 8,
        "entries_checked": 10,
        "sessions": (session(),),
        "clock_steps": (),
        "starts": 1,
        "parts_committed": 4,
        "parts_checked": 4,
        "chunks_recorded": 1,
        "chunks_checked": 1,
        "keys_given": True,
        "problems": (),
    }
    return Report(**{**values, **changes})


@pytest.mark.parametrize(("problems", "code"), [((), 0), ((GONE,), 2), ((BAD,), 1), ((GONE, BAD, GONE), 1)])
def test_exit_codes(problems, code):
    assert report(problems=problems).exit_code == code


def test_the_lines_say_what_was_looked_at():
    text = "\n".join(report().lines())
    for part in (
        "10 (10 recomputed)",
        "00" * 32,
        "8 entries, signed by logs.isp/1+",
        "2 entries after",
        "1 complete, 0 not",
    ):
        assert part in text
    assert text.endswith("\nverified")


def test_the_lines_name_every_finding():
    open_session = session(session="T", state="open", reasons=("it is not closed (open)",), unanswered=(3, 5))
    found = report(problems=(GONE, BAD), sessions=(session(), open_session), clock_steps=(ClockStep(4, -90.0),))
    text = "\n".join(found.lines())
    assert "contradiction: entry 7: it was changed" in text
    assert "missing: the checkpoint file is not there" in text
    assert "incomplete  session T: it is not closed (open)" in text
    assert "2 without a result" in text
    assert "moved by -90.000 s before entry 4" in text
    assert "CONTRADICTION" in text.splitlines()[-1]
    assert (found.unanswered, found.beyond_checkpoint) == (2, 2)
    assert [check.complete for check in found.sessions] == [True, False]


def test_without_a_checkpoint_none_is_mentioned():
    text = "\n".join(report(signed_size=0, problems=(GONE,)).lines())
    assert "signed by" not in text
    assert text.endswith("\nINCOMPLETE")
