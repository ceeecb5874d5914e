"""Loads a data model from `models/*.yaml`.

A parameter is written as `ACCESS TYPE VALUE`: access `r` or `rw`, with `!` behind if the model marks it hidden; type
without `xsd:`; the value may be absent. A mapping is an object, a number an instance, and `_new` in a table what a new
instance has: only such tables can be added to and deleted from. `SECRET` in a value of a hidden parameter becomes a
token of its own, so that a test can look for it everywhere.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from drivers.lab.cpe.config import ModelName
from drivers.lab.cpe.tree import Leaf, Table, Tree

ROOTS: Final[dict[ModelName, str]] = {"tr181": "Device.", "tr098": "InternetGatewayDevice."}
TOKEN: Final = "s3cret"  # noqa: S105  what every seeded secret holds
_UNSPELLED: Final = re.compile(r"[^A-Za-z0-9]+")


def load(model: ModelName, extra: Mapping[str, str] | None = None) -> Tree:
    """A new tree of a model, with `extra` parameters (`{path: "rw string value"}`, or the value alone if it has no such
    form). Tables remember nothing of other trees."""
    kept = _kept(model)
    tree = Tree(
        root=ROOTS[model],
        leaves={path: replace(leaf) for path, leaf in kept.leaves.items()},
        tables={path: Table(table.template, table.next) for path, table in kept.tables.items()},
        empty=set(kept.empty),
    )
    for path, text in (extra or {}).items():
        tree.leaves[path] = parse_leaf(path, text)
    return tree


def parse_leaf(path: str, text: str) -> Leaf:
    """A parameter from how it is written. A text without that form is a writable string."""
    found = re.fullmatch(r"(r|rw)(!?) ([A-Za-z0-9]+)(?: (.*))?", text, re.DOTALL)
    if found is None:
        return Leaf(text, writable=True)
    value = (found[4] or "").replace("SECRET", secret_for(path))
    return Leaf(value, found[3], found[1] == "rw", bool(found[2]))


def secret_for(path: str) -> str:
    """The seeded value of a hidden parameter: a token that stands nowhere else."""
    return f"{TOKEN}-{_UNSPELLED.sub('-', path).lower()}"


@cache
def _kept(model: ModelName) -> Tree:
    data = yaml.safe_load(files("drivers.lab.cpe").joinpath("models", f"{model}.yaml").read_text(encoding="utf-8"))
    tree = Tree(root=ROOTS[model])
    for name, content in data.items():
        if not name.startswith("_"):
            _read(tree, f"{name}.", content)
    return tree


def _read(tree: Tree, path: str, content: dict[Any, Any]) -> None:
    if not content:
        tree.empty.add(path)
    instances = [key for key in content if isinstance(key, int)]
    for key, value in content.items():
        if key == "_new":
            template = {name.removeprefix("."): leaf for name, leaf in _flat("", value).items()}
            tree.tables[path] = Table(template, max(instances, default=0) + 1)
        elif isinstance(value, dict):
            _read(tree, f"{path}{key}.", value)
        else:
            tree.leaves[f"{path}{key}"] = parse_leaf(f"{path}{key}", value)


def _flat(path: str, content: dict[Any, Any]) -> dict[str, Leaf]:
    found: dict[str, Leaf] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            found.update(_flat(f"{path}.{key}", value))
        else:
            found[f"{path}.{key}"] = parse_leaf(str(key), value)
    return found
