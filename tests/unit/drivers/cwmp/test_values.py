"""What `drivers/cwmp/values.py` promises: a value is checked before it is sent, and written as the model takes it."""

import pytest

from drivers.cwmp.quirks import STRICT, Quirks
from drivers.cwmp.values import BadValue, same, written

ONES = Quirks(boolean_form="1", strip_milliseconds=True)


@pytest.mark.parametrize(
    ("value", "kind", "quirks", "sent"),
    [
        ("on", "xsd:boolean", STRICT, "true"),
        ("FALSE", "xsd:boolean", STRICT, "false"),
        ("yes", "boolean", ONES, "1"),
        ("false", "xsd:boolean", ONES, "0"),
        ("007", "xsd:unsignedInt", STRICT, "7"),
        ("-5", "xsd:int", STRICT, "-5"),
        ("+5", "xsd:long", STRICT, "5"),
        ("2026-01-31T12:00:00.123Z", "xsd:dateTime", ONES, "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00+01:00", "xsd:dateTime", STRICT, "2026-01-31T12:00:00+01:00"),
        ("AAEC", "xsd:base64", STRICT, "AAEC"),
        ("00fF", "xsd:hexBinary", STRICT, "00fF"),
        (" any text ", "xsd:string", STRICT, " any text "),
        ("x", "vendor:odd", STRICT, "x"),
    ],
)
def test_values_in_the_form_of_the_model(value, kind, quirks, sent):
    assert written("Device.X", value, kind, quirks) == sent


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("hush", "xsd:boolean"),
        ("-1", "xsd:unsignedInt"),
        ("4294967296", "xsd:unsignedInt"),
        ("99999999999", "xsd:int"),
        ("1.5", "xsd:int"),
        ("\u0661", "xsd:int"),
        ("2026-02-31T12:00:00Z", "xsd:dateTime"),
        ("tomorrow", "xsd:dateTime"),
        ("hush!", "xsd:base64"),
        ("\u00e9", "xsd:base64"),
        ("abc", "xsd:hexBinary"),
        ("0g", "xsd:hexBinary"),
    ],
)
def test_what_does_not_fit_is_refused_without_being_repeated(value, kind):
    with pytest.raises(BadValue, match=r"^Device\.X takes ") as caught:
        written("Device.X", value, kind, STRICT)
    assert value not in str(caught.value)


def test_same_values_in_two_spellings():
    assert same("1", "true", "xsd:boolean")
    assert not same("1", "false", "xsd:boolean")
    assert same("007", "7", "xsd:int")
    assert not same("a", "A", "xsd:string")
    assert not same("", "0", "xsd:int")
