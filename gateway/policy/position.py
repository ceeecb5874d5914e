"""Where a session stands, as a prompt or a command says it, as a place of a table. Counterpart: `Position`.

The context of a position may be a context's name, a prompt tag (`config-if`) or the command that led there
(`interface Dialer2`). All three come to the same place here. On platforms with a path it is that path (`/ip address`).
"""

from gateway.policy.filters import resolve
from gateway.policy.lexer import LineRefused
from gateway.policy.paths import BELOW, Path, path_of
from gateway.policy.resolver import Match
from gateway.policy.rule import Rule
from gateway.policy.table import Table
from gateway.policy.verdict import Position

_REMEMBERED = 512


def place_of(table: Table, position: Position) -> str | None:
    """The place of `position`: `mode`, `mode/context`, or `mode/?` if its context is not known; none without the mode.

    A prompt tag that several contexts share is not known either: only commands that lead out are then allowed.
    """
    found = table.places.get(position)
    if found is None:
        if position.mode not in table.spec.modes:
            return None
        found = _look_up(table, position.mode, position.context.strip().strip("()"))
        if len(table.places) < _REMEMBERED:
            table.places[position] = found
    return found


def path_at(table: Table, position: Position) -> Path:
    """The path of `position`; empty at the top and where there is none."""
    return path_of(table, position.mode, position.context) or ()


def _look_up(table: Table, mode: str, context: str) -> str:
    if table.spec.path is not None and table.spec.path.mode == mode:
        path = None if context == "?" else path_of(table, mode, context)
        return f"{mode}/?" if path is None else f"{mode}/{BELOW}" if path else mode
    if not context or context == mode:
        return mode
    if f"{mode}/{context}" in table.roots and context != "?":
        return f"{mode}/{context}"
    shared = table.tagged(mode, context)
    if shared:
        return f"{mode}/{shared[0] if len(shared) == 1 else '?'}"
    places = [mode, *(place for place in table.roots if place.startswith(f"{mode}/") and not place.endswith("/?"))]
    for place in places:
        entered = _entered_by(table, place, context)
        if entered is not None and entered.partition("/")[0] == mode:
            return entered
    return f"{mode}/?"


def _entered_by(table: Table, place: str, text: str) -> str | None:
    try:
        line = table.lex(text)
    except LineRefused:
        return None
    if len(line.commands) != 1 or line.help:
        return None
    matches = resolve(table, place, line.commands[0], line.text)
    if not isinstance(matches, list):
        return None
    return next((entered for match in matches if (entered := target_of(table, match.rule, place)) is not None), None)


def target_of(table: Table, rule: Rule, place: str) -> str | None:
    """The place where `rule` leads from `place`, or none if it stays. Not for moves along a path."""
    enter = None if rule.row is None or rule.row.enter in {"path", "up", "top"} else rule.row.enter
    return parent_of(table, place) if enter == "parent" else enter


def parent_of(table: Table, place: str) -> str:
    """One level up: the enclosing context, else the mode's top. An unknown context counts as directly below the top."""
    mode, _, name = place.partition("/")
    context = table.spec.contexts.get(name)
    return mode if context is None or context.parent is None else f"{mode}/{context.parent}"


def position_after(table: Table, match: Match, place: str, path: Path = ()) -> Position | None:
    """Where the session stands after `match`, found at `place` and `path`; none if it does not move.

    The context is given as the command that led there when that is all one needs to find it again, else by name.
    """
    enter = None if match.rule.row is None else match.rule.row.enter
    if enter in {"path", "up", "top"}:
        return Position(table.platform, place.partition("/")[0], _path_after(table, match, path, enter))
    target = target_of(table, match.rule, place)
    if target is None:
        return None
    mode, _, name = target.partition("/")
    spelled = Position(table.platform, mode, match.canonical if name else "")
    if enter == "parent" or place_of(table, spelled) != target:
        return Position(table.platform, mode, name)
    return spelled


def _path_after(table: Table, match: Match, path: Path, enter: str | None) -> str:
    spec = table.spec.path
    menu = spec is not None and spec.kind == "menu"
    texts = [piece.text for piece in match.pieces]
    verb = next((at for at, text in enumerate(texts) if spec is not None and text in spec.verbs), 0)
    words = " ".join(texts if menu else texts[verb + 1 :])  # `top edit system` has the verb second
    if enter != "path":
        words = " ".join(path[:-1]) if enter == "up" else ""
    return f"/{words}" if menu and words else words


def agrees(table: Table, expected: Position, seen: Position) -> bool:
    """Whether the prompt's position `seen` can be the one that was `expected`.

    If not, the session stands at `seen`; `place_of` then decides what is still allowed.
    """
    if expected.mode != seen.mode:
        return False
    wanted = place_of(table, expected)
    if table.spec.path is not None and table.spec.path.mode == seen.mode:
        known = wanted is not None and not wanted.endswith("/?") and seen.context != "?"
        return known and path_at(table, expected) == path_at(table, seen)
    if wanted is None or wanted == place_of(table, seen):
        return wanted is not None
    name = wanted.partition("/")[2]
    return name in table.tagged(seen.mode, seen.context.strip().strip("()"))
