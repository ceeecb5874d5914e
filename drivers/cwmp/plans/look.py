"""Plans that only read: `get`, `names`, `attributes`, `methods`, `show`. Pure."""

from drivers.cwmp import line
from drivers.cwmp.gate import MASK
from drivers.cwmp.messages import (
    Attributes,
    Fault,
    GetParameterAttributes,
    GetRPCMethods,
    Methods,
)
from drivers.cwmp.paths import INSTANCE
from drivers.cwmp.plans.ground import Ground
from drivers.cwmp.plans.reading import Tally, all_below, existing, instances, next_level, read_values
from drivers.cwmp.plans.steps import Plan, Say, call
from drivers.cwmp.rendering import MOST_LINES, NOTHING, bounded, formed, pairs, printable, table
from drivers.cwmp.saying import plain, sentence
from drivers.cwmp.words import Table

NOTIFICATIONS = {
    0: "not reported",
    1: "told with the next call",
    2: "reported at once",
    3: "told in small messages",
    4: "told with the next call and in small messages",
    5: "reported at once, in small messages",
    6: "reported at once and in small messages",
}
"""TR-069, A.3.2.4."""

_HOW_TO_WRITE = "an object's name ends in a dot, and capital letters count"


def get(ground: Ground, command: line.Get) -> Plan:
    """Values of parameters and of all below partial paths."""
    tally, fine = Tally(), True
    wanted: list[str] = []
    for path in command.paths:
        if not path.endswith("."):
            wanted.append(path)
            continue
        listing = yield from all_below(ground, path, tally)
        if listing.fault is not None:
            fine = False
            yield Say(f"% {path}: {sentence(listing.fault, [path])}.\n")
        wanted += listing.parameters
    wanted = list(dict.fromkeys(wanted))
    cut = len(wanted) - MOST_LINES
    wanted = wanted[:MOST_LINES]
    values = yield from read_values(ground, wanted, tally)
    rows: list[tuple[str, str]] = []
    for name in wanted:
        reading = ground.reading(name)
        if reading == "mask":
            tally.masked += 1
            rows.append((name, MASK))
        elif reading == "hide":
            tally.hidden += 1  # asked for by its full name; listings leave such names out
        elif name.lower() in values:
            rows.append((name, values[name.lower()].value))
    text = pairs(rows)
    if cut > 0:
        text += f"({cut} more values are not shown: ask for a narrower path.)\n"
    missing = [name for name in tally.dropped if name in command.paths]
    text += "".join(f"% {name}: {plain(9005)}; {_HOW_TO_WRITE}.\n" for name in missing)
    if text or fine:
        yield Say(text + tally.sentence() or "(There is nothing.)\n")
    return fine and not missing


def names(ground: Ground, command: line.Names) -> Plan:
    """What stands directly below an object, and what of it can be written."""
    tally = Tally()
    listing = yield from next_level(ground, command.path, tally)
    if listing.fault is not None:
        yield Say(f"% {command.path or ground.root}: {sentence(listing.fault, [command.path])}.\n")
        return False
    # What follows the name of a secret would be masked as its value.
    text = pairs(("writable" if info.writable else "", info.name) for info in listing.infos)
    yield Say(bounded(text + tally.sentence() or "(There is nothing.)\n"))
    return True


def attributes(ground: Ground, command: line.Attributes) -> Plan:
    """Which parameters the CPE reports by itself."""
    tally = Tally()
    wanted: list[str] = []
    for path in command.paths:
        if path.endswith("."):
            listing = yield from all_below(ground, path, tally)
            wanted += listing.parameters
        elif ground.reading(path) == "hide":
            tally.hidden += 1
        else:
            wanted.append(path)
    wanted = list(dict.fromkeys(wanted))[:MOST_LINES]
    rows: list[tuple[str, str]] = []
    for start in range(0, len(wanted), ground.quirks.batch):
        batch = wanted[start : start + ground.quirks.batch]
        answer = yield from call(GetParameterAttributes(tuple(batch)))
        if isinstance(answer, Fault):
            yield Say(f"% {sentence(answer, batch)}.\n")
            return False
        rows += _attribute_rows(batch, answer if isinstance(answer, Attributes) else Attributes(()))
    yield Say(pairs(rows) + tally.sentence() or "(There is nothing.)\n")
    return True


