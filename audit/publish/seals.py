"""The seals of a log, read from heads, and sealed objects held against them: no keys are needed for that.

Counterpart: `audit.publish.sealed`, which derives the objects and has the seals recorded.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from audit.entry import Kind
from audit.errors import BadEntry
from audit.publish.sealed import sealed_path
from audit.store import EntryReader, kind_mark
from audit.tlog.tiles import WIDTH

Seals: TypeAlias = dict[int, tuple[int, bytes]]
"""Number of the sealed object -> index of its newest seal, and the SHA-256 that the seal names."""

_SEAL = kind_mark(Kind.INTEGRITY_SEAL.value)


class SealedSource(Protocol):
    """Where sealed objects can be read, by number."""

    def get(self, number: int) -> bytes | None: ...


@dataclass(slots=True)
class SealCheck:
    """What came of holding objects against their seals. Findings are (path, sentence)."""

    same: int = 0
    different: list[tuple[str, str]] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)


def last_seals(heads: Iterable[tuple[int, bytes]]) -> Seals:
    """The newest seal of each range among these heads (index, leaf bytes). Raises `BadEntry` for a seal of no range."""
    found: Seals = {}
    for index, head in heads:
        if _SEAL not in head:
            continue
        try:
            value = json.loads(head)
            if value["k"] != Kind.INTEGRITY_SEAL.value:
                continue
            low, high, digest = value["d"]["from"], value["d"]["to"], base64.b64decode(value["d"]["sha256"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadEntry(f"Entry {index} is a seal that cannot be read.") from error
        if type(low) is not int or low < 0 or low % WIDTH or high != low + WIDTH - 1 or len(digest) != 32:
            raise BadEntry(f"Entry {index} seals no range of entries.")
        found[low // WIDTH] = (index, digest)
    return found


def seals_in(database: EntryReader) -> Seals:
    """The newest seals of a whole log. Raises `BadEntry`."""
    return last_seals((row.index, row.head) for row in database.of_kinds([Kind.INTEGRITY_SEAL.value]))


def last_erasure(database: EntryReader) -> int:
    """Index of the newest `erase.done`; -1 if there is none."""
    return max((row.index for row in database.of_kinds([Kind.ERASE_DONE.value])), default=-1)


def check_seals(seals: Mapping[int, tuple[int, bytes]], objects: SealedSource, *, erased: int = -1) -> SealCheck:
    """Hold each object against its newest seal. One that differs and was sealed before `erased`, the index of the
    newest erasure, may have lost something lawfully: it is counted as missing until its new seal is there."""
    check = SealCheck()
    for number, (index, digest) in sorted(seals.items()):
        found = objects.get(number)
        if found is None:
            check.missing.append((sealed_path(number), "The sealed object is not there."))
        elif hashlib.sha256(found).digest() == digest:
            check.same += 1
        elif index < erased:
            check.missing.append(
                (sealed_path(number), f"It differs from its seal, entry {index}, older than an erasure.")
            )
        else:
            check.different.append(
                (sealed_path(number), f"The sealed object is not the one of its seal, entry {index}.")
            )
    return check
