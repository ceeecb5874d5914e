"""Who is the device it says it is; strangers and wrong passwords get the same."""

import base64
from dataclasses import replace

import pytest

from drivers.cwmp.device import DeviceId
from drivers.cwmp.known import KnownCpe
from drivers.cwmp.wire.digest import answer
from gateway.cwmp.sign_in import Doorkeeper, NotSignedIn, Shown, SignedIn, certificate_names, user_of

DEVICE = DeviceId(oui="00D09E", product_class="DSL2800", serial="AB-1")
KNOWN = KnownCpe(
    router_id="r1", router_name="home", subscriber_ref="s", device_key=DEVICE.key, user="u", password="p"
)  # fmt: skip
NOW = 1_700_000_000.0
KEEPER = Doorkeeper(b"0123456789abcdef")


def shown(**more):
    given = {"address": "192.0.2.1", "tls": False, "names": frozenset(), "authorization": None} | more
    return Shown(method="POST", target="/acs", **given)


def digest(user="u", password="p", *, at=NOW, peer="192.0.2.1"):
    fields = KEEPER.challenge(shown(address=peer), at)
    return answer([value for _, value in fields], "POST", "/acs", user, password, "c")


def basic(user="u", password="p"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def judge(known=KNOWN, device=DEVICE, keeper=KEEPER, **more):
    return keeper.judge(known, device, shown(**more), NOW)


@pytest.mark.parametrize(("tls", "identity"), [(False, "plain-digest"), (True, "tls-password")])
def test_digest(tls, identity):
    assert judge(authorization=digest(), tls=tls) == SignedIn(identity)


def test_basic_only_inside_tls_unless_it_is_allowed():
    assert judge(authorization=basic(), tls=True) == SignedIn("tls-password")
    assert judge(authorization=basic()) == NotSignedIn("weak")
    assert judge(authorization=basic(password="x")) == NotSignedIn("weak"), "it is not even looked at"
    assert judge(known=None, authorization=basic()) == NotSignedIn("unknown")
    lax = Doorkeeper(b"0123456789abcdef", plain_basic=True)
    assert judge(authorization=basic(), keeper=lax) == SignedIn("plain-basic")


def test_basic_is_offered_only_where_it_is_taken():
    plain = KEEPER.challenge(shown(), NOW)
    secure = KEEPER.challenge(shown(tls=True), NOW)
    assert not any(value.startswith("Basic") for _, value in plain)
    assert any(value.startswith("Basic") for _, value in secure)
    assert {name for name, _ in secure} == {"WWW-Authenticate"}


@pytest.mark.parametrize("sign", [digest, basic])
@pytest.mark.parametrize(("user", "password"), [("u", "x"), ("x", "p"), ("", ""), ("u", "")])
def test_wrong_ones(sign, user, password):
    assert judge(authorization=sign(user, password), tls=True) == NotSignedIn("credentials")


def test_unknown_devices():
    assert judge(known=None, authorization=digest()) == NotSignedIn("unknown")
    assert judge(known=None, names=frozenset({"00D09E-X"}), tls=True) == NotSignedIn("unknown")


def test_no_password_in_the_inventory_is_no_password_at_all():
    for known in (replace(KNOWN, user="", password=""), replace(KNOWN, password=""), replace(KNOWN, user="")):
        for user in ("", "u"):
            assert judge(known=known, authorization=basic(user, ""), tls=True) == NotSignedIn("credentials")


def test_an_old_challenge_or_one_of_another_address_is_stale():
    assert judge(authorization=digest(at=NOW - 4000)) == NotSignedIn("stale")
    assert judge(authorization=digest(peer="192.0.2.2")) == NotSignedIn("stale")


def test_a_digest_is_good_for_once_but_on_its_own_connection():
    header = digest()
    signed = judge(authorization=header)
    assert judge(authorization=header) == NotSignedIn("stale")
    assert judge(authorization=header, again=signed.response) == SignedIn("plain-digest")
    assert judge(known=None, authorization=header) == NotSignedIn("unknown")
    assert signed.response not in repr(signed)


def test_basic_and_certificates_may_be_repeated():
    for _ in range(2):
        assert judge(authorization=basic(), tls=True) == SignedIn("tls-password")
        assert judge(names=frozenset({"00D09E-AB%2D1"}), tls=True) == SignedIn("tls-certificate")


def test_names_that_prove_a_device():
    assert certificate_names(KNOWN, DEVICE) == {"00D09E-AB%2D1", "00D09E-DSL2800-AB%2D1"}
    assert certificate_names(replace(KNOWN, certificate_name="cpe.example"), DEVICE) == {"cpe.example"}


def test_certificates():
    assert judge(names=frozenset({"x", "00D09E-AB%2D1"}), tls=True) == SignedIn("tls-certificate")
    assert judge(names=frozenset({"00D09E-AB-2"}), tls=True) == NotSignedIn("certificate")
    assert judge(names=frozenset({"00D09E-AB-2"}), tls=True, authorization=digest()) == SignedIn("tls-password")
    registered = replace(KNOWN, certificate_name="cpe.example")
    assert judge(known=registered, names=frozenset({"00D09E-AB%2D1"}), tls=True) == NotSignedIn("certificate")
    assert judge(known=registered, names=frozenset({"cpe.example"}), tls=True) == SignedIn("tls-certificate")


def test_the_certificate_of_another_product_class_does_not_prove_a_serial_with_a_dash():
    other = DeviceId(oui="00D09E", product_class="AB", serial="1")
    assert judge(names=frozenset({other.key}), tls=True) == NotSignedIn("certificate")


def test_the_user_that_somebody_gives():
    assert user_of(None) == ""
    assert user_of("nonsense") == ""
    assert user_of(digest("somebody")) == "somebody"
