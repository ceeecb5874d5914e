"""Read the settings file: TOML in, frozen `Settings` out, or one clear sentence about what is wrong in it.

Counterpart: `config.document`, which writes such a file and its reference page from the same declarations.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from config.document import Setting, declared, default_toml
from config.errors import ConfigError
from config.settings import Settings

__all__ = ["DEFAULT_PATH", "VARIABLE", "default_toml", "load", "parse", "settings_path"]

VARIABLE: Final = "VESTIBULE_CONFIG"
"""Environment variable that names the settings file."""

DEFAULT_PATH: Final = Path("/etc/vestibule/vestibule.toml")

_MAX_BYTES: Final = 1 << 20
"""A settings file is a few kilobytes; anything larger is the wrong file."""


def settings_path(named: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Which file counts: the one named on the command line, else by `VESTIBULE_CONFIG`, else `DEFAULT_PATH`."""
    return named or Path(environ.get(VARIABLE) or DEFAULT_PATH)


def load(named: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises `ConfigError` with file, key and remedy."""
    path = settings_path(named, environ)
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as failure:
        raise ConfigError(
            f"{path}: there is no settings file. `vestibule init` writes one; --config or {VARIABLE} names another."
        ) from failure
    except OSError as failure:
        raise ConfigError(f"{path}: cannot be read: {failure.strerror or type(failure).__name__}.") from failure
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{path}: larger than 1 MiB, which no settings file is.")
    return parse(content, path)


def parse(content: bytes, path: Path) -> Settings:
    """Settings from the text of a file that lies at `path`; relative paths in it start at its directory."""
    try:
        tables = tomllib.loads(content.decode())
    except UnicodeDecodeError as failure:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {failure.start}).") from failure
    except tomllib.TOMLDecodeError as failure:
        raise ConfigError(f"{path}: is not valid TOML: {failure}.") from failure
    except RecursionError as failure:
        raise ConfigError(f"{path}: is nested too deeply.") from failure
    known = {setting.key: setting for setting in declared()}
    directory = path.absolute().parent
    prepared = _prepare(tables, known, directory)
    try:
        # Strict and by way of JSON: "2222" is not a port and 1 is not true, but a list may become a tuple.
        return Settings.model_validate_json(json.dumps(prepared, default=str), strict=True)
    except ValidationError as failure:
        raise ConfigError("\n".join(_sentences(failure, path, known))) from failure


def _prepare(
    table: Mapping[str, Any], known: Mapping[str, Setting], directory: Path, above: str = ""
) -> dict[str, Any]:
    """Resolve paths, and read the word that stands for "not set" where TOML has none."""
    prepared: dict[str, Any] = {}
    for name, value in table.items():
        setting = known.get(above + name)
        if isinstance(value, dict):
            prepared[name] = _prepare(value, known, directory, f"{above}{name}.")
        elif setting and setting.optional and value == "none":
            prepared[name] = None
        elif setting and setting.is_path and isinstance(value, str):
            prepared[name] = str(directory / Path(value).expanduser()) if value else value
        else:
            prepared[name] = value
    return prepared


def _sentences(failure: ValidationError, path: Path, known: Mapping[str, Setting]) -> Iterator[str]:
    """One sentence an error. Values are not repeated: somebody may have put a secret where it does not belong."""
    for error in failure.errors(include_url=False, include_input=False, include_context=True):
        parts = [str(part) for part in error["loc"]]
        key = ".".join(parts)
        if error["type"] == "extra_forbidden":
            yield f"{path}: unknown key {key}.{_nearest(key, known)}"
        elif error["type"] == "missing":
            yield f"{path}: {key} is missing: {known[key].description if key in known else 'it must be set.'}"
        else:
            while key not in known and "." in key:  # the place inside a list or a union
                key = key.rpartition(".")[0]
            message = error["msg"].removeprefix("Value error, ")
            yield f"{path}: {key} is wrong: {message[:1].lower()}{message[1:]}."


def _nearest(key: str, known: Mapping[str, Setting]) -> str:
    tables = {name.rpartition(".")[0] for name in known} - {""}
    names = [*known, *tables]
    # The right name in the wrong table is a nearer miss than any spelling.
    same_name = [name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]]
    near = same_name or difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else " See docs/reference/settings.md for those there are."
