"""Links, codes and cookies: canonical, bound to their case, worthless without the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.ids import new_id
from gateway.consent.secrecy import (
    case_cookie,
    code_digest,
    code_text,
    cookie_case,
    form_token,
    is_code,
    link_digest,
    link_text,
    same,
)

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))


@given(st.binary(min_size=32, max_size=32))
def test_a_link_has_one_spelling(raw: bytes) -> None:
    text = link_text(raw)
    assert len(text) == 43
    assert link_digest(text) is not None
    for other in (text + "=", text + "A", text[:-1], " " + text, text + "\n"):
        assert link_digest(other) is None
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(text[-1])
    twin = text[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last ^ 1]
    assert link_digest(twin) is None, "unused bits of the last character must be zero"


@given(st.text(max_size=60))
def test_any_text_is_no_link(text: str) -> None:
    digest = link_digest(text)
    assert digest is None or len(text) == 43


@given(st.binary(min_size=16, max_size=16))
def test_a_code_is_eight_digits(raw: bytes) -> None:
    text = code_text(raw)
    assert len(text) == 8
    assert text.isdecimal()


def test_a_code_is_bound_to_request_rep_and_key() -> None:
    right = code_digest(KEY, "consent", "rep", "12345678")
    assert code_digest(KEY, "consent", "rep", " 1234-5678 ") == right, "as people type it"
    assert code_digest(KEY, "other", "rep", "12345678") != right
    assert code_digest(KEY, "consent", "other", "12345678") != right
    assert code_digest(KEY, "consentr", "ep", "12345678") != right
    assert code_digest(OTHER_KEY, "consent", "rep", "12345678") != right


def test_a_cookie_is_good_for_its_link_only() -> None:
    ref = new_id()
    cookie = case_cookie(KEY, ref)
    assert cookie_case(KEY, cookie) == ref
    assert cookie_case(OTHER_KEY, cookie) is None
    assert cookie_case(KEY, new_id() + cookie[26:]) is None
    assert cookie_case(KEY, cookie + "A") is None
    assert cookie_case(KEY, form_token(KEY, ref)) is None


@given(st.text(max_size=90))
def test_any_text_is_no_cookie(text: str) -> None:
    assert cookie_case(KEY, text) is None


@pytest.mark.parametrize(("one", "other", "equal"), [("a", "a", True), ("a", "b", False), ("é", "é", True),
                                                      ("", "a", False), ("\udcff", "\udcff", True)])  # fmt: skip
def test_same(one: str, other: str, equal: bool) -> None:
    assert same(one, other) is equal


@pytest.mark.parametrize(
    ("text", "fits"),
    [("12345678", True), (" 1234 5678", True), ("1234-5678", True), ("1234567", False), ("show version", False)],
)
def test_what_can_be_a_code(text: str, fits: bool) -> None:
    assert is_code(text) is fits
    assert not is_code("١٢٣٤٥٦٧٨")
