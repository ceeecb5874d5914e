"""Fault codes in sentences, and the gateway's own no."""

import pytest

from drivers.cwmp.faults import denied_to_acs, lines, sentence, soap_code
from drivers.cwmp.messages import Fault, ParameterFault


@pytest.mark.parametrize("code", [*range(9000, 9033), *range(8000, 8007), 9800, 9899, 8850, 7, -1])
def test_every_code_has_a_sentence_without_its_number(code):
    text = sentence(code)
    assert text.endswith(".")
    assert not any(char.isdigit() for char in text)


def test_codes_of_the_protocol_have_sentences_of_their_own():
    known = {sentence(code) for code in [*range(9000, 9033), *range(8000, 8007)]}
    assert len(known) == 33 + 7


@pytest.mark.parametrize(
    ("code", "word"), [(9005, "no such"), (9006, "wrong type"), (9007, "not allowed"), (9008, "read-only")]
)
def test_the_four_that_a_rep_meets(code, word):
    assert word in sentence(code)


def test_each_parameter_of_a_fault_has_its_line():
    fault = Fault(9003, "Invalid", (ParameterFault("Device.A", 9008, "x"), ParameterFault("Device.B", 9007)))
    assert lines(fault) == (
        "Device.A: This parameter is read-only. (fault 9008)",
        "Device.B: The value is not allowed for this parameter. (fault 9007)",
    )
    assert lines(Fault(9002, "boom")) == ("The router failed inside while it worked on this. (fault 9002)",)


def test_who_made_the_mistake():
    assert soap_code(9003) == "Client"
    assert soap_code(9001) == "Server"


@pytest.mark.parametrize("text", ["short", "x" * 256, "x" * 257, "ä" * 1000])
def test_the_no_to_an_acs_fits_its_field(text):
    fault = denied_to_acs(text)
    assert fault.code == 9001
    assert 0 < len(fault.text) <= 256
    assert fault.text[:5] == text[:5]
