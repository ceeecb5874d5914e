"""The description of the API: checked in, complete, and the same for everybody."""

import asyncio
import json
import re
from pathlib import Path

from gateway.api.app import bare_app
from gateway.api.document import text
from gateway.session.listeners import HttpListener, bind_tcp

CHECKED_IN = Path(__file__).resolve().parents[4] / "docs/reference/openapi.json"


def operations():
    for path, methods in json.loads(text(bare_app()))["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_description_that_is_checked_in_is_up_to_date():
    assert CHECKED_IN.read_text() == text(bare_app()), "run scripts/generate"


def test_every_operation_says_what_it_is_for_and_what_it_answers():
    for name, operation in operations():
        assert operation["summary"], name
        assert operation["description"], name
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        assert len(good) == 1, name
        assert "204" in operation["responses"] or "$ref" in json.dumps(good[0]["content"]), name


def test_operations_have_names_of_their_own_that_clients_can_use():
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


def test_everything_but_health_needs_a_token_and_can_be_refused():
    for name, operation in operations():
        if name == "GET /v1/health":
            assert operation["security"] == []
            continue
        assert "security" not in operation, name  # the one at the top counts
        assert {"401", "403", "422", "429", "503"} <= operation["responses"].keys(), name
    assert json.loads(text(bare_app()))["security"] == [{"token": []}]


def test_what_goes_in_is_closed_to_unknown_keys():
    schemas = json.loads(text(bare_app()))["components"]["schemas"]
    closed = {name for name, schema in schemas.items() if schema.get("additionalProperties") is False}
    assert {name for name, schema in schemas.items() if schema.get("type") == "object"} == closed


async def test_the_gateway_serves_it_to_anybody(gateway):
    answer = await gateway.call(None, "GET", "/v1/openapi.json")
    assert answer.json() == json.loads(CHECKED_IN.read_text())


async def test_the_program_in_the_howto_does_what_it_says(gateway, tmp_path, capsys):
    """As it stands on the page, but for where the gateway is."""
    page = (CHECKED_IN.parents[1] / "howto/automate.md").read_text()
    program = re.search(r"```python\n(from pathlib .*?)```", page, re.DOTALL)[1].replace("r-10442", "r-1")
    listener = HttpListener(gateway.app, bind_tcp("127.0.0.1", 0, "api.port"))
    await listener.start()
    (tmp_path / "crm.token").write_text(gateway.tokens["crm"])
    program = program.replace("https://gateway.isp.example", f"http://127.0.0.1:{listener.port}")
    program = program.replace('"crm.token"', repr(str(tmp_path / "crm.token")))

    running = asyncio.create_task(asyncio.to_thread(exec, compile(program, "automate.md", "exec"), {}))
    while not gateway.notifier.sent and not running.done():
        await asyncio.sleep(0.01)
    await gateway.service.consents.grant(await gateway.case())
    await running
    await listener.stop()
    assert capsys.readouterr().out.startswith("Cisco IOS Software, Version 15.9\nuptime is 3 weeks\n")
    assert gateway.sent() == ["show version", "show interfaces"]
