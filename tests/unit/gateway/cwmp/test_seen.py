"""Unknown devices are remembered for the operator, a bounded number of them."""

from datetime import UTC, datetime, timedelta

from gateway.cwmp.seen import SeenDevices

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_newest_first_and_how_often():
    seen = SeenDevices()
    seen.note("a", "192.0.2.1", "user", NOW, certificate=False)
    seen.note("b", "192.0.2.1", "", NOW, certificate=True)
    seen.note("a", "192.0.2.1", "user", NOW + timedelta(minutes=1), certificate=False)
    first, second = seen.newest_first()
    assert (first.device_key, first.times, first.first, first.last) == ("a", 2, NOW, NOW + timedelta(minutes=1))
    assert (second.device_key, second.certificate) == ("b", True)


def test_an_address_pushes_out_only_its_own():
    seen = SeenDevices(most=10, most_of_address=3)
    seen.note("theirs", "192.0.2.9", "", NOW, certificate=False)
    for number in range(50):
        seen.note(str(number), "192.0.2.1", "", NOW, certificate=False)
    assert [one.device_key for one in seen.newest_first()] == ["49", "48", "47", "theirs"]


def test_bounded():
    seen = SeenDevices(most=10, most_of_address=3)
    for number in range(50):
        seen.note("k", f"192.0.2.{number}", "", NOW, certificate=False)
    assert len(seen) == 10


def test_forgotten_when_registered():
    seen = SeenDevices()
    seen.note("a", "192.0.2.1", "", NOW, certificate=False)
    seen.note("a", "192.0.2.2", "", NOW, certificate=False)
    seen.forget("a")
    assert len(seen) == 0


def test_what_a_stranger_says_is_cut_short():
    seen = SeenDevices()
    seen.note("k" * 5000, "192.0.2.1", "u" * 5000, NOW, certificate=False)
    assert len(seen.newest_first()[0].device_key) == 600
    assert len(seen.newest_first()[0].user) == 64
