"""Times as people write them. Finding is tested with the player (tests/unit/audit/test_replay.py)."""

import pytest

from audit.recording.errors import BadRecording
from audit.recording.seek import parse_time


@pytest.mark.parametrize(
    ("text", "seconds"), [("65", 65), ("1:05", 65), ("1:02:03.5", 3723.5), (" 0 ", 0), ("90:00", 5400), ("0.25", 0.25)]
)
def test_times(text, seconds):
    assert parse_time(text) == int(seconds * 1_000_000)


@pytest.mark.parametrize("text", ["", "x", "1:", ":1", "-1", "1:2:3:4", "1e3", "٣"])
def test_what_is_no_time(text):
    with pytest.raises(BadRecording):
        parse_time(text)
