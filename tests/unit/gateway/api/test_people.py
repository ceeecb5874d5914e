"""People over REST: operators change them, each change on record, secrets shown once."""

import hashlib
from base64 import b64decode

import httpx
import pyotp
import pytest

from audit.entry import Kind

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICzqLlZ1lU8cN9TJvUfd2SYcbpPUc1NR8kTWVFmzUTxX rep@laptop"


async def acts(gateway):
    return [fact["act"] for fact in await gateway.facts(Kind.ADMIN_CHANGE)]


async def test_a_person_from_first_to_last_day(gateway):
    new = {"name": "eve", "role": "rep", "uid": 2000, "training_until": "2027-01-01T00:00:00Z"}
    added = await gateway.call("oli", "POST", "/v1/people", new)
    assert added.status_code == 201
    assert added.json()["alias"].startswith("Rep ")
    assert added.json()["training_until"] == "2027-01-01T00:00:00Z"

    key = await gateway.call("oli", "POST", "/v1/people/eve/keys", {"key": KEY})
    assert (key.status_code, key.json()["fingerprint"]) == (201, hashlib.sha256(b64decode(KEY.split()[1])).hexdigest())
    secret = (await gateway.call("oli", "POST", "/v1/people/eve/totp")).json()["secret"]
    assert len(pyotp.TOTP(secret).now()) == 6
    listed = {one["name"]: one for one in (await gateway.call("oli", "GET", "/v1/people")).json()}
    assert listed["eve"]["totp_enrolled"] is True

    changed = await gateway.call("oli", "PATCH", "/v1/people/eve", {"disabled": True, "training_until": None})
    assert (changed.json()["disabled"], changed.json()["training_until"]) == (True, None)
    assert (await gateway.call("oli", "PATCH", "/v1/people/eve", {"disabled": False})).json()["disabled"] is False

    assert (await gateway.call("oli", "DELETE", "/v1/people/eve/totp")).status_code == 204
    path = f"/v1/people/eve/keys/{key.json()['fingerprint']}"
    assert (await gateway.call("oli", "DELETE", path)).status_code == 204
    assert (await gateway.call("oli", "DELETE", path)).json()["code"] == "bad_request"
    assert (await gateway.call("oli", "DELETE", "/v1/people/eve")).status_code == 204
    assert (await gateway.call("oli", "DELETE", "/v1/people/eve")).status_code == 400
    assert await acts(gateway) == [
        "person.add",
        "person.key.add",
        "person.totp.enrol",
        "person.disable",
        "person.training",
        "person.enable",
        "person.totp.remove",
        "person.key.remove",
        "person.key.remove",
        "person.remove",
        "person.remove",
    ]


async def test_a_machine_gets_tokens_that_work_until_they_are_withdrawn(gateway):
    await gateway.call("oli", "POST", "/v1/people", {"name": "net", "role": "automation"})
    made = await gateway.call("oli", "POST", "/v1/people/net/tokens")
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    gateway.tokens["net"] = made.json()["token"]
    assert (await gateway.call("net", "GET", "/v1/me")).json()["name"] == "net"
    assert (await gateway.call("oli", "DELETE", "/v1/people/net/tokens")).json() == {"removed": 1}
    assert (await gateway.call("net", "GET", "/v1/me")).status_code == 401
    person = await gateway.call("oli", "POST", "/v1/people/ada/tokens")
    assert (person.status_code, person.json()["code"]) == (400, "bad_request")


async def test_a_first_key_that_is_none_leaves_nobody_behind(gateway):
    new = {"name": "eve", "role": "rep", "key": "ssh-ed25519 nonsense"}
    assert (await gateway.call("oli", "POST", "/v1/people", new)).status_code == 400
    assert "eve" not in {one["name"] for one in (await gateway.call("oli", "GET", "/v1/people")).json()}


async def test_names_and_ids_are_taken_once(gateway):
    assert (await gateway.call("oli", "POST", "/v1/people", {"name": "ada", "role": "rep"})).status_code == 400
    same_uid = {"name": "eve", "role": "rep", "uid": 1000}
    assert (await gateway.call("oli", "POST", "/v1/people", same_uid)).status_code == 400


async def test_a_change_of_nothing_is_none(gateway):
    assert (await gateway.call("oli", "PATCH", "/v1/people/ada", {})).status_code == 400
    assert (await gateway.call("oli", "PATCH", "/v1/people/nobody", {"disabled": True})).status_code == 400


CHANGES = [
    ("POST", "/v1/people", {"name": "eve", "role": "operator"}),
    ("PATCH", "/v1/people/ada", {"disabled": True}),
    ("DELETE", "/v1/people/ada", None),
    ("POST", "/v1/people/ada/keys", {"key": KEY}),
    ("DELETE", "/v1/people/ada/keys/" + "0" * 64, None),
    ("POST", "/v1/people/ada/totp", None),
    ("DELETE", "/v1/people/ada/totp", None),
    ("POST", "/v1/people/crm/tokens", None),
    ("DELETE", "/v1/people/crm/tokens", None),
]


@pytest.mark.parametrize("who", ["ada", "sue", "amy", "crm"])
async def test_only_operators_change_people(gateway, who):
    for method, path, body in CHANGES:
        answer = await gateway.call(who, method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), (who, method, path)
    assert await acts(gateway) == []
    listing = await gateway.call(who, "GET", "/v1/people")
    assert listing.status_code == (200 if who in {"sue", "amy"} else 403)


async def test_a_change_that_cannot_be_recorded_is_not_made(gateway):
    gateway.entries.fail = OSError("disk")
    assert (await gateway.call("oli", "DELETE", "/v1/people/ada")).status_code == 503
    assert "ada" in {person.name for person in await gateway.registry.persons()}


async def test_secrets_are_in_no_entry(gateway):
    made = (await gateway.call("oli", "POST", "/v1/people/crm/tokens")).json()["token"]
    totp = (await gateway.call("oli", "POST", "/v1/people/ada/totp")).json()["secret"]
    assert isinstance(await gateway.call("oli", "GET", "/v1/me"), httpx.Response)
    reader = gateway.journal.reader()
    for entry in reader.entries():
        text = str(entry.facts) + str([reader.sealed(entry.index, name) for name in reader.compartments(entry.index)])
        assert made not in text
        assert totp not in text
