"""What a session wrote and could write back: the steps of `undo`, last one first. Pure.

Old values live as long as the session, in memory alone: in the evidence they are sealed with its other answers.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, assert_never

from drivers.cwmp.messages import ParameterValue

MOST_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Changed:
    """One parameter that was written: its old value, and what is there since."""

    before: ParameterValue = field(repr=False)
    after: str = field(repr=False)

    @property
    def name(self) -> str:
        """Its path."""
        return self.before.name


@dataclass(frozen=True, slots=True)
class Written:
    """Parameters were written. `lost`: names of others whose old value nobody may read."""

    changes: tuple[Changed, ...]
    lost: tuple[str, ...] = ()
    later: bool = False
    """The router was going to apply it later, so what it tells now need not be what it will be."""

    def seen(self, now: Mapping[str, ParameterValue]) -> "Written":
        """The same with what is there now, by lower-case name."""
        changes = tuple(
            replace(one, after=now[one.name.lower()].value) if one.name.lower() in now else one for one in self.changes
        )
        return replace(self, changes=changes)


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
        self._unfinished: list[str] = []
        self._untold: list[str] = []
        self.foretold = False
        """Whether the rep was shown what undoing the last step does, so that just this may be done."""

    def push(self, step: UndoStep) -> None:
        """This was done."""
        self._steps.append(step)
        self.foretold = False

    def last(self) -> UndoStep | None:
        """What would be undone now."""
        return self._steps[-1] if self._steps else None

    def drop(self) -> None:
        """The last one was undone, or cannot be."""
        self._steps.pop()
        self.foretold = False

    def renew(self, step: Written) -> None:
        """More is known of the last one."""
        self._steps[-1] = step

    def gone(self, path: str) -> None:
        """An object is no more: nothing below it can be taken back."""
        kept = [step for step in self._steps if not _below(step, path.lower())]
        self._steps = deque(kept, maxlen=MOST_STEPS)
        self.foretold = False

    # --- objects without their values ---------------------------------------------------------------------------------

    def unfinished(self, path: str) -> None:
        """An object was added and has not got the values that it was added with; as yet it is left behind."""
        self._unfinished.append(path)
        self._untold.append(path)

    def waits_for(self, path: str) -> bool:
        """Whether an object is still without its values."""
        return path in self._unfinished

    def untold(self) -> list[str]:
        """Objects that are unfinished behind the command that added them; each once."""
        told, self._untold = [path for path in self._untold if path in self._unfinished], []
        return told

    def finish(self, names: Iterable[str]) -> list[str]:
        """Unfinished objects that hold one of `names`, or are in one of them; they are unfinished no more."""
        lowered = [name.lower() for name in names]
        done = [path for path in self._unfinished if any(_together(path.lower(), name) for name in lowered)]
        self._unfinished = [path for path in self._unfinished if path not in done]
        return done

    def __len__(self) -> int:
        return len(self._steps)


def _together(path: str, name: str) -> bool:
    return name.startswith(path) or path.startswith(name)


def _below(step: UndoStep, path: str) -> bool:
    """Whether all that a step is about was in the object."""
    match step:
        case Written(changes, lost):
            return all(name.lower().startswith(path) for name in (*(one.name for one in changes), *lost))
        case Added(own):
            return own.lower().startswith(path)
        case Deleted():
            return False
    assert_never(step)
