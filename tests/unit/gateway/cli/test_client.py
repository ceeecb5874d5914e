"""The client of the REST API: who it speaks to, and what becomes of refusals."""

import httpx
import pytest

from gateway import exits

PROBLEMS = [
    (400, "bad-request", exits.USAGE),
    (401, "not-authenticated", exits.NOT_PERMITTED),
    (403, "not-allowed", exits.NOT_PERMITTED),
    (403, "consent", exits.NOT_PERMITTED),
    (409, "busy", exits.UNAVAILABLE),
    (413, "too-large", exits.USAGE),
    (429, "too-many", exits.UNAVAILABLE),
    (500, "internal", exits.INTERNAL),
    (502, "router-unreachable", exits.UNAVAILABLE),
    (503, "record-failed", exits.RECORD_FAILED),
    (503, "something-new", exits.UNAVAILABLE),
]


@pytest.mark.parametrize(("status", "slug", "expected"), PROBLEMS, ids=[slug for _, slug, _ in PROBLEMS])
def test_a_refusal_is_the_gateways_sentence(vestibule, status, slug, expected):
    vestibule.api.problem("GET", "/v1/people", status, slug, "A sentence.", "a_word")
    shown = vestibule("person", "list", "--json")
    assert (shown.status, shown.out) == (expected, "")
    assert shown.fault == {"code": "a_word", "message": "A sentence.", "exit": expected}
    assert vestibule("person", "list").err == "A sentence.\n"


def test_wrong_fields_are_named(vestibule):
    errors = [{"field": "body.minutes", "reason": "Input should be less than 10000"}]
    vestibule.api.problem("GET", "/v1/people", 422, "invalid", "Wrong.", "invalid", errors=errors)
    shown = vestibule("person", "list")
    assert shown.err == "Wrong.\nbody.minutes: Input should be less than 10000.\n"
    assert shown.status == exits.USAGE


def test_a_hostile_sentence_is_spelled_out(vestibule):
    vestibule.api.problem("GET", "/v1/people", 400, "bad-request", "\x1b]0;x\x07\u202e", "x")
    assert vestibule("person", "list").err == "\\x1b]0;x\\x07\\u202e\n"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(502, text="Bad gateway"),
        httpx.Response(403, json={"detail": "x"}),
        httpx.Response(500, json=["x"]),
    ],
    ids=["html", "proxy", "half a problem", "a list"],
)
def test_something_else_answers(vestibule, answer):
    vestibule.api.answers["GET", "/v1/people"] = [answer]
    shown = vestibule("person", "list")
    assert shown.status == exits.UNAVAILABLE
    assert "is not a gateway's REST API" in shown.err


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_nobody_answers(vestibule, error):
    def broken(_request):
        raise error

    vestibule.programs["transport"] = httpx.MockTransport(broken)
    shown = vestibule("person", "list")
    assert shown.status == exits.UNAVAILABLE
    assert shown.err.startswith("No gateway answers at api.sock")


def test_no_socket(vestibule, evidence):
    vestibule.programs["transport"] = None
    shown = vestibule("person", "list", "--config", evidence.config)
    assert shown.status == exits.UNAVAILABLE
    assert f"{evidence.data_dir / 'api.sock'} (No such file or directory)" in shown.err


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text("01ABC.secret-token\n")
    path.chmod(0o600)
    return path


def test_over_the_network_the_token_says_who_it_is(vestibule, token_file):
    vestibule.api.on("GET", "/v1/people", [])
    shown = vestibule("person", "list", "--url", "https://gw.example", "--token-file", token_file)
    assert shown.status == 0
    [request] = vestibule.api.requests
    assert request.headers["authorization"] == "Bearer 01ABC.secret-token"
    assert request.url.host == "gw.example"


def test_by_the_socket_no_token_is_sent(vestibule, token_file):
    vestibule.api.on("GET", "/v1/people", [])
    vestibule("person", "list", "--token-file", token_file)
    assert "authorization" not in vestibule.api.requests[0].headers


@pytest.mark.parametrize(
    "url",
    ["http://gw.example", "gw.example", "ftp://gw.example", "https://", "https://a:b@gw.example", "http://[::1"],
)
def test_a_token_goes_nowhere_unsafe(vestibule, token_file, url):
    shown = vestibule("person", "list", "--url", url, "--token-file", token_file)
    assert shown.status == exits.CONFIG
    assert vestibule.api.requests == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8443", "http://[::1]:1", "http://localhost", "https://gw.example/x/"]
)
def test_a_token_may_go_here(vestibule, token_file, url):
    prefix = "/x" if url.endswith("/x/") else ""
    vestibule.api.on("GET", f"{prefix}/v1/people", [])
    assert vestibule("person", "list", "--url", url, "--token-file", token_file).status == 0


def test_a_url_needs_a_token(vestibule):
    assert vestibule("person", "list", "--url", "https://gw.example").status == exits.CONFIG


@pytest.mark.parametrize(("content", "mode"), [("x", 0o644), ("", 0o600), ("a\tb", 0o600), ("\udce9", 0o600)])
def test_a_token_file_that_cannot_be_used(vestibule, tmp_path, content, mode):
    path = tmp_path / "token"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    path.chmod(mode)
    shown = vestibule("person", "list", "--url", "https://gw.example", "--token-file", path)
    assert shown.status == exits.CONFIG
    assert content not in shown.err or content in {"", "x"}


def test_redirects_are_not_followed(vestibule, token_file):
    vestibule.api.answers["GET", "/v1/people"] = [
        httpx.Response(302, headers={"location": "https://elsewhere.example"})
    ]
    shown = vestibule("person", "list", "--url", "https://gw.example", "--token-file", token_file)
    assert shown.status == exits.UNAVAILABLE
    assert len(vestibule.api.requests) == 1
