"""Digest and Basic, both sides: the standards' examples, odd peers, and what must not get in."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cwmp.wire.cookies import new_session_id, read_cookies, session_ids, set_cookie
from drivers.cwmp.wire.digest import Challenger, SignIn, Stale, Verified, Wrong, answer, read_challenges
from drivers.errors import LoginRefused

NOW, PEER = 1_700_000_000.0, "203.0.113.7"
USERS = {
    "00D09E-DSL%2D1-ABC": "pass word",
    "Mufasa": "Circle Of Life",
    "jörg": "schlüssel",
    'a"b\\c': 'x"y\\z',
    "empty": "",
}


def challenger(**options) -> Challenger:
    return Challenger(b"s" * 16, "vestibule", **options)


def signed(
    user: str, password: str, *, ours: Challenger | None = None, uri: str = "/acs", now: float = NOW, **more
) -> str:
    return answer((ours or challenger()).challenge(NOW, PEER), "POST", uri, user, password, "0a4f113b")


def verified(header: str, *, ours: Challenger | None = None, method="POST", target="/acs", now=NOW, peer=PEER, **more):
    return (ours or challenger()).verify(header, method, target, USERS.get, now, peer, **more)


# --- the standards' examples ------------------------------------------------------------------------------------------

RFC_2617 = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
CNONCE_7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def test_the_example_of_rfc_2617():
    said = answer(RFC_2617, "GET", "/dir/index.html", "Mufasa", "Circle Of Life", "0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in said
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in said
    assert "algorithm" not in said


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm, response):
    both = [RFC_7616.format(algorithm)]
    said = answer(both, "GET", "/dir/index.html", "Mufasa", "Circle of Life", CNONCE_7616)
    assert f'response="{response}"' in said
    assert f"algorithm={algorithm}" in said
    assert "qop=auth, nc=00000001" in said


# --- odd challenges ---------------------------------------------------------------------------------------------------


def parameters(header: str) -> dict[str, str]:
    [said] = read_challenges(header)
    return dict(said.parameters)


@pytest.mark.parametrize(
    ("challenge", "qop"),
    [
        ('Digest realm="r", nonce="n"', None),
        ('Digest realm="r", nonce="n", qop=undefined', None),
        ('Digest realm="r", nonce="n", qop=""', None),
        ('Digest realm="r", nonce="n", qop="auth"', "auth"),
        ('Digest realm="r", nonce="n", qop=auth', "auth"),
        ('Digest realm="r", nonce="n", qop="auth", qop="auth"', "auth"),
        ('Digest realm="r", nonce="n", qop="auth-int", qop="auth"', "auth"),
        ('Digest realm="r", nonce="n", qop="AUTH-INT , Auth"', "auth"),
        ('Digest realm="r", nonce="n", qop="auth-int"', "auth-int"),
        ('dIGEST REALM="r",NONCE="n",QOP="auth"', "auth"),
        ('Digest realm = "r" ,, nonce= n , qop="auth",', "auth"),
        ('Basic realm="x", Digest realm="r", nonce="n"', None),
        ('Digest realm="x", nonce="x", algorithm=SHA-1, Digest realm="r", nonce="n", qop="auth"', "auth"),
    ],
)
def test_an_odd_challenge_is_answered_in_its_own_terms(challenge, qop):
    said = parameters(answer(challenge, "GET", "/x?y", "u", "p", "c"))
    assert (said["realm"], said["nonce"], said["uri"]) == ("r", "n", "/x?y")
    assert said.get("qop") == qop
    assert ("nc" in said, "cnonce" in said, "opaque" in said) == (qop is not None, qop is not None, False)


def test_session_variants_say_the_client_nonce():
    said = parameters(answer('Digest realm="r", nonce="n", algorithm="md5-sess"', "GET", "/", "u", "p", "c"))
    assert (said["algorithm"], said["cnonce"]) == ("md5-sess", "c")
    assert "qop" not in said


@pytest.mark.parametrize(
    "challenge",
    [
        *("", "Negotiate", "Bearer", 'Digest realm="r"', 'Digest nonce="n"', "Digest", '"', "=", 'Digest realm="r'),
        *('Digest realm="r", nonce="n", algorithm=SHA-512-256', 'Basic realm="r"', "NTLM TlRMTVNTUAAB/=="),
    ],
)
def test_a_challenge_that_cannot_be_answered_gets_no_credential(challenge):
    with pytest.raises(LoginRefused) as caught:
        answer(challenge, "GET", "/", "user-name", "pass-word", "c")
    assert not any(word in str(caught.value) for word in ("user-name", "pass-word"))


def test_basic_is_answered_only_if_allowed_and_alone():
    assert answer('Basic realm="r"', "GET", "/", "jörg", "p:w", "c", basic=True) == (
        "Basic " + base64.b64encode("jörg:p:w".encode()).decode()
    )
    assert answer(['Basic realm="r"', 'Digest realm="r", nonce="n"'], "GET", "/", "u", "p", "c", basic=True).startswith(
        "Digest "
    )


def test_a_sign_in_counts_its_requests_and_says_nothing_unasked():
    sign_in = SignIn("u", "secret-password")
    assert sign_in.header("POST", "/", "c") is None
    assert "secret-password" not in repr(sign_in)
    sign_in.challenged([RFC_2617])
    counts = [parameters(sign_in.header("POST", "/", "c") or "")["nc"] for _ in range(3)]
    sign_in.challenged([RFC_2617])
    counts.append(parameters(sign_in.header("POST", "/", "c") or "")["nc"])
    assert counts == ["00000001", "00000002", "00000003", "00000001"]


# --- who gets in ------------------------------------------------------------------------------------------------------


def test_a_client_that_hashes_with_md5_whatever_it_says():
    """It read several challenges as one, and the name of the last one stayed."""
    header = signed("Mufasa", "Circle Of Life").replace("algorithm=MD5", "algorithm=SHA-256")
    assert verified(header) == Verified("Mufasa", "digest")
    assert isinstance(verified(header.replace('response="', 'response="0')), Wrong)
    both = challenger(algorithms=("SHA-256",))
    assert isinstance(verified(header, ours=both), Wrong)
    assert isinstance(verified(signed("Mufasa", "wrong").replace("MD5", "SHA-256")), Wrong)


@pytest.mark.parametrize("algorithms", [("MD5",), ("SHA-256",), ("MD5", "SHA-256"), ("SHA-256", "MD5")])
@pytest.mark.parametrize("user", [user for user in USERS if USERS[user]])
def test_who_knows_the_password_gets_in(algorithms, user):
    ours = challenger(algorithms=algorithms)
    header = signed(user, USERS[user], ours=ours)
    assert verified(header, ours=ours) == Verified(user, "digest")
    later = signed(user, USERS[user], ours=ours)
    assert verified(later, ours=ours, now=NOW + 299) == Verified(user, "digest")
    assert f"algorithm={algorithms[0]}" in header


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


@given(NAMES, NAMES, NAMES)
def test_any_name_and_password_is_signed_with_and_recognised(user, password, other):
    header = answer(challenger().challenge(NOW, PEER), "POST", "/acs", user, password, "c")
    known = {user: password}.get
    assert challenger().verify(header, "POST", "/acs", known, NOW, PEER) == Verified(user, "digest")
    if other != password:
        assert isinstance(challenger().verify(header, "POST", "/acs", {user: other}.get, NOW, PEER), Wrong)


def test_a_backslash_that_was_not_escaped_is_understood():
    header = signed("a\\b", "p").replace('"a\\\\b"', '"a\\b"')
    assert challenger().verify(header, "POST", "/acs", {"a\\b": "p"}.get, NOW, PEER) == Verified("a\\b", "digest")


def test_old_clients_sign_in_latin_1():
    header = answer(challenger().challenge(NOW, PEER), "POST", "/acs", "u", "p", "c")
    said = parameters(header)
    from hashlib import md5

    def of(*parts: str) -> str:
        return md5(":".join(parts).encode("latin-1")).hexdigest()

    response = of(of("jörg", "vestibule", "schlüssel"), said["nonce"], "00000001", "c", "auth", of("POST", "/acs"))
    forged = header.replace(said["response"], response).replace('username="u"', 'username="jörg"')
    assert verified(forged) == Verified("jörg", "digest")
    extended = forged.replace('username="jörg"', "username*=UTF-8''j%C3%B6rg")
    utf8 = signed("jörg", "schlüssel").replace('username="jÃ¶rg"', "username*=UTF-8''j%C3%B6rg")
    assert isinstance(verified(extended), Wrong), "the name was hashed in another charset than it is written in"
    assert verified(utf8) == Verified("jörg", "digest")


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("/acs", "http://acs.example:7547/acs"),
        ("http://acs.example/acs", "/acs"),
        ("https://acs.example", "/"),
        ("/acs?next=http://x/y", "/acs?next=http://x/y"),
    ],
)
def test_a_target_may_be_an_absolute_uri(uri, target):
    assert isinstance(verified(signed("Mufasa", "Circle Of Life", uri=uri), target=target), Verified)


@pytest.mark.parametrize("change", [{"now": NOW + 301}, {"now": NOW - 2}, {"peer": "203.0.113.8"}])
def test_an_old_or_foreign_nonce_is_stale_for_who_knows_the_password(change):
    header = signed("Mufasa", "Circle Of Life")
    assert verified(header, **change) == Stale("Mufasa")
    wrong = signed("Mufasa", "wrong")
    assert isinstance(verified(wrong, **change), Wrong)


def test_a_nonce_of_an_earlier_start_is_stale():
    before = Challenger(b"t" * 16, "vestibule")
    assert verified(signed("Mufasa", "Circle Of Life", ours=before)) == Stale("Mufasa")
    again = challenger().challenge(NOW, PEER, stale=True)
    assert all("stale=true" in value for value in again)
    assert verified(answer(again, "POST", "/acs", "Mufasa", "Circle Of Life", "c")) == Verified("Mufasa", "digest")


def test_a_nonce_may_not_be_made_up():
    nonce = parameters(challenger().challenge(NOW, PEER)[0])["nonce"]
    for forged in (
        nonce[:-1] + ("0" if nonce[-1] != "0" else "1"),
        "ffffffffff" + nonce[10:],
        "x",
        nonce.upper() + "0",
    ):
        header = answer(
            f'Digest realm="vestibule", nonce="{forged}", qop="auth"', "POST", "/acs", "Mufasa", USERS["Mufasa"], "c"
        )
        assert verified(header) == Stale("Mufasa")


# --- a digest is good for once ----------------------------------------------------------------------------------------


def test_an_answer_is_stale_the_second_time_but_for_who_may_repeat_it():
    ours = challenger()
    header = signed("Mufasa", "Circle Of Life", ours=ours)
    first = verified(header, ours=ours)
    assert first == Verified("Mufasa", "digest")
    assert verified(header, ours=ours) == Stale("Mufasa")
    assert verified(header.replace(first.response, first.response.upper()), ours=ours) == Stale("Mufasa")
    assert verified(header, ours=ours, again="0" * 32) == Stale("Mufasa")
    assert verified(header, ours=ours, again=first.response) == Verified("Mufasa", "digest")
    assert verified(header, ours=ours, again=first.response, now=NOW + 301) == Stale("Mufasa")
    assert first.response not in repr(first)


def test_a_right_password_makes_as_many_answers_to_a_nonce_as_it_likes():
    ours = challenger()
    challenge = ours.challenge(NOW, PEER)
    for nc, cnonce in ((1, "a"), (2, "a"), (1, "b"), (7, "b")):
        header = answer(challenge, "POST", "/acs", "Mufasa", USERS["Mufasa"], cnonce, nc=nc)
        assert verified(header, ours=ours) == Verified("Mufasa", "digest")


def test_without_qop_a_nonce_is_good_for_one_answer():
    ours = challenger(without_qop=True)
    challenge = ours.challenge(NOW, PEER)[0].replace('qop="auth", ', "")
    header = answer(challenge, "POST", "/acs", "Mufasa", USERS["Mufasa"], "a")
    assert answer(challenge, "POST", "/acs", "Mufasa", USERS["Mufasa"], "b") == header
    assert verified(header, ours=ours) == Verified("Mufasa", "digest")
    assert verified(header, ours=ours) == Stale("Mufasa")


def test_a_wrong_answer_uses_nothing_up():
    ours = challenger()
    header = signed("Mufasa", "Circle Of Life", ours=ours)
    assert isinstance(ours.verify(header, "POST", "/acs", {"Mufasa": "other"}.get, NOW, PEER), Wrong)
    assert verified(header, ours=ours) == Verified("Mufasa", "digest")


def test_no_two_challenges_have_the_same_nonce():
    ours = challenger()
    assert len({ours.challenge(NOW, PEER)[0] for _ in range(1000)}) == 1000


# --- and who stays outside --------------------------------------------------------------------------------------------


def edits(header: str) -> list[tuple[str, str]]:
    said = parameters(header)
    return [
        ("user", header.replace("Mufasa", "Nobody")),
        ("user", header.replace(said["response"], "0" * 32)),
        ("user", header.replace(said["response"], "é")),
        ("user", header.replace("nc=00000001", "nc=00000002")),
        ("user", header.replace('cnonce="0a4f113b"', 'cnonce="x"')),
        ("user", header.replace('username="Mufasa", ', "")),
        ("missing", header.replace(f'response="{said["response"]}"', 'response=""')),
        ("missing", header.replace('cnonce="0a4f113b"', 'cnonce=""')),
        ("missing", header.replace("nc=00000001", "nc=x")),
        ("missing", header.replace("nc=00000001, ", "")),
        ("realm", header.replace("vestibule", "other")),
        ("target", header.replace("/acs", "/acs?x")),
        ("algorithm", header.replace("algorithm=MD5", "algorithm=MD5-sess")),
        ("algorithm", header.replace("algorithm=MD5", "algorithm=SHA-512-256")),
        ("qop", header.replace("qop=auth", "qop=auth-int")),
        ("qop", header.replace("qop=auth, nc=00000001, ", "")),
        ("twice", header + ', uri="/acs"'),
        ("no Digest", header.replace("Digest ", "Digest x, ")),
        ("no Digest", header.replace("Digest ", "Bearer ")),
        ("no Digest", ""),
        ("too long", header + " " * 9000),
        ("Basic", "Basic TXVmYXNhOkNpcmNsZSBPZiBMaWZl"),
    ]


def test_anything_else_stays_outside_and_the_record_says_why():
    for reason, header in edits(signed("Mufasa", "Circle Of Life")):
        verdict = verified(header)
        assert isinstance(verdict, Wrong), header
        assert reason in verdict.why, (verdict.why, header)
        assert not any(word in verdict.why for word in ("Mufasa", "Circle", "/acs"))
    header = signed("Mufasa", "Circle Of Life")
    assert isinstance(verified(header, method="GET"), Wrong)
    assert isinstance(verified(header, target="/other"), Wrong)


def test_an_empty_password_signs_nobody_in():
    assert isinstance(verified(signed("empty", "")), Wrong)
    assert isinstance(verified(signed("unknown", "")), Wrong)
    assert isinstance(verified("Basic " + base64.b64encode(b"empty:").decode(), basic=True), Wrong)


def test_the_form_of_rfc_2069_is_taken_only_if_enabled():
    challenge = challenger().challenge(NOW, PEER)[0].replace('qop="auth", ', "")
    header = answer(challenge, "POST", "/acs", "Mufasa", "Circle Of Life", "c")
    assert isinstance(verified(header), Wrong)
    assert verified(header, ours=challenger(without_qop=True)) == Verified("Mufasa", "digest")


@pytest.mark.parametrize(
    ("pair", "user"),
    [
        ("Mufasa:Circle Of Life", "Mufasa"),
        ("jörg:schlüssel", "jörg"),
        ("Mufasa:wrong", None),
        ("Nobody:", None),
        ("Mufasa", None),
    ],
)
def test_basic_where_it_is_taken(pair, user):
    for charset in ("utf-8", "latin-1"):
        header = "basic " + base64.b64encode(pair.encode(charset)).decode()
        verdict = verified(header, basic=True)
        assert verdict == Verified(user, "basic") if user else isinstance(verdict, Wrong)
        assert isinstance(verified(header), Wrong)
    assert isinstance(verified("Basic !!!", basic=True), Wrong)


def test_basic_is_offered_last_and_only_on_demand():
    assert [value.split()[0] for value in challenger().challenge(NOW, PEER)] == ["Digest", "Digest"]
    assert challenger().challenge(NOW, PEER, basic=True)[-1] == 'Basic realm="vestibule"'


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_no_text_of_a_peer_makes_it_fail_otherwise(text):
    assert isinstance(verified("Digest " + text, basic=True), Wrong)
    assert isinstance(verified("Basic " + text, basic=True), Wrong)
    read_challenges(text)
    with pytest.raises(LoginRefused):
        answer("X" + text.replace("igest", ""), "GET", "/", "u", "p", "c")


# --- cookies ----------------------------------------------------------------------------------------------------------

ID, OTHER = "0123456789abcdef" * 2, "f" * 32


@pytest.mark.parametrize(
    "headers",
    [
        [f"session={ID}"],
        [f'session="{ID}"'],
        [f"a=b; session={ID}"],
        [f"a=b, session={ID}"],
        [f'$Version="1"; session="{ID}"; $Path="/"'],
        [f"$Version=1,session={ID},$Path=/"],
        ["a=b", f" session = {ID} ;"],
        [f"session={ID}; session={ID}"],
        [f"session=; session=xyz; session={ID}"],
        [f"session={ID}; Path=/; HttpOnly"],
    ],
)
def test_cookies_are_read_however_they_are_written(headers):
    assert session_ids(headers) == (ID,)


def test_several_sessions_are_told_in_order_and_others_not_at_all():
    assert session_ids([f"session={ID}; session={OTHER}"]) == (ID, OTHER)
    assert session_ids([f"sessions={ID}", f"session={ID}0", "session", "", "=;=,", 'session="' + ID]) == ()
    assert read_cookies(['a="b c"; d=e=f']) == (("a", "b c"), ("d", "e=f"))


def test_what_is_set():
    made = {new_session_id() for _ in range(100)}
    assert len(made) == 100
    assert set_cookie(ID, secure=False) == f"session={ID}; Path=/; HttpOnly"
    assert set_cookie(ID, secure=True).endswith("; Secure")
    assert session_ids([set_cookie(ID, secure=True)]) == (ID,)


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_no_cookie_makes_it_fail(text):
    assert all(len(found) == 32 for found in session_ids([text, f"session={text}"]))
