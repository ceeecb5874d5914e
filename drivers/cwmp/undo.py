"""What a session wrote and could write back: the steps of `undo`, last one first. Pure.

Old values live as long as the session, in memory alone: in the evidence they are sealed with its other answers.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from drivers.cwmp.messages import ParameterValue

MOST_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Written:
    """Parameters were written; `before` are the old values. `lost`: names of others whose old value nobody may read."""

    before: tuple[ParameterValue, ...] = field(repr=False)
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Added:
    """An object came into being."""

    path: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """An object is gone for good."""

    path: str


UndoStep: TypeAlias = Written | Added | Deleted


class UndoList:
    """The changes of one session."""

    def __init__(self) -> None:
        self._steps: deque[UndoStep] = deque(maxlen=MOST_STEPS)

    def push(self, step: UndoStep) -> None:
        """This was done."""
        self._steps.append(step)

    def last(self) -> UndoStep | None:
        """What would be undone now."""
        return self._steps[-1] if self._steps else None

    def drop(self) -> None:
        """The last one was undone, or cannot be."""
        self._steps.pop()

    def __len__(self) -> int:
        return len(self._steps)
