"""The settings, told to people: a commented settings file and the reference page, both from the declarations.

Counterpart: `config.load`, which reads the file. `python -m config.document` prints the reference page.
"""

import json
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.settings import Section, Settings


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the settings file."""

    key: str
    """With its table: `ssh.port`."""
    kind: str
    """In words: integer, text, path, list of texts, one of …"""
    limits: str
    default: Any
    """`PydanticUndefined` where it must be set."""
    description: str
    optional: bool
    """May be `"none"`."""
    is_path: bool


def declared(section: type[Section] = Settings, above: str = "") -> Iterator[Setting]:
    """Every key, in the order of the declarations; the keys of a table follow each other."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from declared(field.annotation, f"{above}{name}.")
        else:
            yield _setting(above + name, field)


def _setting(key: str, field: FieldInfo) -> Setting:
    choices = get_args(field.annotation) if get_origin(field.annotation) in (Union, types.UnionType) else ()
    optional = type(None) in choices
    kind = next((choice for choice in choices if choice is not type(None)), field.annotation)
    low = next((rule.ge for rule in field.metadata if isinstance(rule, Ge)), None)
    high = next((rule.le for rule in field.metadata if isinstance(rule, Le)), None)
    limits = f"{low} to {high}" if high is not None else f"at least {low}" if low is not None else ""
    return Setting(key, _words(kind), limits, field.get_default(), field.description or "", optional, kind is Path)


def _words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return "list of " + _words(get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, Section):
        return f"tables with {', '.join(kind.model_fields)}"
    return {int: "integer", bool: "true or false", str: "text", Path: "path"}[kind]


def _toml(value: Any) -> str:
    """A default as TOML writes it; JSON's strings, lists, numbers and booleans are TOML's."""
    return json.dumps("none" if value is None else value, default=str, ensure_ascii=False)


def default_toml(data_dir: Path) -> str:
    """A settings file with every key explained and commented out at its default; only `data_dir` is set."""
    lines = [
        "# Settings of Vestibule. A line `# name = value` shows a default: remove the # to change it.",
        "# Relative paths start at the directory of this file.",
    ]
    table = ""
    for setting in declared():
        above, _, name = setting.key.rpartition(".")
        lines.append("")
        if above != table:
            table = above
            lines += [f"# {_about(above)}", f"[{above}]"]
        lines.append(f"# {setting.description} ({_facts(setting)})")
        if setting.default is PydanticUndefined:
            lines.append(f"{name} = {_toml(data_dir)}")
        else:
            lines.append(f"# {name} = {_toml(setting.default)}")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """docs/reference/settings.md."""
    lines = [
        "# Settings",
        "",
        "<!-- Written by scripts/generate from config/settings.py. -->",
        "",
        "One TOML file, named by `--config`, else by `VESTIBULE_CONFIG`, else `/etc/vestibule/vestibule.toml`.",
        "`vestibule init` writes one with every key explained; `vestibule check-config` says whether a file is right.",
        "An unknown key, a wrong type or a missing value is an error that names the file, the key and the nearest",
        "known key; nothing starts on a file that is half understood. Relative paths start at the file's directory.",
        '`"none"` leaves an optional key unset.',
    ]
    table = None
    for setting in declared():
        above, _, name = setting.key.rpartition(".")
        if above != table:
            table = above
            title = f"## `[{above}]`" if above else "## At the top of the file"
            lines += ["", title, "", *([_about(above), ""] if above else [])]
            lines += ["| key | what it is | default | meaning |", "|---|---|---|---|"]
        must = setting.default is PydanticUndefined
        default = "must be set" if must else f"`{_toml(setting.default)}`"
        lines.append(f"| `{name}` | {_facts(setting)} | {default} | {setting.description} |")
    return "\n".join(lines) + "\n"


def _facts(setting: Setting) -> str:
    parts = [setting.kind, setting.limits, 'or "none"' if setting.optional else ""]
    return ", ".join(part for part in parts if part)


def _about(table: str) -> str:
    """First paragraph of the section's docstring."""
    section = Settings.model_fields[table].annotation
    return " ".join((getattr(section, "__doc__", None) or "").split("\n\n")[0].split())


if __name__ == "__main__":
    print(settings_page(), end="")  # noqa: T201
