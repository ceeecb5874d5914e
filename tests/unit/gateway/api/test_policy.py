"""What would become of a line, over REST."""

import pytest


@pytest.mark.parametrize(
    ("line", "verdict", "canonical"),
    [
        ("sh ver", "allow", "show version"),
        ("clear counters", "confirm", "clear counters"),
        ("show running-config", "sensitive", "show running-config"),
        ("telnet 192.168.1.5", "deny", None),
        ("frobnicate", "deny", None),
        ("show version\nreload", "deny", None),
        ("", "deny", None),
    ],
)
async def test_a_line_is_explained(gateway, line, verdict, canonical):
    question = {"platform": "ios", "mode": "privileged", "line": line}
    answer = await gateway.call("crm", "POST", "/v1/policy/explain", question)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    if line:
        assert (body["verdict"], body["canonical"]) == (verdict, canonical)
    assert body["digest"] == gateway.service.parts.policy.bundle.digest
    assert body["reason"]
    assert gateway.driver.opened == []


async def test_an_unknown_platform_or_mode(gateway):
    unknown = {"platform": "amiga", "mode": "exec", "line": "show version"}
    answer = await gateway.call("crm", "POST", "/v1/policy/explain", unknown)
    assert answer.status_code == 200
    assert answer.json()["verdict"] == "deny"
    wrong = {"platform": "ios", "mode": "god", "line": "show version"}
    assert (await gateway.call("crm", "POST", "/v1/policy/explain", wrong)).status_code == 422


async def test_the_line_comes_back_redacted(gateway):
    question = {"platform": "ios", "mode": "config", "line": "username eve secret hunter2-and-more"}
    answer = await gateway.call("crm", "POST", "/v1/policy/explain", question)
    assert answer.status_code == 200
    assert "hunter2" not in answer.text


async def test_only_an_operator_reads_the_policy_again(gateway):
    refused = await gateway.call("crm", "POST", "/v1/policy/reload")
    assert refused.status_code == 403
    again = await gateway.call("oli", "POST", "/v1/policy/reload")
    digest = gateway.service.parts.policy.bundle.digest
    assert again.json() == {"before": digest, "after": digest, "sessions": 0}
