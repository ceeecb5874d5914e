"""What waits for its record: one `Record` is asked at a time, and what it was for is remembered. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from audit.command import RecordedCommand
from gateway.mediation.events import Record


@dataclass(frozen=True, slots=True)
class Item:
    """Bytes that are to be recorded and then sent."""

    kind: Literal["line", "pager", "question", "interrupt"]
    record: Record


class Outbox:
    """Holds items until their proof comes. `Recorded` answers the oldest `Record`."""

    def __init__(self) -> None:
        self._awaited: Item | None = None
        self._waiting: deque[Item] = deque()

    def add(self, item: Item) -> list[Record]:
        """Ask for the item's record now, or after those before it."""
        if self._awaited is not None:
            self._waiting.append(item)
            return []
        self._awaited = item
        return [item.record]

    def holds(self, *kinds: str) -> bool:
        """Whether an item of one of these kinds is not answered yet."""
        items = ([self._awaited] if self._awaited else []) + list(self._waiting)
        return any(item.kind in kinds for item in items)

    def answered(self, command: RecordedCommand) -> Item | None:
        """The item that `command` proves; none if no record was asked for. Raises ValueError if they differ."""
        item, self._awaited = self._awaited, None
        if item is not None and (command.wire, command.purpose) != (item.record.wire, item.record.purpose):
            raise ValueError("the proof is for other bytes than those asked for")
        return item

    def ask_next(self) -> list[Record]:
        """Ask for the next record, if there is one and none is awaited."""
        if self._awaited is not None or not self._waiting:
            return []
        self._awaited = self._waiting.popleft()
        return [self._awaited.record]
