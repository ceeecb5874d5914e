"""Policy tables from YAML files to a `PolicyBundle`. Counterpart: docs/reference/policy-tables.md.

Everything that can be wrong with a table is found here, once, as a `PolicyError` that names the file and the row.
"""

import gc
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from gateway.policy.compile import compile_table
from gateway.policy.cwmp.policy import FILES, MACHINE, PARAMS, PLATFORM, CwmpPolicy, compile_cwmp, shipped_files
from gateway.policy.cwmp.refusals import read_refusals
from gateway.policy.errors import PolicyError
from gateway.policy.overlay import OverlaySpec, read_overlay
from gateway.policy.schema import read_table
from gateway.policy.table import PolicyBundle, Shelf, Table

__all__ = ["TABLES", "PolicyBundle", "compile_bundle", "load_bundle", "parse_yaml", "read_files"]

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


def compile_bundle(files: Mapping[str, bytes], *, keep: bool = True) -> PolicyBundle:
    """A bundle from files by name: tables (`ios.yaml`) and overlays (`ios+tier1.yaml`). Pure. Raises `PolicyError`.

    Every table is compiled here, so a wrong one is refused here. With `keep` false none of them stays in memory: each
    is compiled once more when it is first asked for.
    """
    digest = hashlib.sha256()
    tables: dict[str, Table | None] = {}

    def make(platform: str) -> Table:
        with _no_collections():
            return _table(f"{platform}.yaml", files, overlays)

    with _no_collections():
        for file in sorted(files):
            digest.update(f"{file} {len(files[file])}\n".encode() + files[file])
        overlays = {file: read_overlay(file, parse_yaml(file, files[file])) for file in sorted(files) if "+" in file}
        cwmp = _cwmp(files, overlays)
        for file in sorted(set(files) - set(overlays) - set(FILES)):
            table = _table(file, files, overlays)
            tables[table.platform] = table if keep else None
            if not keep:  # its parts refer to one another; only those made since the last look are looked at
                del table
                gc.collect(0)
    for file, overlay in overlays.items():
        if overlay.overlay not in tables:
            raise PolicyError(f"{file}: there is no table for {overlay.overlay}; an overlay adds to a table.")
    return PolicyBundle(digest=digest.hexdigest(), tables=Shelf(tables, make), cwmp=cwmp)


def _table(file: str, files: Mapping[str, bytes], overlays: Mapping[str, OverlaySpec]) -> Table:
    """The table in `file`, with its overlays. Raises `PolicyError`."""
    spec = read_table(file, parse_yaml(file, files[file]))
    if file != f"{spec.platform}.yaml":
        raise PolicyError(f"{file}: platform is {spec.platform!r}; name the file {spec.platform}.yaml.")
    own = {name: overlay for name, overlay in overlays.items() if overlay.overlay == spec.platform}
    if spec.platform == PLATFORM:  # its lines are not judged by the table: `_cwmp` has the refusals
        own = {name: overlay.model_copy(update={"refuse": ()}) for name, overlay in own.items()}
    return compile_table(file, spec, own)


def _cwmp(files: Mapping[str, bytes], overlays: Mapping[str, OverlaySpec]) -> CwmpPolicy | None:
    """What belongs to the table `cwmp.yaml`, if there is one. Raises `PolicyError`."""
    if f"{PLATFORM}.yaml" not in files:
        return None
    missing = next((name for name in FILES if name not in files), None)
    if missing is not None:
        raise PolicyError(f"{PLATFORM}.yaml: {missing} is missing; the two belong together.")
    own = {name: overlay for name, overlay in overlays.items() if overlay.overlay == PLATFORM}
    documents = {name: parse_yaml(name, files[name]) for name in (PARAMS, MACHINE)}
    return replace(compile_cwmp(documents, files), refusals=read_refusals(own))


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


def load_bundle(directory: Path = TABLES, overlays: Path | None = None) -> PolicyBundle:
    """The bundle of all tables in `directory` and all overlays in `overlays`. Raises `PolicyError`."""
    return compile_bundle(read_files(directory, overlays))


def read_files(directory: Path = TABLES, overlays: Path | None = None) -> dict[str, bytes]:
    """The files of a bundle by name, with what belongs to the table `cwmp.yaml`. Raises `PolicyError`."""
    files = _read(directory)
    if not files:
        raise PolicyError(f"There is no policy table (*.yaml) in {directory}.")
    if f"{PLATFORM}.yaml" in files:
        files |= shipped_files()
    own = {} if overlays is None else _read(overlays)
    for file in own:
        if "+" not in file:
            raise PolicyError(f"{file}: an overlay is named <platform>+<name>.yaml, such as ios+tier1.yaml.")
    return files | own


def _read(directory: Path) -> dict[str, bytes]:
    try:
        if not directory.is_dir():
            raise PolicyError(f"The policy directory {directory} does not exist.")
        return {path.name: path.read_bytes() for path in sorted(directory.glob("*.yaml"))}
    except OSError as error:
        raise PolicyError(f"The policy files in {directory} cannot be read: {error.strerror}.") from error
