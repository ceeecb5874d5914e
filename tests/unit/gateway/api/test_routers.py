"""Routers over REST: registered with a host key that was compared; credentials go in and never come out."""

import hashlib
from base64 import b64decode, b64encode

import pytest

from audit.entry import Kind
from drivers.errors import RouterUnreachable
from gateway.api.probe import Prober

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHTHeQpGjDL2YaVZyOoxgV2Ph80OPxkaWvVj6gdlErhI"
NEW = {
    "name": "r-9",
    "platform": "openwrt",
    "address": "203.0.113.77",
    "host_key": HOST_KEY,
    "credential": {"user": "gw", "password": "hunter2-and-more"},
    "contact": {"kind": "phone", "address": "+1 514 555 0100", "language": "fr"},
    "lan": ["192.168.7.0/24"],
    "legacy_algorithms": ["ssh-rsa"],
}


async def acts(gateway):
    return [fact["act"] for fact in await gateway.facts(Kind.ADMIN_CHANGE)]


async def test_a_router_is_registered_with_everything_it_needs(gateway):
    answer = await gateway.call("oli", "POST", "/v1/routers", NEW)
    assert answer.status_code == 201, answer.text
    assert "hunter2" not in answer.text
    body = answer.json()
    assert (body["name"], body["platform"], body["lan"]) == ("r-9", "openwrt", ["192.168.7.0/24"])
    directory = gateway.service.parts.directory
    target = await directory.target(body["id"])
    assert (target.address, target.port, target.host_key) == ("203.0.113.77", 22, HOST_KEY)
    assert target.credential.password == "hunter2-and-more"
    assert target.legacy_algorithms == {"ssh-rsa"}
    assert (await directory.contacts(body["subscriber_ref"]))[0].address == "+15145550100"
    names = [one["name"] for one in (await gateway.call("crm", "GET", "/v1/routers")).json()]
    assert names == ["r-1", "r-2", "r-9"]


async def test_its_parts_are_replaced_and_it_is_forgotten(gateway):
    made = (await gateway.call("oli", "POST", "/v1/routers", NEW)).json()
    directory = gateway.service.parts.directory
    other_key = HOST_KEY[:-6] + "AAAAAA"
    for part, body in (
        ("credential", {"user": "gw2", "enable_password": "en"}),
        ("host-key", {"host_key": other_key}),
        ("contact", {"kind": "mail", "address": "b@example.com"}),
    ):
        answer = await gateway.call("oli", "PUT", f"/v1/routers/r-9/{part}", body)
        assert (answer.status_code, answer.content) == (204, b""), answer.text
        assert (await gateway.call("oli", "PUT", f"/v1/routers/none/{part}", body)).status_code == 400
    target = await directory.target(made["id"])
    assert (target.credential.user, target.credential.password, target.host_key) == ("gw2", None, other_key)
    assert [one.address for one in await directory.contacts(made["subscriber_ref"])] == ["b@example.com"]
    assert (await gateway.call("oli", "DELETE", "/v1/routers/r-9")).status_code == 204
    assert await directory.target(made["id"]) is None


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"platform": "amiga"}, 400),
        ({"host_key": "ssh-ed25519 nonsense"}, 400),
        ({"name": "vestibule"}, 400),
        ({"name": "r-1"}, 400),
        ({"name": "R 1"}, 422),
        ({"port": 0}, 422),
        ({"port": 70000}, 422),
        ({"address": "not an address"}, 422),
        ({"address": "2130706433"}, 422),
        ({"lan": ["192.168.1.1/24"]}, 400),
        ({"legacy_algorithms": ["rot13"]}, 400),
        ({"contact": {"kind": "mail", "address": "nobody"}}, 400),
        ({"subscriber_ref": "x"}, 422),
        ({"platform": None}, 400),
    ],
)
async def test_what_is_not_taken_leaves_nothing_behind(gateway, changes, status):
    answer = await gateway.call("oli", "POST", "/v1/routers", {**NEW, **changes})
    assert answer.status_code == status, answer.text
    assert "hunter2" not in answer.text
    assert [one["name"] for one in (await gateway.call("oli", "GET", "/v1/routers")).json()] == ["r-1", "r-2"]


