"""The RPCs of a session with their answers, paired as their entries say. Pure.

For pages that show a session: `gateway.review.looks`, `audit.export.story`. The entries are `rpc.intent` and
`rpc.result` (docs/reference/entry.md); heads hold methods and counts, names and values stand in the sealed parts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from audit.entry import Json, Kind
from audit.reader import StoredEntry


@dataclass(frozen=True, slots=True)
class Exchange:
    """One RPC and its answer. `result` is none if no answer is on record."""

    intent: StoredEntry
    result: StoredEntry | None

    @property
    def method(self) -> str:
        return str(self.intent.facts.get("method", ""))

    @property
    def command(self) -> int | None:
        """Number in the session of the command that it carries out; none if it belongs to no command."""
        return _fact(self.intent, "of")

    @property
    def asked(self) -> int | None:
        """How many names it asks for or writes; none where the method takes no list of them."""
        return _fact(self.intent, "names")

    @property
    def lost(self) -> bool:
        """The connection ended before the answer."""
        return bool(_fact(self.result, "lost"))

    @property
    def fault(self) -> int | None:
        """The CPE's fault code (TR-069, A.5)."""
        return _fact(self.result, "fault")

    @property
    def came(self) -> int | None:
        """How many values, names or transfers came; none where the method answers with no list of them."""
        counts = (_fact(self.result, name) for name in ("values", "names", "transfers"))
        return next((count for count in counts if count is not None), None)

    @property
    def hidden(self) -> int:
        """How many were withheld from the rep too: names that policy hides, values that nobody had asked for."""
        return (_fact(self.result, "hidden") or 0) + (_fact(self.result, "unasked") or 0)

    @property
    def masked(self) -> int:
        """How many of the values on record are masked."""
        return _fact(self.result, "masked") or 0


def exchanges(chain: Sequence[StoredEntry]) -> list[Exchange]:
    """Of a session's entries, in order."""
    results = {_fact(entry, "of"): entry for entry in chain if entry.kind is Kind.RPC_RESULT}
    return [Exchange(entry, results.get(entry.n)) for entry in chain if entry.kind is Kind.RPC_INTENT]


def names_in(act: Mapping[str, Json]) -> Iterator[str]:
    """The parameters and objects that an RPC names, from the opened part of its `rpc.intent`. No values."""
    path = act.get("path")
    if isinstance(path, str) and path:
        yield path
    for key in ("names", "values", "attributes"):
        items = act.get(key)
        for item in items if isinstance(items, list) else ():
            name = item.get("name") if isinstance(item, Mapping) else item
            if isinstance(name, str) and name:
                yield name


def lines_of(part: Mapping[str, Json]) -> Iterator[str]:
    """An opened part of either entry, for people: a line for each name, with its value; then what stands alone.

    Text in it is the CPE's or the rep's: whoever shows it spells out controls.
    """
    for key, value in sorted(part.items(), key=lambda item: not isinstance(item[1], list)):
        if isinstance(value, list):
            yield from map(_item, value)
        elif value not in ("", None):
            yield f"{key}: {_plain(value)}"


def _item(item: Json) -> str:
    if not isinstance(item, Mapping):
        return _plain(item)
    name = _plain(item.get("name"))
    head = f"{name} = {_plain(item['value'])}" if "value" in item else name
    rest = ", ".join(f"{key} {_plain(item[key])}" for key in sorted(item) if key not in ("name", "value"))
    return f"{head} ({rest})" if rest else head


def _plain(value: Json) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return ""
        case list():
            return ", ".join(map(_plain, value))
        case dict():
            return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
        case _:
            return str(value)


def _fact(entry: StoredEntry | None, name: str) -> int | None:
    value = None if entry is None else entry.facts.get(name)
    return value if isinstance(value, int) else None
