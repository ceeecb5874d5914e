"""A model of how OpenWrt's rpcd decides on calls over HTTP, for the access files in docs/howto/backstop/openwrt.

rpcd and ubus are not in Debian and do not run here. The rules are those of rpcd's session.c (login sections, groups,
the two notations of a scope, matching) and uci.c (the second question for configuration files), and in uhttpd's ubus.c
(every call is first asked for in the scope `ubus`). What is not modelled raises: better no answer than a guessed one.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

_UCI_READS = frozenset({"get", "state"})
_UCI_WRITES = frozenset({"add", "set", "delete", "rename", "order", "commit", "revert"})
_ELSEWHERE = frozenset({"file", "session"})
"""Objects with scopes or rights of their own that are not modelled; a call that gets as far as them raises."""


@dataclass(frozen=True)
class Session:
    """What one login may do: triples of scope, pattern of an object, pattern of a function."""

    grants: frozenset[tuple[str, str, str]]

    def access(self, scope: str, thing: str, function: str) -> bool:
        """`session access`: any grant of the scope whose patterns fit."""
        return any(
            scope == granted and fnmatchcase(thing, things) and fnmatchcase(function, functions)
            for granted, things, functions in self.grants
        )

    def call(self, thing: str, function: str, arguments: Mapping[str, str] | None = None) -> bool:
        """Whether a call by `/ubus` gets through to what it is for."""
        if not self.access("ubus", thing, function):
            return False
        if thing in _ELSEWHERE:
            raise NotImplementedError(f"{thing} has rules of its own")
        if thing != "uci":
            return True
        kind = "read" if function in _UCI_READS else "write" if function in _UCI_WRITES else None
        if kind is None:
            raise NotImplementedError(f"uci {function} has rules of its own")
        return self.access("uci", (arguments or {})["config"], kind)


def login(configuration: str, user: str, access_files: list[Path]) -> Session | None:
    """The session of a user whose password was right; none if no login section names the user."""
    for section in re.split(r"(?m)^config ", configuration)[1:]:
        options = dict(re.findall(r"(?m)^\s+option (\w+) '([^']*)'$", section))
        if section.split()[0] == "login" and options.get("username") == user:
            lists = re.findall(r"(?m)^\s+list (\w+) '([^']*)'$", section)
            return _session(access_files, lists)
    return None


def unauthenticated(access_files: list[Path]) -> Session:
    """What is possible without a login: the group of that name, whatever its file."""
    return _session(access_files, [("read", "unauthenticated"), ("write", "unauthenticated")])


def _session(access_files: list[Path], lists: list[tuple[str, str]]) -> Session:
    grants: set[tuple[str, str, str]] = set()
    for path in sorted(access_files):
        for group, rights in json.loads(path.read_text()).items():
            for kind in ("read", "write"):
                if kind in rights and _permitted(lists, kind, group):
                    for scope, things in rights[kind].items():
                        grants |= {(scope, *pair) for pair in _pairs(things, kind)}
                    grants.add(("access-group", group, kind))
    return Session(frozenset(grants))


def _permitted(lists: list[tuple[str, str]], kind: str, group: str) -> bool:
    own = [pattern for name, pattern in lists if name == kind]
    if any(pattern.startswith("!") and fnmatchcase(group, pattern[1:].lstrip()) for pattern in own):
        return False
    if any(not pattern.startswith("!") and fnmatchcase(group, pattern) for pattern in own):
        return True
    return kind == "read" and _permitted(lists, "write", group)  # who may write may read


def _pairs(things: Any, kind: str) -> set[tuple[str, str]]:
    """`{"object": ["function", …]}`, or `["object", …]` with read or write as the function."""
    if isinstance(things, list):
        return {(thing, kind) for thing in things}
    return {(thing, function) for thing, functions in things.items() for function in functions}