@pytest.mark.parametrize("who", ["ada", "sue", "amy", "crm"])
async def test_only_operators_change_the_inventory(gateway, who):
    for method, path, body in (
        ("POST", "/v1/routers", NEW),
        ("DELETE", "/v1/routers/r-1", None),
        ("PUT", "/v1/routers/r-1/credential", {"user": "x"}),
        ("PUT", "/v1/routers/r-1/host-key", {"host_key": HOST_KEY}),
        ("PUT", "/v1/routers/r-1/contact", {"kind": "mail", "address": "b@example.com"}),
        ("POST", "/v1/host-keys", {"address": "203.0.113.77"}),
    ):
        answer = await gateway.call(who, method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), (who, path)
    assert await acts(gateway) == []
    assert (await gateway.call(who, "GET", "/v1/routers")).status_code == (403 if who == "amy" else 200)


# --- looking at a router before it is registered ----------------------------------------------------------------------


class Looking:
    """A prober that remembers what it was asked."""

    def __init__(self, platform="ios"):
        self.asked = []
        self.sent = []
        self.platform = platform

    async def fetch_host_key(self, address, port, *, legacy_algorithms):
        self.asked.append((address, port, legacy_algorithms))
        if address == "192.0.2.66":
            raise RouterUnreachable("No SSH host key could be read.")
        return HOST_KEY

    async def detect_platform(self, target, *, before_probe):
        self.asked.append(target)
        await before_probe(b"show version\n")
        self.sent.append(b"show version\n")
        return self.platform


def prober(looking):
    return Prober(fetch_host_key=looking.fetch_host_key, detect_platform=looking.detect_platform)


async def test_the_key_that_a_router_shows_is_read_and_not_pinned(build):
    looking = Looking()
    async for gateway in build(prober=prober(looking)):
        place = {"address": "203.0.113.77", "port": 2222, "legacy_algorithms": ["ssh-rsa"]}
        answer = await gateway.call("oli", "POST", "/v1/host-keys", place)
        digest = hashlib.sha256(b64decode(HOST_KEY.split()[1])).digest()
        shown = "SHA256:" + b64encode(digest).decode().rstrip("=")  # as ssh-keygen -l prints it
        assert answer.json() == {"host_key": HOST_KEY, "fingerprint": shown}
        assert looking.asked == [("203.0.113.77", 2222, frozenset({"ssh-rsa"}))]
        gone = await gateway.call("oli", "POST", "/v1/host-keys", {"address": "192.0.2.66"})
        assert (gone.status_code, gone.json()["code"]) == (502, "router_unreachable")


async def test_the_platform_is_seen_by_logging_in_with_the_pinned_key_and_the_probe_is_on_record_before(build):
    looking = Looking()
    async for gateway in build(prober=prober(looking)):
        answer = await gateway.call("oli", "POST", "/v1/routers", {**NEW, "platform": None})
        assert (answer.status_code, answer.json()["platform"]) == (201, "ios")
        assert looking.asked[0].host_key == HOST_KEY
        assert await acts(gateway) == ["router.probe", "router.add"]


async def test_nothing_is_asked_of_a_router_if_it_cannot_be_recorded(build):
    looking = Looking()
    async for gateway in build(prober=prober(looking)):
        gateway.entries.fail = OSError("disk")
        answer = await gateway.call("oli", "POST", "/v1/routers", {**NEW, "platform": None})
        assert answer.status_code == 503
        assert looking.sent == []


async def test_a_platform_that_cannot_be_told_is_to_be_named(build):
    async for gateway in build(prober=prober(Looking(platform=None))):
        answer = await gateway.call("oli", "POST", "/v1/routers", {**NEW, "platform": None})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_a_gateway_that_does_not_look_says_so(gateway):
    answer = await gateway.call("oli", "POST", "/v1/host-keys", {"address": "203.0.113.77"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
