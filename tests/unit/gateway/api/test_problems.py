"""Every refusal in one shape, with a sentence and without what the caller sent."""

import pytest

from audit.errors import BadEntry, KeyUnavailable, LogDamaged, Overloaded, RecordFailed, RecordRefused
from config.errors import ConfigError, VestibuleError
from drivers.errors import DriverError, HostKeyChanged, LoginRefused, RouterClosed, RouterUnreachable
from gateway.api.problems import SPACE, problem_of
from gateway.consent.notifier import NotifyFailed
from gateway.errors import BadRequest, ConsentProblem, GatewayError, NotAllowed, NotAuthenticated, Unavailable


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadRequest("Say."), 400, "bad_request"),
        (NotAuthenticated("Say."), 401, "not_authenticated"),
        (ConsentProblem("expired", "Say."), 403, "expired"),
        (NotAllowed("Say."), 403, "not_allowed"),
        (Unavailable("Say."), 503, "unavailable"),
        (NotifyFailed("Say."), 502, "not_delivered"),
        (RecordFailed("Say."), 503, "record_failed"),
        (Overloaded("Say."), 503, "overloaded"),
        (LogDamaged("Say."), 503, "record_unavailable"),
        (KeyUnavailable("Say."), 503, "record_unavailable"),
        (BadEntry("Say."), 503, "record_unavailable"),
        (RouterUnreachable("Say."), 502, "router_unreachable"),
        (HostKeyChanged("Say."), 502, "host_key_changed"),
        (LoginRefused("Say."), 502, "login_refused"),
        (RouterClosed("Say."), 502, "router_closed"),
        (DriverError("Say."), 502, "router"),
        (ConfigError("Say."), 500, "internal"),
        (GatewayError("Say."), 500, "internal"),
        (VestibuleError("Say."), 500, "internal"),
    ],
)
def test_each_family_has_one_answer_with_its_own_sentence(error, status, code):
    problem = problem_of(error)
    assert (problem.status, problem.code, problem.detail) == (status, code, "Say.")
    assert problem.type.startswith(SPACE)
    assert problem.title


def test_a_consent_or_session_that_ended_meanwhile_says_how():
    problem = problem_of(RecordRefused("revoked"))
    assert (problem.status, problem.code, problem.reason) == (409, "session_ended", "revoked")


def test_what_nobody_expected_says_nothing_about_itself():
    problem = problem_of(ZeroDivisionError("secret"))
    assert problem.status == 500
    assert "secret" not in problem.model_dump_json()


SECRET = "hunter2-and-more"


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/v1/consents", {"router": SECRET.upper(), "ticket": "T", "reason": "R"}, ["body.router"]),
        ("/v1/consents", {"ticket": "T", "reason": "R", "router": "r-1", "minutes": SECRET}, ["body.minutes"]),
        ("/v1/consents", {"ticket": "T", "reason": "R", "router": "r-1", "minutes": "5"}, ["body.minutes"]),
        ("/v1/consents", {"ticket": "T", "reason": "R", "router": "r-1", "channel": SECRET}, ["body.channel"]),
        ("/v1/consents", {"ticket": "T", "reason": "R", "router": "r-1", "password": SECRET}, ["body.password"]),
        ("/v1/consents", {"ticket": "T"}, ["body.router", "body.reason"]),
        ("/v1/consents", [SECRET], ["body"]),
        ("/v1/consents", SECRET, ["body"]),
        ("/v1/people", {"name": "x", "role": "rep", "training_until": SECRET}, ["body.training_until"]),
        ("/v1/people", {"name": "x", "role": "rep", "training_until": 5}, ["body.training_until"]),
        ("/v1/people", {"name": "x", "role": "rep", "training_until": "2026-01-01T00:00:00"}, ["body.training_until"]),
        ("/v1/people", {"name": "x", "role": "rep", "key": SECRET + "\x00"}, ["body.key"]),
        ("/v1/host-keys", {"address": SECRET + " " + SECRET}, ["body.address"]),
        ("/v1/host-keys", {"address": "a..b"}, ["body.address"]),
        ("/v1/sessions", {"router": "r-1", "token": SECRET * 400}, ["body.token"]),
    ],
)
async def test_wrong_fields_are_named_and_their_values_are_not(gateway, path, body, fields):
    answer = await gateway.call("oli", "POST", path, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == fields
    assert all(error["reason"] for error in answer.json()["errors"])
    assert SECRET not in answer.text
    assert SECRET.upper() not in answer.text


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"ticket": ' + SECRET.encode(), b"\xff\xfe", b'"\\ud800"', b"[" * 30_000, b"null", b"NaN"],
)
async def test_a_body_that_is_no_json_object_is_refused_without_being_repeated(gateway, content):
    async with gateway.client("crm") as client:
        answer = await client.post("/v1/consents", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text


async def test_a_form_of_a_browser_is_not_taken_for_json(gateway):
    async with gateway.client("crm") as client:
        answer = await client.post(
            "/v1/policy/explain",
            content=b'{"platform": "ios", "mode": "exec", "line": "show version"}',
            headers={"Content-Type": "text/plain"},
        )
    assert answer.status_code == 422
