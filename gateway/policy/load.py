"""Policy tables from YAML files to a `PolicyBundle`. Counterpart: docs/reference/policy-tables.md.

Everything that can be wrong with a table is found here, once, as a `PolicyError` that names the file and the row.
"""

import gc
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from gateway.policy.compile import compile_table
from gateway.policy.errors import PolicyError
from gateway.policy.schema import read_table
from gateway.policy.table import PolicyBundle, Table

__all__ = ["TABLES", "PolicyBundle", "compile_bundle", "load_bundle", "parse_yaml"]

TABLES: Final = Path(__file__).parent / "tables"
"""The tables that come with the program."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without its traps: a repeated key is an error; `on`, `off`, `yes`, `no` and `Null` are words."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(made) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key is written twice", node.start_mark)
        return made


_KEPT: Final = {"tag:yaml.org,2002:bool": "tTfF", "tag:yaml.org,2002:null": ""}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if first in _KEPT.get(tag, first)]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def parse_yaml(file: str, content: bytes) -> Any:
    """The document in `content`. Raises `PolicyError` with the line when it is not YAML."""
    try:
        return yaml.load(content, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        at = "" if mark is None else f" line {mark.line + 1}"
        problem = getattr(error, "problem", None) or "it is not readable as YAML in UTF-8"
        raise PolicyError(f"{file}:{at} {problem}; correct the YAML.") from error


def compile_bundle(files: Mapping[str, bytes]) -> PolicyBundle:
    """A bundle from table files by name (`ios.yaml`). Pure. Raises `PolicyError`."""
    digest = hashlib.sha256()
    tables: dict[str, Table] = {}
    with _no_collections():
        for file in sorted(files):
            content = files[file]
            digest.update(f"{file} {len(content)}\n".encode() + content)
            spec = read_table(file, parse_yaml(file, content))
            if file != f"{spec.platform}.yaml":
                raise PolicyError(f"{file}: platform is {spec.platform!r}; name the file {spec.platform}.yaml.")
            tables[spec.platform] = compile_table(file, spec)
    return PolicyBundle(digest=digest.hexdigest(), tables=MappingProxyType(tables))


@contextmanager
def _no_collections() -> Iterator[None]:
    """Hundreds of thousands of objects are made here and all of them stay: looking for garbage takes half the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def load_bundle(directory: Path = TABLES) -> PolicyBundle:
    """The bundle of all `*.yaml` files in `directory`. Raises `PolicyError`."""
    try:
        files = {path.name: path.read_bytes() for path in _files(directory)}
    except OSError as error:
        raise PolicyError(f"The policy tables in {directory} cannot be read: {error.strerror}.") from error
    if not files:
        raise PolicyError(f"There is no policy table (*.yaml) in {directory}.")
    return compile_bundle(files)


def _files(directory: Path) -> Iterable[Path]:
    return sorted(directory.glob("*.yaml"))
