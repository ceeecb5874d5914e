"""`audit.export.request`: what can be asked for, and what is refused with a sentence."""

import pytest

from audit.export.request import BadExport, Disclosure, ExportRequest, disclosure_for
from config.ids import new_id


def test_words_there_and_back():
    found = Disclosure.parse(" rec, act ,17:who,17:who,")
    assert found.words() == ["act", "rec", "17:who"]
    assert Disclosure.parse(",".join(found.words())) == found
    assert found.allows(3, "act")
    assert found.allows(17, "who")
    assert not found.allows(18, "who")
    assert found.recording


@pytest.mark.parametrize("words", ["all", "act,x", "17:x", "17:rec", "-1:act", "17", "who:17"])
def test_parts_that_are_none(words):
    with pytest.raises(BadExport):
        Disclosure.parse(words)


def test_what_profiles_lay_open_by_themselves():
    assert disclosure_for("court", None) == disclosure_for("auditor", None) == Disclosure()
    assert disclosure_for("subscriber", None).compartments == {"subj", "act", "out", "rec"}
    assert disclosure_for("subscriber", "act").compartments == {"act"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sessions": ()}, "Nothing was asked for"),
        ({"basis": "  "}, "needs a basis"),
        ({"basis": "x" * 501}, "longer than 500"),
        ({"profile": "auditor"}, "heads and proofs"),
        ({"profile": "subscriber", "disclosure": Disclosure.parse("3:who")}, "names nobody"),
    ],
)
def test_requests_that_are_none(changes, why):
    values = {"profile": "court", "sessions": (new_id(),), "disclosure": Disclosure.parse("act"), "basis": "gdpr-15"}
    with pytest.raises(BadExport, match=why):
        ExportRequest(**{**values, **changes})


@pytest.mark.parametrize(
    ("basis", "token"), [("gdpr-15", "gdpr-15"), ("Order of Judge Smith", "other"), ("SMITH", "other")]
)
def test_only_a_short_word_stands_in_the_open(basis, token):
    assert ExportRequest(profile="court", sessions=(new_id(),), basis=basis).basis_token == token
