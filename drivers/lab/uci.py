"""The simulated router's configuration store: OpenWrt's UCI, with staged changes and `commit`.

Counterpart: `drivers.lab.openwrt_tools` is the `uci` command over it. Spelling of output follows OpenWrt 23.05.
"""

import copy
import re
from dataclasses import dataclass, field
from typing import TypeAlias

Value: TypeAlias = str | list[str]

_REFERENCE = re.compile(r"@(?P<type>[\w-]+)\[(?P<index>-?\d+)\]")


class EntryNotFound(Exception):
    """No such package, section or option."""


@dataclass
class Section:
    """One section. Anonymous ones have no name and are shown by type and place."""

    type: str
    name: str | None
    options: dict[str, Value] = field(default_factory=dict)


Packages: TypeAlias = dict[str, list[Section]]


class Uci:
    """What is saved, and what is staged over it. Programs read the staged state; services the saved one."""

    def __init__(self, packages: Packages) -> None:
        self._saved = packages
        self._staged = copy.deepcopy(packages)
        self._changes: dict[str, list[str]] = {}

    @property
    def packages(self) -> list[str]:
        """Names of all packages."""
        return sorted(self._staged)

    def get(self, path: str, *, saved: bool = False) -> Value:
        """Value of `package.section.option`, or the type of `package.section`. Raises `EntryNotFound`."""
        package, section, option = _split(path)
        found = self._find(package, section, saved=saved)
        if option is None:
            return found.type
        if option not in found.options:
            raise EntryNotFound(path)
        return found.options[option]

    def text(self, path: str) -> str:
        """A saved single value; empty if there is none."""
        try:
            value = self.get(path, saved=True)
        except EntryNotFound:
            return ""
        return value if isinstance(value, str) else " ".join(value)

    def sections(self, package: str, type_: str) -> list[Section]:
        """Saved sections of a type."""
        return [section for section in self._saved.get(package, []) if section.type == type_]

    def set(self, path: str, value: str) -> None:
        """Stage a value; `package.section=type` makes a section."""
        package, name, option = _split(path)
        if package not in self._staged:
            raise EntryNotFound(path)
        if option is None:
            self._staged[package].append(Section(value, name))
        else:
            self._find(package, name).options[option] = value
        self._note(package, f"{path}='{value}'")

    def add_list(self, path: str, value: str) -> None:
        """Stage one more value of a list."""
        package, name, option = _split(path)
        section = self._find(package, name)
        if option is None:
            raise EntryNotFound(path)
        before = section.options.get(option, [])
        section.options[option] = [*([before] if isinstance(before, str) else before), value]
        self._note(package, f"{path}+='{value}'")

    def delete(self, path: str) -> None:
        """Stage the removal of an option or section."""
        package, name, option = _split(path)
        section = self._find(package, name)
        if option is None:
            self._staged[package].remove(section)
        elif section.options.pop(option, None) is None:
            raise EntryNotFound(path)
        self._note(package, f"-{path}")

    def add(self, package: str, type_: str) -> str:
        """Stage an anonymous section; its internal name."""
        if package not in self._staged:
            raise EntryNotFound(package)
        self._staged[package].append(Section(type_, None))
        name = f"cfg{len(self._staged[package]):02x}{hash(type_) & 0xFFFF:04x}"
        self._note(package, f"{package}.{name}='{type_}'")
        return name

    def commit(self, package: str | None = None) -> None:
        """Save what is staged."""
        for name in [package] if package else self.packages:
            if name not in self._staged:
                raise EntryNotFound(name)
            self._saved[name] = copy.deepcopy(self._staged[name])
            self._changes.pop(name, None)

    def revert(self, package: str) -> None:
        """Forget what is staged for a package."""
        if package not in self._staged:
            raise EntryNotFound(package)
        self._staged[package] = copy.deepcopy(self._saved[package])
        self._changes.pop(package, None)

    def changes(self, package: str | None = None) -> list[str]:
        """Staged changes, one line each."""
        return [line for name in ([package] if package else self.packages) for line in self._changes.get(name, [])]

    def show(self, path: str | None = None) -> list[str]:
        """Lines of `uci show`. Raises `EntryNotFound`."""
        if path is None:
            return [line for package in self.packages for line in self.show(package)]
        package, _, rest = path.partition(".")
        if package not in self._staged:
            raise EntryNotFound(path)
        if not rest:
            return [line for section in self._staged[package] for line in self._show_section(package, section)]
        _, name, option = _split(path)
        section = self._find(package, name)
        if option is None:
            return self._show_section(package, section)
        return [f"{path}={_quoted(self.get(path))}"]

    def export(self, package: str) -> str:
        """The package as its file in /etc/config."""
        if package not in self._staged:
            raise EntryNotFound(package)
        lines = []
        for section in self._saved[package]:
            lines.append(f"\nconfig {section.type}" + (f" '{section.name}'" if section.name else ""))
            for option, value in section.options.items():
                values = [value] if isinstance(value, str) else value
                word = "option" if isinstance(value, str) else "list"
                lines.extend(f"\t{word} {option} '{one}'" for one in values)
        return "\n".join(lines) + "\n"

    def _find(self, package: str, name: str, *, saved: bool = False) -> Section:
        sections = (self._saved if saved else self._staged).get(package, [])
        reference = _REFERENCE.fullmatch(name)
        if reference is not None:
            of_type = [section for section in sections if section.type == reference["type"]]
            try:
                return of_type[int(reference["index"])]
            except IndexError:
                raise EntryNotFound(f"{package}.{name}") from None
        for section in sections:
            if section.name == name:
                return section
        raise EntryNotFound(f"{package}.{name}")

    def _show_section(self, package: str, section: Section) -> list[str]:
        name = section.name
        if name is None:
            of_type = [one for one in self._staged[package] if one.type == section.type]
            place = next(index for index, one in enumerate(of_type) if one is section)
            name = f"@{section.type}[{place}]"
        head = f"{package}.{name}"
        return [f"{head}={section.type}"] + [f"{head}.{key}={_quoted(value)}" for key, value in section.options.items()]

    def _note(self, package: str, change: str) -> None:
        self._changes.setdefault(package, []).append(change)


def _split(path: str) -> tuple[str, str, str | None]:
    package, dot, rest = path.partition(".")
    section, _, option = rest.partition(".")
    if not dot or not section:
        raise EntryNotFound(path)
    return package, section, option or None


def _quoted(value: Value) -> str:
    values = [value] if isinstance(value, str) else value
    return " ".join("'" + one.replace("'", "'\\''") + "'" for one in values)