def _attribute_rows(batch: list[str], answer: Attributes) -> list[tuple[str, str]]:
    asked = {name.lower(): name for name in batch}
    rows = []
    for entry in answer.attributes:
        name = asked.pop(entry.name.lower(), None)
        if name is None:
            continue
        number = entry.notification or 0
        owner = "writable at home" if "subscriber" in [who.lower() for who in entry.access or ()] else ""
        words = NOTIFICATIONS.get(number, f"notification {number}")
        rows.append((name, f"{words}, {owner}" if owner else words))
    return rows


def methods(ground: Ground) -> Plan:
    """The RPCs that the CPE says it knows."""
    answer = yield from call(GetRPCMethods())
    if isinstance(answer, Fault):
        yield Say(f"% {sentence(answer)}.\n")
        return False
    found = answer.names if isinstance(answer, Methods) else ()
    yield Say(bounded("".join(f"{printable(name, 80)}\n" for name in found) or f"({ground.root} names none.)\n"))
    return True


# --- show -------------------------------------------------------------------------------------------------------------


def show(ground: Ground, command: line.Show) -> Plan:
    """A topic as tables with plain names."""
    if command.topic == "events":
        yield Say(_events(ground))
        return True
    tally = Tally()
    tables = ground.words.tables(command.topic, ground.root)
    found: list[tuple[Table, list[str]]] = []
    wanted: list[str] = []
    for spec in tables:
        objects = yield from instances(ground, spec.each, tally)
        found.append((spec, objects))
        every = [path + column.name for path in objects for column in spec.columns]
        open_ones = [name for name in every if ground.reading(name) != "hide"]
        tally.hidden += len(every) - len(open_ones)
        wanted += yield from existing(ground, open_ones, Tally())  # what it hides is counted above
    wanted = wanted[: 4 * MOST_LINES]
    values = yield from read_values(ground, wanted, tally)
    cells = {key: value.value for key, value in values.items()}
    masked = [name for name in wanted if ground.reading(name) == "mask"]
    tally.masked += len(masked)
    cells |= {name.lower(): MASK for name in masked}
    parts = [text for spec, objects in found if (text := _table(spec, objects, cells))]
    text = "\n".join(parts) or f"(The router has nothing of {command.topic}, or nothing that may be shown.)\n"
    yield Say(bounded(text + tally.sentence()))
    return True


def _table(spec: Table, objects: list[str], cells: dict[str, str]) -> str:
    """One table, without columns and lines of which nothing is known."""
    rows = [(path, [cells.get((path + column.name).lower()) for column in spec.columns]) for path in objects]
    rows = [(path, row) for path, row in rows if any(cell is not None for cell in row)]
    used = [n for n in range(len(spec.columns)) if any(row[n] is not None for _, row in rows)]
    if not rows:
        return ""
    lines = [[_cell(row[n], spec, n) for n in used] for _, row in rows]
    if INSTANCE not in spec.each:
        return f"{spec.title}\n" + pairs((f"  {spec.columns[n].title}", lines[0][i]) for i, n in enumerate(used))
    numbers = [instance_numbers(path) for path, _ in rows]
    titles = ["#", *(spec.columns[n].title for n in used)]
    return f"{spec.title}\n" + table(titles, [[number, *row] for number, row in zip(numbers, lines, strict=True)])


def _cell(value: str | None, spec: Table, column: int) -> str:
    return NOTHING if not value else formed(value, spec.columns[column].form)


def instance_numbers(path: str) -> str:
    """`1.2` of `A.1.B.2.`"""
    return ".".join(part for part in path.split(".") if part.isdigit())


def _events(ground: Ground) -> str:
    """Why the CPE called: no RPC is needed."""
    inform = ground.contact.inform
    rows = [(printable(event.code, 60), EVENTS.get(event.code.partition(" ")[0], "")) for event in inform.events]
    text = pairs(rows) or "(The router gave no reason.)\n"
    return text + (f"(It is its call number {inform.retry_count + 1} about this.)\n" if inform.retry_count else "")


EVENTS = {
    "0": "it calls for the first time, or was reset to factory settings",
    "1": "it was switched on or restarted",
    "2": "its regular call",
    "3": "a call that was asked for earlier",
    "4": "a value changed that is watched",
    "5": "somebody came back from a web page to it",
    "6": "the gateway asked it to call",
    "7": "a transfer has ended",
    "8": "a test has ended",
    "9": "it asks for a file",
    "10": "a transfer of its own has ended",
    "11": "a software module changed",
    "12": "a software module changed by itself",
    "13": "it woke up",
    "M": "what it was told earlier is done",
}
"""TR-069, 3.7.1.5."""
