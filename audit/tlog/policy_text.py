"""The file form of a trust policy (C2SP tlog-policy): one line a log, witness, group, and one for the quorum. Pure.

Bytes beyond ASCII are opaque: names are compared byte by byte, whatever they may spell. Within `str` they stand as
Python's surrogate escapes where they are not UTF-8. Counterpart: `audit.tlog.policy`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from audit.errors import BadEntry
from audit.tlog.messages import ED25519, ED25519_COSIGNATURE, MLDSA44_COSIGNATURE
from audit.tlog.note import VerifierKey

NONE = "none"
MAX_BYTES = 1_000_000
MAX_LINES = 256
"""Of each kind: logs, witnesses, groups. C2SP asks for 32 at least."""

LOG_TYPES = (ED25519, MLDSA44_COSIGNATURE)
WITNESS_TYPES = (ED25519_COSIGNATURE, MLDSA44_COSIGNATURE)

_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_ITEM = re.compile("[^\x00-\x20\x7f]+")


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log that may have signed: its key, whose name is its origin, and where it is served."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness by its name in the policy, its key, and where it takes checkpoints."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group that has witnessed when `threshold` of its members (witnesses or earlier groups) have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """All that a policy says, in its order."""

    logs: tuple[KnownLog, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str


def parse(text: str | bytes) -> Lines:
    """Read a policy. Raises `BadEntry`, naming the line."""
    reader = _Reader()
    for number, items in _lines(text):
        try:
            reader.take(items)
        except BadEntry as error:
            raise BadEntry(f"Line {number} of the policy cannot be used: {error}") from error
    if reader.quorum is None:
        raise BadEntry("The policy has no quorum line.")
    return Lines(tuple(reader.logs), tuple(reader.witnesses), tuple(reader.groups), reader.quorum)


class _Reader:
    """What the lines so far have said."""

    def __init__(self) -> None:
        self.logs: list[KnownLog] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self._defined: set[str] = set()

    def take(self, items: list[str]) -> None:
        """One line. Raises `BadEntry`."""
        match items:
            case ["log", key, *url] if len(url) <= 1:
                self.logs.append(KnownLog(VerifierKey.parse(key), *url))
            case ["witness", name, key, *url] if len(url) <= 1:
                self.witnesses.append(Witness(name, VerifierKey.parse(key), *url))
                self._defined.add(name)
            case ["group", name, needed, first, *more]:
                members = (first, *more)
                _need(self._defined.issuperset(members), "a member of the group is not defined on a line above")
                self.groups.append(Group(name, _threshold(needed, len(members)), members))
                self._defined.add(name)
            case ["quorum", name]:
                _need(self.quorum is None, "there is a second quorum line")
                _need(name == NONE or name in self._defined, "the quorum is not defined on a line above")
                self.quorum = name
            case _:
                raise BadEntry("it is none of: log, witness, group, quorum, with what belongs to each")


def render(lines: Lines) -> str:
    """Counterpart of `parse`, without comments: what it reads back as the same."""
    rows: list[tuple[str | None, ...]] = [("log", str(log.key), log.url) for log in lines.logs]
    rows += [("witness", witness.name, str(witness.key), witness.url) for witness in lines.witnesses]
    rows += [("group", group.name, str(group.threshold), *group.members) for group in lines.groups]
    rows.append(("quorum", lines.quorum))
    return "".join(" ".join(item for item in row if item is not None) + "\n" for row in rows)


def check(lines: Lines) -> None:
    """What holds for a policy wherever it came from. Raises `BadEntry`."""
    _need(max(map(len, (lines.logs, lines.witnesses, lines.groups))) <= MAX_LINES, "The policy has too many lines.")
    logs = [log.key for log in lines.logs]
    witnesses = [witness.key for witness in lines.witnesses]
    _need(all(key.algorithm in LOG_TYPES for key in logs), "A log's key in the policy is not of type 0x01 or 0x06.")
    _need(
        all(key.algorithm in WITNESS_TYPES for key in witnesses),
        "A witness's key in the policy is not of type 0x04 or 0x06.",
    )
    for kind, keys in (("log", logs), ("witness", witnesses)):
        _need(_distinct(key.public for key in keys), f"The policy lists a {kind} twice, or two under one key.")
    names = [NONE, *(witness.name for witness in lines.witnesses), *(group.name for group in lines.groups)]
    _need(_distinct(names), "The policy defines a name twice, or the name none, which has a meaning of its own.")
    _need(
        _distinct(member for group in lines.groups for member in group.members),
        "The policy lists a witness or group as a member twice; each counts in one place.",
    )
    urls = [*(log.url for log in lines.logs), *(witness.url for witness in lines.witnesses)]
    words = [*names, *(key.name for key in logs + witnesses), *(url for url in urls if url is not None)]
    _need(all(map(_ITEM.fullmatch, words)), "A name or URL of the policy is empty, or holds spaces or controls.")
    _check_groups(lines)


def _check_groups(lines: Lines) -> None:
    defined = {witness.name for witness in lines.witnesses}
    for group in lines.groups:
        _need(defined.issuperset(group.members), "A group of the policy has a member that is not defined before it.")
        _need(1 <= group.threshold <= len(group.members), "A group of the policy needs between 1 and all its members.")
        defined.add(group.name)
    _need(lines.quorum in defined | {NONE}, "The quorum of the policy is neither a witness nor a group nor none.")


def _lines(text: str | bytes) -> Iterator[tuple[int, list[str]]]:
    """Number and items of each line that says something."""
    try:
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise BadEntry("The policy is not text.") from error
    if len(data) > MAX_BYTES:
        raise BadEntry("The policy is longer than a megabyte.")
    if not data.endswith(b"\n"):
        raise BadEntry("The policy does not end in a newline: its last line may be cut.")
    if _FORBIDDEN.search(data):
        raise BadEntry("The policy holds control characters other than tab and newline.")
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        items = _ITEM.findall(line)
        if items and not items[0].startswith("#"):
            yield number, items


def _threshold(needed: str, members: int) -> int:
    if needed in ("any", "all"):
        return 1 if needed == "any" else members
    _need(needed.isascii() and needed.isdigit() and len(needed) < 4, "the threshold is not any, all or a number")
    _need(needed[0] != "0" and int(needed) <= members, "the threshold is not between 1 and the number of members")
    return int(needed)


def _distinct(values: Iterable[object]) -> bool:
    seen = list(values)
    return len(set(seen)) == len(seen)


def _need(ok: bool, what: str) -> None:
    if not ok:
        raise BadEntry(what)
