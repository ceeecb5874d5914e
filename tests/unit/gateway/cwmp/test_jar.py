"""Cookies of the provider's ACS."""

from gateway.cwmp.jar import LONGEST, MOST_COOKIES, CookieJar


def jar(*values: str) -> CookieJar:
    made = CookieJar()
    made.take([("set-cookie", value) for value in values])
    return made


def test_no_cookie_no_header() -> None:
    assert CookieJar().header is None
    assert jar().header is None


def test_names_and_values_come_back_without_attributes() -> None:
    assert jar("session=abc123; Path=/cwmp; HttpOnly", "lb=node-2").header == "session=abc123; lb=node-2"


def test_the_last_value_counts_and_the_other_headers_do_not() -> None:
    made = jar("session=a", "session=b")
    made.take([("content-type", "text/xml"), ("Set-Cookie", "lb=1"), ("cookie", "session=c")])
    assert made.header == "session=b; lb=1"


def test_a_cookie_is_taken_back() -> None:
    assert jar("session=a", "session=; Max-Age=0").header is None
    assert jar("session=a", "session=b; max-age=-1").header is None
    assert jar("session=a; Max-Age=100").header == "session=a"
    assert jar("session=a; Max-Age=").header == "session=a"


def test_what_is_no_cookie_is_left_out() -> None:
    assert jar("", "=", "nothing", "a b=c", "a=b c", "a=b\x01", "a=b,c", 'a="').header is None
    assert jar('a="quoted"').header == 'a="quoted"'


def test_an_ACS_cannot_fill_the_memory() -> None:
    assert jar("a=" + "x" * LONGEST).header is None
    many = jar(*[f"c{n}=1" for n in range(2 * MOST_COOKIES)])
    assert (many.header or "").count("=") == MOST_COOKIES
