"""JSON schemas of policy tables and overlays, for editors and other programs. Counterparts: `schema`, `overlay`.

`vestibule policy schema` prints them; `scripts/generate` puts them into docs/reference.
"""

from typing import Any

from pydantic import BaseModel

from gateway.policy.capabilities import CAPABILITIES
from gateway.policy.overlay import OverlaySpec
from gateway.policy.schema import TableSpec


def table_schema() -> dict[str, Any]:
    """Of `ios.yaml` and the like (JSON Schema 2020-12)."""
    return _schema(TableSpec, "Vestibule policy table")


def overlay_schema() -> dict[str, Any]:
    """Of `ios+tier1.yaml` and the like."""
    return _schema(OverlaySpec, "Vestibule policy overlay")


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    made = model.model_json_schema(by_alias=True)
    _name_capabilities(made)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": title}


def _name_capabilities(node: Any) -> None:
    """Every `cap` and `lan` is one of the names that exist; the validator that says so is invisible to pydantic."""
    if isinstance(node, list):
        for one in node:
            _name_capabilities(one)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in {"cap", "lan"} and isinstance(value, dict):
            for option in (value, *value.get("anyOf", ())):
                if option.get("type") == "string":
                    option["enum"] = sorted(CAPABILITIES)
        else:
            _name_capabilities(value)
