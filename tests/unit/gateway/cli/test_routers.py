"""`vestibule router`."""

import pytest

from gateway import exits

ROUTER = {"id": "01J", "name": "r-1", "platform": "openwrt", "subscriber_ref": "01JSUB", "lan": ["192.168.1.0/24"]}
SHA256 = "SHA256:vyLjL21n4xljpDPCHG7o25Im8tEfoSTUtjOoYI7EjNU"
ADD = ("router", "add", "r-1", "--address", "203.0.113.7", "--user", "gw")


@pytest.fixture
def password(tmp_path):
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    return file


def test_list(vestibule):
    vestibule.api.on("GET", "/v1/routers", [ROUTER])
    assert vestibule("router", "list").out.splitlines()[1].split() == ["r-1", "openwrt", "01JSUB", "192.168.1.0/24"]


def test_add_with_everything(vestibule, key_line, password, tmp_path):
    key = tmp_path / "gw_key"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n")
    vestibule.api.on("POST", "/v1/routers", ROUTER, 201)
    shown = vestibule(
        *ADD, "--port", "2022", "--platform", "openwrt", "--password-file", password, "--key-file", key,
        "--enable-password-file", password, "--contact", "mail:ann@example.net", "--language", "fr",
        "--lan", "192.168.1.0/24", "--lan", "fd00::/64", "--legacy", "ssh-rsa,aes128-cbc", "--legacy", "hmac-sha1",
        "--host-key", key_line, "--subscriber", "01JSUB",
    )  # fmt: skip
    assert shown.status == 0, shown.err
    assert SHA256 in shown.out
    [(_, _, body)] = vestibule.api.asked
    assert body == {
        "name": "r-1",
        "address": "203.0.113.7",
        "port": 2022,
        "host_key": key_line,
        "credential": {
            "user": "gw",
            "password": "hunter2",
            "private_key": key.read_text(),
            "enable_password": "hunter2",
        },
        "platform": "openwrt",
        "contact": {"kind": "mail", "address": "ann@example.net", "language": "fr"},
        "subscriber_ref": "01JSUB",
        "lan": ["192.168.1.0/24", "fd00::/64"],
        "legacy_algorithms": ["ssh-rsa", "aes128-cbc", "hmac-sha1"],
    }
    assert "hunter2" not in shown.out + shown.err


def test_the_password_may_come_from_standard_input(vestibule, key_line):
    vestibule.api.on("POST", "/v1/routers", ROUTER, 201)
    shown = vestibule(*ADD, "--password-file", "-", "--host-key", key_line, "--json", stdin="hunter2\n")
    assert shown.json == {**ROUTER, "host_key_fingerprint": SHA256}
    assert vestibule.api.asked[0][2]["credential"] == {"user": "gw", "password": "hunter2"}


def test_only_one_secret_may(vestibule, key_line):
    words = ("--password-file", "-", "--enable-password-file", "-", "--host-key", key_line)
    assert vestibule(*ADD, *words, stdin="x").status == exits.USAGE


def test_without_a_person_nobody_is_asked_for_a_password(vestibule, key_line):
    shown = vestibule(*ADD, "--host-key", key_line, stdin="")
    assert shown.status == exits.USAGE
    assert "name a file" in shown.err


def test_the_key_a_router_shows_is_not_pinned_unseen(vestibule, password, key_line):
    vestibule.api.on("POST", "/v1/host-keys", {"host_key": key_line, "fingerprint": SHA256})
    shown = vestibule(*ADD, "--password-file", password, stdin="")
    assert shown.status == exits.USAGE
    assert SHA256 in shown.err
    assert [path for _, path, _ in vestibule.api.asked] == ["/v1/host-keys"]


def test_the_key_a_router_shows_is_pinned_when_told_so(vestibule, password, key_line):
    vestibule.api.on("POST", "/v1/host-keys", {"host_key": key_line, "fingerprint": "SHA256:not what it says"})
    vestibule.api.on("POST", "/v1/routers", ROUTER, 201)
    shown = vestibule(*ADD, "--password-file", password, "--yes", "--legacy", "ssh-rsa")
    assert shown.status == 0
    assert SHA256 in shown.err, "worked out here from the key, not taken from the answer"
    looked, added = vestibule.api.asked
    assert looked[2] == {"address": "203.0.113.7", "port": 22, "legacy_algorithms": ["ssh-rsa"]}
    assert added[2]["host_key"] == key_line


@pytest.mark.parametrize("contact", ["ann@example.net", "fax:1", "mail:", ":x"])
def test_a_contact_says_its_kind(vestibule, password, contact):
    shown = vestibule(*ADD, "--password-file", password, "--contact", contact)
    assert shown.status == exits.USAGE
    assert vestibule.api.requests == []


@pytest.mark.parametrize("name", ["../x", "R-1", "a b", ""])
def test_a_name_never_becomes_a_path(vestibule, name):
    assert vestibule("router", "remove", name).status == exits.USAGE


def test_changes(vestibule, password, key_line):
    for method, path in (
        ("DELETE", "/v1/routers/r-1"),
        ("PUT", "/v1/routers/r-1/credential"),
        ("PUT", "/v1/routers/r-1/contact"),
        ("PUT", "/v1/routers/r-1/host-key"),
    ):
        vestibule.api.on(method, path)
    assert vestibule("router", "remove", "r-1").out == "r-1: removed.\n"
    assert vestibule("router", "credential", "r-1", "--user", "gw", "--password-file", password).status == 0
    assert vestibule("router", "contact", "r-1", "phone:+15145550100", "--json").json["router"] == "r-1"
    assert vestibule("router", "host-key", "r-1", "--host-key", key_line).out == f"r-1: host key {SHA256} pinned.\n"
    assert [body for _, _, body in vestibule.api.asked] == [
        None,
        {"user": "gw", "password": "hunter2"},
        {"kind": "phone", "address": "+15145550100", "language": "en"},
        {"host_key": key_line},
    ]


def test_another_host_key_is_asked_for_or_given(vestibule, key_line):
    assert vestibule("router", "host-key", "r-1").status == exits.USAGE
    vestibule.api.on("POST", "/v1/host-keys", {"host_key": key_line, "fingerprint": SHA256})
    vestibule.api.on("PUT", "/v1/routers/r-1/host-key")
    assert vestibule("router", "host-key", "r-1", "--address", "203.0.113.7", "--yes").status == 0
    assert vestibule.api.asked[1] == ("PUT", "/v1/routers/r-1/host-key", {"host_key": key_line})
