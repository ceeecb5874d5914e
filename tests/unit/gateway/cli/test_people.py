"""`vestibule person`."""

import stat

import pytest

from gateway import exits

PERSON = {
    "id": "01J", "name": "alice", "role": "rep", "alias": "Rep 7F3A", "disabled": False, "totp_enrolled": True,
    "training_until": "2026-12-31T23:59:59Z",
}  # fmt: skip


def test_list(vestibule):
    vestibule.api.on("GET", "/v1/people", [PERSON])
    assert vestibule("person", "list", "--json").json == [PERSON]
    head, row = vestibule("person", "list").out.splitlines()
    assert head.split()[:3] == ["name", "role", "alias"]
    assert row.split() == ["alice", "rep", "Rep", "7F3A", "no", "yes", "2026-12-31", "23:59:59Z"]


def test_add(vestibule, key_line, tmp_path):
    file = tmp_path / "alice.pub"
    file.write_text(key_line)
    vestibule.api.on("POST", "/v1/people", PERSON, 201)
    shown = vestibule(
        "person", "add", "alice", "--role", "rep", "--key", file, "--uid", "1000", "--training", "2026-12-31"
    )
    assert shown.status == 0
    body = {"name": "alice", "role": "rep", "key": key_line, "uid": 1000, "training_until": "2026-12-31T23:59:59Z"}
    assert vestibule.api.asked == [("POST", "/v1/people", body)]


def test_what_is_not_said_is_not_sent(vestibule):
    vestibule.api.on("POST", "/v1/people", PERSON, 201)
    vestibule("person", "add", "alice", "--role", "rep")
    assert vestibule.api.asked[0][2] == {"name": "alice", "role": "rep"}


def test_a_machine_with_its_token(vestibule):
    vestibule.api.on("POST", "/v1/people", {**PERSON, "name": "crm", "role": "automation"}, 201)
    vestibule.api.on("POST", "/v1/people/crm/tokens", {"token": "T0K3N"}, 201)
    assert "T0K3N\n" in vestibule("person", "add", "crm", "--role", "automation", "--token").out
    assert vestibule("person", "add", "crm", "--role", "automation", "--token", "--json").json["token"] == "T0K3N"


def test_a_person_has_no_token(vestibule):
    assert vestibule("person", "add", "alice", "--role", "rep", "--token").status == exits.USAGE
    assert vestibule.api.requests == []


@pytest.mark.parametrize("role", ["rep", "supervisor", "reviewer", "auditor", "automation", "operator"])
def test_roles(vestibule, role):
    vestibule.api.on("POST", "/v1/people", PERSON, 201)
    assert vestibule("person", "add", "x", "--role", role).status == 0


def test_no_other_role(vestibule):
    assert vestibule("person", "add", "x", "--role", "god").status == exits.USAGE


@pytest.mark.parametrize(
    ("words", "method", "path", "body"),
    [
        (("remove", "alice"), "DELETE", "/v1/people/alice", None),
        (("disable", "alice"), "PATCH", "/v1/people/alice", {"disabled": True}),
        (("enable", "alice"), "PATCH", "/v1/people/alice", {"disabled": False}),
        (("training", "alice", "none"), "PATCH", "/v1/people/alice", {"training_until": None}),
        (
            ("training", "alice", "2026-01-02T03:04:05+02:00"),
            "PATCH",
            "/v1/people/alice",
            {"training_until": "2026-01-02T01:04:05Z"},
        ),
        (("totp", "remove", "alice"), "DELETE", "/v1/people/alice/totp", None),
        (("key", "remove", "alice", "ab" * 32), "DELETE", f"/v1/people/alice/keys/{'ab' * 32}", None),
    ],
)
def test_changes(vestibule, words, method, path, body):
    vestibule.api.on(method, path, PERSON if method == "PATCH" else None)
    shown = vestibule("person", *words)
    assert (shown.status, shown.err) == (0, "")
    assert vestibule.api.asked == [(method, path, body)]
    assert vestibule("person", *words, "--json").json["name"] == "alice"


@pytest.mark.parametrize("date", ["tomorrow", "2026-13-01", "2026-01-02T03:04:05"])
def test_what_is_no_date(vestibule, date):
    assert vestibule("person", "training", "alice", date).status == exits.USAGE


@pytest.mark.parametrize("name", ["../tokens", "a/b", "A", "", "x" * 33])
def test_a_name_never_becomes_a_path(vestibule, name):
    assert vestibule("person", "remove", name).status == exits.USAGE
    assert vestibule.api.requests == []


def test_a_key(vestibule, key_line):
    vestibule.api.on("POST", "/v1/people/alice/keys", {"fingerprint": "bf" * 32}, 201)
    shown = vestibule("person", "key", "add", "alice", key_line)
    assert "SHA256:" in shown.out
    assert vestibule.api.asked == [("POST", "/v1/people/alice/keys", {"key": key_line})]


def test_a_one_time_code_secret_is_shown_once_and_as_an_address(vestibule):
    vestibule.api.on("POST", "/v1/people/alice/totp", {"secret": "ABCD"}, 201)
    shown = vestibule("person", "totp", "enrol", "alice")
    assert "otpauth://totp/Vestibule:alice?secret=ABCD&issuer=Vestibule" in shown.out
    assert "ABCD" not in shown.err
    assert vestibule("person", "totp", "enrol", "alice", "--json").json["secret"] == "ABCD"


def test_a_token_to_a_file(vestibule, tmp_path):
    vestibule.api.on("POST", "/v1/people/crm/tokens", {"token": "T0K3N"}, 201)
    file = tmp_path / "token"
    shown = vestibule("person", "token", "new", "crm", "--output", file)
    assert "T0K3N" not in shown.out + shown.err
    assert file.read_text() == "T0K3N\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert vestibule("person", "token", "new", "crm", "--output", file).status == exits.USAGE
    assert len(vestibule.api.requests) == 1, "no token is made that nobody gets to see"


def test_a_token_on_the_screen(vestibule):
    vestibule.api.on("POST", "/v1/people/crm/tokens", {"token": "T0K3N"}, 201)
    assert vestibule("person", "token", "new", "crm").out == "T0K3N\n"


@pytest.mark.parametrize(("removed", "said"), [(2, "2 tokens"), (1, "1 token")])
def test_tokens_are_withdrawn(vestibule, removed, said):
    vestibule.api.on("DELETE", "/v1/people/crm/tokens", {"removed": removed})
    assert vestibule("person", "token", "revoke", "crm").out == f"Withdrawn: {said} of crm.\n"
