"""Lines relative to a current path: RouterOS menus, the edit levels of JunOS and VyOS. Counterpart: `position`.

The path is put in front of the words before they are looked up, so that a table needs every command only once, spelled
from the top. What is sent must mean the same wherever the session stands: a line of a menu is sent absolute, and one of
an edit level without the path that the router adds itself.
"""

from dataclasses import replace
from typing import Final, TypeAlias

from gateway.policy.lexer import Command, LineRefused, Word
from gateway.policy.resolver import Match
from gateway.policy.table import Table

Path: TypeAlias = tuple[str, ...]
"""The words of a menu or an edit level, from the top."""

BELOW: Final = "path"
"""Name of the place below the top of a mode that has a path."""


def path_of(table: Table, mode: str, context: str) -> Path | None:
    """The path that `context` spells, as a prompt shows it (`/ip/address`, `[edit interfaces ge-0/0/0]`).

    Empty at the top, and on platforms without a path; none if it cannot be read.
    """
    spec = table.spec.path
    if spec is None or mode != spec.mode:
        return ()
    text = context.strip()
    if spec.kind == "menu":
        return tuple(text.replace("/", " ").split()) if text.isascii() and text.isprintable() and text != "?" else None
    text = text.removeprefix("[").removesuffix("]").strip()
    text = text.removeprefix("edit").strip() if text.split(" ")[:1] == ["edit"] else text
    try:
        commands = table.lex(text).commands
    except LineRefused:
        return None
    if not commands:
        return ()
    if len(commands) > 1 or commands[0].filters or "?" in text:
        return None
    return tuple(word.text for word in commands[0].words)


def rooted(table: Table, place: str, path: Path, command: Command) -> Command | None:
    """`command` with the path in front, as the table spells commands; none if it is relative to a place not known."""
    spec = table.spec.path
    mode, _, below = place.partition("/")
    if spec is None or mode != spec.mode:
        return command
    if spec.kind == "menu":
        if command.absolute:
            path = ()
        elif below == "?":
            return None
        return _from_menu(path, command)
    if path and command.words and _verb(table, place, command) in spec.verbs:
        at = command.words[0].end
        between = tuple(Word(word, at, at) for word in path)
        return replace(command, words=(command.words[0], *between, *command.words[1:]))
    return command


def root_of(table: Table, place: str) -> str:
    """Where rooted lines of `place` are looked up: those of a menu always at the top."""
    spec = table.spec.path
    mode = place.partition("/")[0]
    return mode if spec is not None and spec.kind == "menu" and mode == spec.mode else place


def _from_menu(path: Path, command: Command) -> Command:
    words = list(command.words)
    while words and words[0].text == ".." and not words[0].quoted:
        path = path[:-1]
        words.pop(0)
    start = words[0].start if words else command.end
    return replace(command, words=(*(Word(word, start, start) for word in path), *words))


def _verb(table: Table, place: str, command: Command) -> str:
    """The first word written out, or nothing if it may mean several words."""
    root, word = table.roots[place], command.words[0]
    if word.quoted or not word.text.isascii():
        return ""
    key = table.graph.key(word.text)
    exact = root.keyword(key)
    if exact is not None:
        return exact[0]
    begun = root.beginning(key) if table.lexer.abbreviates else []
    return begun[0][0] if len(begun) == 1 else ""


def as_sent(table: Table, place: str, path: Path, match: Match) -> Match | None:
    """A match of a rooted line as it goes to the router: absolute, or without the path; none if it cannot be said."""
    spec = table.spec.path
    if spec is None or place.partition("/")[0] != spec.mode:
        return match
    if spec.kind == "menu":
        first = match.pieces[0].text if match.pieces else ""
        return match if first.startswith(":") else replace(match, lead="/")
    if not path or not match.pieces or match.pieces[0].text not in spec.verbs:
        return match
    if match.rule.send is not None:
        return None
    return replace(match, pieces=(match.pieces[0], *match.pieces[1 + len(path) :]))
