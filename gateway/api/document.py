"""What the API says of itself: OpenAPI 3.1, served at `/v1/openapi.json` and checked in at docs/reference/openapi.json.

`python -m gateway.api.document` prints it. Counterpart: `gateway.api.app`.
"""

import json
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.api.problems import MEDIA_TYPE, Problem

ABOUT: Final = """\
Ask a subscriber for access to their router, open a session under the consent they gave, run commands, close it.
Every line is judged by policy, recorded before it is sent, and answered with its verdict.

A service-account token says who you are over TCP; over the Unix socket on the gateway's machine the kernel does.
"""

_TAGS: Final = {
    "gateway": "The gateway itself, and who you are to it.",
    "consents": "Asking a subscriber, and what became of it.",
    "sessions": "Sessions to routers, line by line.",
    "policy": "What may be sent.",
    "routers": "The inventory. Changes are for operators.",
    "people": "People and machine identities. For operators.",
    "evidence": "The record of what was done.",
}

_ALWAYS: Final = {
    "400": "What was asked cannot be taken; the sentence says why.",
    "401": "Nobody was recognised.",
    "403": "No consent allows this, or it is not yours, or there is no such thing: which one is not told.",
    "422": "The request does not have the right form; `errors` names the fields.",
    "429": "Too many requests; `Retry-After` says when the next one is taken.",
    "500": "The gateway failed in a way it should not have.",
    "503": "Not possible now, or the record could not be written.",
}
_WITH_BODY: Final = {"413": "The body is larger than 64 KiB."}
_ROUTER: Final = {"502": "The router cannot be reached or does not let the gateway in."}
_SOME: Final[dict[str, dict[str, str]]] = {
    "request_consent": {"502": "The message to the subscriber could not be sent."},
    "open_session": {**_ROUTER, "409": "The consent ended in the same moment."},
    "run_command": {
        "403": "The line was refused (`denied`), or the session is not yours.",
        "409": "`unconfirmed`, `busy` or `session_ended`; nothing was sent.",
        "504": "The command was interrupted but did not come back.",
    },
    "run_diagnostics": {**_ROUTER, "409": "The consent ended in the same moment."},
    "kill_session": {"409": "The session ended in the same moment."},
    "add_router": _ROUTER,
    "read_host_key": _ROUTER,
}


def describe(app: FastAPI) -> None:
    """Have `app` describe itself."""
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # FastAPI's documented way


def document(app: FastAPI) -> dict[str, Any]:
    """The whole description, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title="Vestibule",
            version="1",
            summary="Router remote access with consent and record.",
            description=ABOUT,
            routes=app.routes,
            tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        _add_problems(made)
        app.openapi_schema = made
    return app.openapi_schema


def text(app: FastAPI) -> str:
    """As it is checked in."""
    return json.dumps(document(app), indent=2, ensure_ascii=False) + "\n"


def _add_problems(made: dict[str, Any]) -> None:
    """Every refusal has the same shape, whatever the route; and who may call is said once."""
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
    made["components"]["schemas"] = dict(sorted(schemas.items()))
    made["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "Service-account token."}
    }
    made["components"]["responses"] = {
        _name(status): _response(text) for status, text in (_ALWAYS | _WITH_BODY).items()
    }
    made["security"] = [{"token": []}]
    for methods in made["paths"].values():
        for operation in methods.values():
            _add_problems_of(operation)


def _add_problems_of(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if operation["operationId"] == "health":
        operation["security"] = []
        responses["503"] = {**responses["200"], "description": "The record cannot be written."}
        return
    for status in (*_ALWAYS, *(_WITH_BODY if "requestBody" in operation else ())):
        responses[status] = {"$ref": f"#/components/responses/{_name(status)}"}
    for status, description in _SOME.get(operation["operationId"], {}).items():
        responses[status] = _response(description)
    operation["responses"] = dict(sorted(responses.items()))


def _name(status: str) -> str:
    return f"Problem{status}"


def _response(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


if __name__ == "__main__":
    from gateway.api.app import bare_app

    print(text(bare_app()), end="")  # noqa: T201
