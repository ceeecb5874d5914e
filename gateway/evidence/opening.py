"""Before anything is served: what the log says is erased is erased, holds stand, what was approved is finished.

Needed after a crash in the middle of an erasure, and after a restore: an older `keys.db`, `audit.db` or `state.db`
knows nothing of what was erased since. Counterparts: `audit.retention.again`, `gateway.evidence.erasure`, `vestibule
restore`, which leaves a list of newer erasures behind (`AGAIN_FILE`).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from audit.encoding import decode, encode
from audit.entry import Json, Kind, NewEntry
from audit.erased import words
from audit.errors import BadEntry, KeyHeld, LogDamaged
from audit.files import OWNER_ONLY, sync_directory, write_durably
from audit.journal import Journal
from audit.keys.store import StoredKeys
from audit.leaf import Head, parse
from audit.retention import expiry
from audit.retention.again import KINDS, Standing, apply, held_things, months_again
from audit.retention.ciphertext import sealed_under
from audit.retention.erasure import Eraser, Erasure
from audit.store import EntryReader
from gateway.evidence.persons import Persons

log = structlog.get_logger("evidence")

AGAIN_FILE: Final = "erase-again.json"
"""In the directory of the log: heads of erasures and holds of a newer copy of it, which `vestibule restore` read."""


@dataclass(frozen=True, slots=True)
class _Past:
    """An `erase.done` of the log, or of a newer copy of it."""

    index: int
    head: Head


class Opening:
    """One opening of one log."""

    def __init__(self, journal: Journal, persons: Persons, eraser: Eraser) -> None:
        self._journal = journal
        self._persons = persons
        self._eraser = eraser

    async def run(self, directory: Path | None) -> int:
        """Bring everything in line; how many key sets and months had to be destroyed again.

        `directory` is the log's. Raises `LogDamaged`, `RecordFailed`, `KeyUnavailable`.
        """
        past = await asyncio.to_thread(self._past)
        standing = Standing.of_heads(one.head for one in past)
        again = await asyncio.to_thread(self._journal.between, lambda _, keys, ring: apply(standing, keys, ring))
        if again:
            await asyncio.to_thread(self._clear, {name: tuple(standing.erased[name]) for name in again})
        months = await asyncio.to_thread(self._months, standing)
        await self._state(past)
        await asyncio.to_thread(self._seal_last, past)
        newer = 0 if directory is None else await self._newer(directory / AGAIN_FILE)
        if again or months or newer:
            log.warning("erased_again", count=len(again) + months + newer)
        return len(again) + months + newer

    def _past(self) -> list[_Past]:
        with closing(self._journal.reader()) as reader:
            return [_Past(entry.index, entry.head) for entry in reader.of_kinds(KINDS)]

    def _clear(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        found = self._eraser.read(lambda reader: list(sealed_under(reader, keys)))
        self._eraser.clear(found)

    def _months(self, standing: Standing) -> int:
        due = self._journal.between(lambda _, keys, __: months_again(standing, keys))
        for retention, month in due:
            expiry.run(self._eraser, retention, month)
        return len(due)

    async def _state(self, past: Iterable[_Past]) -> None:
        """The state may be older than an erasure: then its rows go again. It says itself how far it is."""
        known = await self._persons.reconciled_to()
        for one in past:
            if one.head.kind is Kind.ERASE_DONE and one.index >= known:
                await self._forget(one.head)

    async def _forget(self, head: Head) -> None:
        names = frozenset(words(head.facts.get("ks")))
        sets = await asyncio.to_thread(self._sets, names)
        consents = sorted({one.subject for one in sets if one.subject_kind == "consent"})
        subscriber = head.facts.get("subscriber")
        if consents or subscriber:
            await self._persons.erase(consents=consents, subscriber=str(subscriber) if subscriber else None)

    def _sets(self, names: frozenset[str]) -> list[StoredKeys]:
        return self._journal.between(lambda _, keys, __: list(keys.key_sets(ids=names)))

    def _seal_last(self, past: Iterable[_Past]) -> None:
        """A crash right after `erase.done` leaves sealed objects without their new digest: only the last can be hit."""
        done = [one for one in past if one.head.kind is Kind.ERASE_DONE and one.head.facts.get("scope") == "keys"]
        if not done or not done[-1].head.facts.get("deleted") or self._eraser.read(_looked_after(done[-1].index)):
            return
        approval = done[-1].head.facts.get("approval")
        same = [one.head for one in done if one.head.facts.get("approval") == approval]
        keys = Standing.of_heads(same).erased
        doomed = {name: tuple(parts) for name, parts in keys.items()}
        found = self._eraser.read(lambda reader: list(sealed_under(reader, doomed)))
        self._eraser.seal_again(found, done[-1].index)

    # --- after a restore ---------------------------------------------------------------------------------------------

    async def _newer(self, path: Path) -> int:
        """Erasures that happened after the backup was made, by the newer log: done and recorded here as well."""
        heads = await asyncio.to_thread(read_again, path)
        count, held = 0, False
        for head in heads:
            if head.kind is not Kind.ERASE_DONE:
                await asyncio.to_thread(self._hold_again, head)
                continue
            try:
                count += await self._once_more(head)
            except KeyHeld as error:
                held = True
                log.warning("erasure_held", approval=str(head.facts.get("approval")), hold=error.hold)
        if not held:
            await asyncio.to_thread(_remove, path)
        return count

    def _hold_again(self, head: Head) -> None:
        """A hold that was set or released since the backup is so here too, and on record."""
        hold, things = str(head.facts["hold"]), list(held_things(head))
        known = self._journal.between(lambda _, keys, __: keys.holds())
        entry = NewEntry(kind=head.kind, facts={**head.facts, "again": True})
        if head.kind is Kind.HOLD_SET and not set(things) <= set(known.get(hold, ())):
            self._journal.between(lambda _, keys, __: keys.hold(hold, things))
            self._journal.append_later(entry).result()
        elif head.kind is Kind.HOLD_RELEASE and hold in known:
            self._journal.append_later(entry).result()
            self._journal.between(lambda _, keys, __: keys.release(hold))

    async def _once_more(self, head: Head) -> int:
        if head.facts.get("scope") == "month":
            return await asyncio.to_thread(self._months, Standing.of_heads([head]))
        names = frozenset(words(head.facts.get("ks")))
        known = {one.id for one in await asyncio.to_thread(self._sets, names)}
        parts = tuple(words(head.facts.get("comp")))
        subscriber = head.facts.get("subscriber")
        if not known:
            return 0
        erasure = Erasure(
            keys=dict.fromkeys(known, parts),
            basis=str(head.facts.get("basis")),
            by=tuple(words(head.facts.get("by"))),
            approval=str(head.facts.get("approval", "")) or None,
            again=True,
            subscriber=str(subscriber) if subscriber else None,
        )
        await asyncio.to_thread(self._eraser.run, erasure)
        await self._forget(head)
        return len(known)


def write_again(path: Path, heads: Iterable[bytes]) -> int:
    """Keep heads (leaf bytes) of a newer log for the next opening; how many. Raises OSError."""
    texts: list[Json] = [head.decode() for head in heads]
    write_durably(path, encode({"v": 1, "heads": texts}), OWNER_ONLY)
    return len(texts)


def read_again(path: Path) -> list[Head]:
    """Counterpart of `write_again`; nothing if there is no such file. Raises `LogDamaged`."""
    try:
        return _heads(decode(path.read_bytes()))
    except FileNotFoundError:
        return []
    except (OSError, BadEntry) as error:
        raise LogDamaged(f"{path} is damaged; run `vestibule restore` again. The gateway serves nothing.") from error


def _heads(value: Json) -> list[Head]:
    match value:
        case {"v": 1, "heads": list(heads)}:
            return [parse(str(text).encode()) for text in heads]
    raise BadEntry("It is no list of heads.")


def _remove(path: Path) -> None:
    if path.exists():
        path.unlink()
        sync_directory(path.parent)


def _looked_after(index: int) -> Callable[[EntryReader], bool]:
    """Whether a start before this one came by after the entry `index`: it did what there was to do."""

    def look(reader: EntryReader) -> bool:
        return sum(row.index > index for row in reader.of_kinds([Kind.LOG_START.value])) > 1

    return look
