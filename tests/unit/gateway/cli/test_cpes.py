"""`vestibule cpe`."""

import pytest

from gateway import exits

ROUTER = {"id": "01J", "name": "home-7", "platform": "cwmp", "subscriber_ref": "01JSUB", "lan": []}
SIGN_IN = {"by": "password", "user": "u-7", "password": "made-by-the-gateway"}
MADE = {"router": ROUTER, "device": "00D09E-DSL-1", "acs_url": "https://acs.isp.example/", "sign_in": SIGN_IN}
CPE = {
    "router": "home-7", "device": "00D09E-DSL-1", "model": "tr181", "software": "1.0", "identity": "tls-password",
    "informed_at": "2026-11-23T12:00:00Z", "expected_at": "2026-11-23T12:05:00Z", "can_be_woken": True,
    "in_session": False, "turned_away_at": None, "turned_away_why": None,
}  # fmt: skip


def test_add_prints_what_is_put_into_the_router(vestibule):
    vestibule.api.on("POST", "/v1/cpes", MADE, 201)
    shown = vestibule("cpe", "add", "home-7", "--device", "00D09E-DSL-1", "--contact", "mail:ann@example.net")
    assert shown.status == 0, shown.err
    assert "made-by-the-gateway" in shown.out
    assert "https://acs.isp.example/" in shown.out
    [(_, _, body)] = vestibule.api.asked
    assert body["contact"] == {"kind": "mail", "address": "ann@example.net", "language": "en"}
    assert (body["name"], body["device"]) == ("home-7", "00D09E-DSL-1")
    assert "password" not in body


def test_a_password_comes_from_a_file_and_is_not_shown_by_us(vestibule, tmp_path):
    file = tmp_path / "p"
    file.write_text("given-by-the-operator\n")
    vestibule.api.on("POST", "/v1/cpes", {**MADE, "sign_in": {"by": "certificate", "user": "u", "password": None}}, 201)
    shown = vestibule("cpe", "add", "home-7", "--device", "X-Y-Z", "--password-file", file)
    assert vestibule.api.asked[0][2]["password"] == "given-by-the-operator"
    assert "its client certificate" in shown.out
    words = ("--password-file", file, "--certificate-name", "c")
    assert vestibule("cpe", "add", "home-7", "--device", "X-Y-Z", *words).status == exits.USAGE


@pytest.mark.parametrize("name", ["UPPER", "a/b", ""])
def test_a_name_that_is_none(vestibule, name):
    assert vestibule("cpe", "add", name, "--device", "X-Y-Z").status == exits.USAGE
    assert vestibule("cpe", "sign-in", name).status == exits.USAGE


def test_list_and_strangers(vestibule):
    never = {**CPE, "router": "home-8", "model": None, "software": None, "identity": None, "informed_at": None}
    vestibule.api.on("GET", "/v1/cpes", [CPE, {**never, "expected_at": None, "can_be_woken": False}])
    lines = vestibule("cpe", "list").out.splitlines()
    assert "can be woken" in lines[1]
    assert "never called" in lines[2]
    seen = {"device": "X-Y-Z", "address": "192.0.2.1", "user": "", "certificate": False, "last": "t", "times": 3}
    vestibule.api.on("GET", "/v1/cpes/strangers", [{**seen, "first": "t"}])
    assert "X-Y-Z" in vestibule("cpe", "strangers").out


def test_nobody_calls(vestibule):
    vestibule.api.on("GET", "/v1/cpes/strangers", [])
    assert "No unknown device" in vestibule("cpe", "strangers").out


def test_sign_in(vestibule):
    vestibule.api.on("POST", "/v1/cpes/home-7/sign-in", MADE["sign_in"])
    assert "made-by-the-gateway" in vestibule("cpe", "sign-in", "home-7").out


def test_who_was_turned_away_is_seen(vestibule):
    turned = {**CPE, "turned_away_at": "2026-11-23T12:00:00Z", "turned_away_why": "credentials"}
    vestibule.api.on("GET", "/v1/cpes", [turned])
    assert "turned away" in vestibule("cpe", "list").out


def test_a_given_password_is_not_printed(vestibule):
    vestibule.api.on("POST", "/v1/cpes", {**MADE, "acs_url": None, "sign_in": {**SIGN_IN, "password": None}}, 201)
    assert "(as given)" in vestibule("cpe", "add", "home-7", "--device", "X-Y-Z").out
