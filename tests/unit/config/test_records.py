"""A record is a value: compared, hashed, copied and shown by its fields."""

import subprocess
import sys
from dataclasses import field, replace

import pytest

from config.records import record


@record
class Place:
    index: int
    leaf: bytes = field(default=b"", repr=False)


@record(kw_only=True)
class Named:
    name: str
    place: Place | None = None


def test_equal_fields_are_one_value():
    assert Place(1, b"a") == Place(1, b"a") != Place(1, b"b")
    assert len({Place(1), Place(1), Place(2)}) == 2
    assert Named(name="x") != Place(1)


def test_it_is_copied_with_changes_and_shown_without_what_is_not_to_be_shown():
    assert replace(Named(name="x"), place=Place(3)) == Named(name="x", place=Place(3))
    assert repr(Place(1, b"secret")) == "Place(index=1)"


def test_it_has_no_room_for_other_fields():
    with pytest.raises(AttributeError):
        Place(1).other = 2
    with pytest.raises(TypeError):
        Named("x")


def test_fields_are_matched_by_place_and_name():
    match Place(1, b"a"):
        case Place(index, leaf=leaf):
            assert (index, leaf) == (1, b"a")


def test_the_type_checker_refuses_to_change_one(tmp_path):
    source = tmp_path / "changes.py"
    source.write_text(
        "from config.records import record\n\n\n@record\nclass A:\n    a: int\n\n\nA(1).a = 2\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(source)],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "read-only" in done.stdout
