"""Rows for single models; a file that is wrong says where."""

from dataclasses import fields
from importlib.resources import files
from pathlib import Path

import pytest

from drivers.cwmp.device import DeviceId
from drivers.cwmp.quirks import STRICT, Changes, QuirkBook, Quirks
from drivers.errors import DriverError

ROW = """quirks:
  - match: {oui: '00D09E', product_class: 'DSL*', software: '1.*'}
    set: {batch: 8}
    why: seen in the lab
"""


def device(oui: str = "00D09E", product_class: str = "DSL2800") -> DeviceId:
    return DeviceId(oui=oui, product_class=product_class, serial="1")


def test_the_defaults_are_the_protocol():
    assert QuirkBook().for_device(device()) == STRICT == Quirks()


@pytest.mark.parametrize(
    ("who", "software", "fits"),
    [
        (device(), "1.2", True),
        (device("00d09e", "dsl"), "1.", True),
        (device(), "2.1", False),
        (device(), "", False),
        (device("00D09F"), "1.2", False),
        (device(product_class="ADSL"), "1.2", False),
    ],
)
def test_all_that_a_row_names_must_fit(who, software, fits):
    assert (QuirkBook.parse("f", ROW).for_device(who, software) != STRICT) is fits


def test_the_last_row_that_fits_wins_key_by_key():
    text = (
        "quirks:\n"
        "  - {match: {oui: '00D09E'}, set: {batch: 8, boolean_form: '1'}, why: first of two}\n"
        "  - {match: {product_class: 'DSL*'}, set: {batch: 4}, why: second of two}\n"
    )
    assert QuirkBook.parse("f", text).for_device(device()) == Quirks(batch=4, boolean_form="1")


@pytest.mark.parametrize(
    ("oui", "product_class", "quirk"),
    [
        ("001BBF", "Fast2764GV", {"root_path_names": True}),
        ("1027F5", "TD-W9970", {"boolean_form": "1"}),
        ("FFFFFF", "easycwmp", {"fresh_connection_request": True}),
        ("00040E", "FRITZ!Box", {}),
        ("00D09E", "Other", {}),
    ],
)
def test_the_rows_that_ship(oui, product_class, quirk):
    assert QuirkBook.shipped().for_device(device(oui, product_class), "any") == Quirks(**quirk)


def test_every_quirk_can_be_set_and_is_told_about():
    keys = {field.name for field in fields(Quirks)}
    assert set(Changes.model_fields) == keys
    page = (Path(__file__).resolve().parents[4] / "docs" / "reference" / "cwmp-quirks.md").read_text(encoding="utf-8")
    assert [key for key in sorted(keys) if f"| `{key}` |" not in page] == []


def test_every_quirk_is_acted_on_somewhere():
    """A key that nobody reads would be a promise that nobody keeps."""
    root = Path(__file__).resolve().parents[4]
    code = [path for part in ("drivers", "gateway") for path in (root / part).rglob("*.py") if path.name != "quirks.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in code)
    assert [field.name for field in fields(Quirks) if f".{field.name}" not in text] == []


def test_the_file_ships_beside_the_settings():
    assert files("config").joinpath("quirks.yaml").is_file()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("batch: 8", "batch: 0", r"row 1: set\.batch: "),
        ("batch: 8", "batch: '8'", r"row 1: set\.batch: .*integer"),
        ("batch: 8", "batsch: 8", r"row 1: set\.batsch is not known here; known are boolean_form"),
        ("batch: 8", "boolean_form: yes", r"row 1: set\.boolean_form: "),
        ("{batch: 8}", "{}", r"row 1: set: set at least one of boolean_form"),
        ("'00D09E'", "'00D09'", r"row 1: match\.oui: '00D09' is no OUI"),
        ("'00D09E'", "12345", r"row 1: match\.oui: "),
        ("oui: '00D09E', product_class: 'DSL*', ", "", r"row 1: match: give oui, product_class or both"),
        ("'DSL*'", "'**'", r"row 1: match\.product_class: '\*\*' matches everything"),
        ("'DSL*'", '"a\\x01"', r"row 1: match\.product_class: .*control character"),
        ("software", "firmware", r"row 1: match\.firmware is not known here; known are oui"),
        ("    why: seen in the lab\n", "", r"row 1: why: Field required"),
        ("quirks:", "quirk:", r"quirks: Field required"),
        (ROW, "", r"valid dictionary"),
        (ROW, "{", r"not valid YAML"),
        (ROW, "quirks: {a: 1}", r"quirks: "),
    ],
)
def test_a_wrong_file_says_which_row_and_key(old, new, told, tmp_path):
    assert old in ROW
    path = tmp_path / "own.yaml"
    path.write_text(ROW.replace(old, new), encoding="utf-8")
    with pytest.raises(DriverError, match=told) as caught:
        QuirkBook.load(path)
    assert str(path) in str(caught.value)


def test_a_file_of_ones_own_is_read(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(ROW, encoding="utf-8")
    assert QuirkBook.load(path).for_device(device(), "1.0").batch == 8


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_what_cannot_be_read_says_so(content, tmp_path):
    path = tmp_path / "own.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DriverError, match=r"own\.yaml (cannot be read|is not UTF-8)"):
        QuirkBook.load(path)


def test_a_pattern_of_many_stars_takes_no_time():
    text = ROW.replace("DSL*", "a*" * 31 + "b")
    assert QuirkBook.parse("f", text).for_device(device(product_class="a" * 64), "1.") == STRICT
