"""Routers that speak TR-069 over REST: registered, shown, and their passwords told once."""

from datetime import UTC, datetime

import pytest

from audit.entry import Kind
from drivers.cwmp.known import KnownCpe
from gateway.session.cpes import Stranger, Turned

NEW = {
    "name": "home-7",
    "device": "00d09e-DSL%2d2800-ABC123",
    "contact": {"kind": "mail", "address": "ann@example.com"},
}
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Desk:
    """A `CpeDesk` with one of each."""

    acs_url = "https://acs.isp.example:7547/"
    certificate = ""

    def turned_away(self, router_id):
        return Turned(NOW, "credentials") if router_id == "id-8" else None

    def known(self):
        return [
            KnownCpe(
                router_id="id-7", router_name="home-7", subscriber_ref="s", device_key="00D09E-DSL-1", user="u",
                password="ACS-SECRET", cr_user="w", cr_password="WAKE-SECRET", cr_url="http://192.0.2.1:7547/x",
                root="Device.", software="1.0", identity="tls-password", informed_at=NOW, inform_seconds=300,
            ),
            KnownCpe(
                router_id="id-8", router_name="home-8", subscriber_ref="s", device_key="00D09E-DSL-2",
                certificate_name=self.certificate,
            ),
        ]  # fmt: skip

    def strangers(self):
        return [Stranger(device="X-Y-Z", address="192.0.2.9", user="", certificate=False, first=NOW, last=NOW, times=3)]

    def in_session(self, router_id):
        return router_id == "id-7"


async def test_a_cpe_is_registered_and_its_password_told_once(gateway):
    answer = await gateway.call("oli", "POST", "/v1/cpes", NEW)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["router"]["platform"] == "cwmp"
    assert body["sign_in"]["user"] == NEW["device"]
    assert len(body["sign_in"]["password"]) >= 24
    target = await gateway.service.parts.directory.target(body["router"]["id"])
    assert target.credential.password == body["sign_in"]["password"]
    password = body["sign_in"]["password"]
    for path in ("/v1/cpes", "/v1/routers"):
        assert password not in (await gateway.call("oli", "GET", path)).text
    assert {fact["act"] for fact in await gateway.facts(Kind.ADMIN_CHANGE)} == {"router.add"}
    again = await gateway.call("oli", "POST", "/v1/cpes", {**NEW, "name": "home-8"})
    assert again.status_code == 400
    assert "already registered" in again.json()["detail"]


async def test_with_a_certificate_there_is_no_password(gateway):
    answer = await gateway.call("oli", "POST", "/v1/cpes", {**NEW, "certificate_name": "cpe-7.isp.example"})
    assert answer.json()["sign_in"]["password"] is None
    both = {**NEW, "name": "x", "certificate_name": "a", "password": "long enough for all"}
    assert (await gateway.call("oli", "POST", "/v1/cpes", both)).status_code == 400


@pytest.mark.parametrize(
    "changes", [{"device": "nonsense"}, {"device": "a b"}, {"password": "short"}, {"name": "UPPER"}, {"odd": 1}]
)
async def test_what_is_wrong_is_refused_in_a_sentence(gateway, changes):
    answer = await gateway.call("oli", "POST", "/v1/cpes", {**NEW, **changes})
    assert answer.status_code in {400, 422}
    assert answer.json()["detail"]


@pytest.mark.parametrize("who", ["ada", "sue", "amy", "crm"])
async def test_only_operators_change_or_see_strangers(gateway, who):
    assert (await gateway.call(who, "POST", "/v1/cpes", NEW)).status_code == 403
    assert (await gateway.call(who, "GET", "/v1/cpes/strangers")).status_code == 403
    assert (await gateway.call(who, "POST", "/v1/cpes/home-7/sign-in", {})).status_code == 403


async def test_what_is_known_is_shown_without_secrets(gateway):
    gateway.app.state.cpes = Desk()
    answer = await gateway.call("ada", "GET", "/v1/cpes")
    assert "SECRET" not in answer.text
    first, second = answer.json()
    assert (first["model"], first["identity"], first["in_session"], first["can_be_woken"]) == (
        "tr181", "tls-password", True, True,
    )  # fmt: skip
    assert first["expected_at"] == "2026-11-23T12:05:00Z"
    assert (second["turned_away_at"], second["turned_away_why"]) == ("2026-11-23T12:00:00Z", "credentials")
    assert first["turned_away_why"] is None
    assert (second["model"], second["informed_at"], second["expected_at"]) == (None, None, None)
    assert (await gateway.call("amy", "GET", "/v1/cpes")).status_code == 403
    [stranger] = (await gateway.call("oli", "GET", "/v1/cpes/strangers")).json()
    assert (stranger["device"], stranger["times"]) == ("X-Y-Z", 3)


async def test_a_new_sign_in(gateway):
    made = (await gateway.call("oli", "POST", "/v1/cpes", NEW)).json()
    gateway.app.state.cpes = Desk()
    answer = await gateway.call("oli", "POST", "/v1/cpes/home-7/sign-in", {"user": "other"})
    assert answer.status_code == 200, answer.text
    target = await gateway.service.parts.directory.target(made["router"]["id"])
    assert (target.credential.user, target.credential.password) == ("other", answer.json()["password"])
    assert (await gateway.call("oli", "POST", "/v1/cpes/nobody/sign-in", {})).status_code == 400


async def test_a_router_with_a_certificate_keeps_it(gateway):
    desk = Desk()
    desk.certificate = "cpe-8.isp.example"
    gateway.app.state.cpes = desk
    answer = await gateway.call("oli", "POST", "/v1/cpes/home-8/sign-in", {})
    assert answer.status_code == 400
    assert "client certificate" in answer.json()["detail"]


async def test_a_password_that_was_given_is_not_told_back(gateway):
    gateway.app.state.cpes = Desk()
    answer = await gateway.call("oli", "POST", "/v1/cpes", {**NEW, "password": "given-by-the-operator"})
    assert (answer.status_code, "given-by" in answer.text) == (201, False)
    assert answer.json()["acs_url"] == "https://acs.isp.example:7547/"
    target = await gateway.service.parts.directory.target(answer.json()["router"]["id"])
    assert target.credential.password == "given-by-the-operator"
