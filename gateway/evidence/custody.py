"""Everything that keeps or ends evidence, put together over one journal: approvals, erasures, holds, retention."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.journal import Journal
from audit.retention.erasure import Eraser, no_step
from audit.retention.purge import Purgeable
from config.clock import Clock
from config.settings import Settings
from gateway.evidence.approvals import Approvals
from gateway.evidence.deciding import Deciding
from gateway.evidence.erasure import Erasures
from gateway.evidence.holds import Holds
from gateway.evidence.opening import Opening
from gateway.evidence.persons import Persons
from gateway.evidence.reach import Reach
from gateway.evidence.retention import Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """The use cases of one log."""

    approvals: Approvals
    erasures: Erasures
    holds: Holds
    retention: Retention

    @property
    def deciding(self) -> Deciding:
        """What waits for a second person."""
        return Deciding(self.approvals, self.erasures, self.holds)

    @classmethod
    async def open(
        cls,
        journal: Journal,
        clock: Clock,
        settings: Settings,
        persons: Persons,
        purgeable: Sequence[Purgeable] = (),
        *,
        directory: Path | None = None,
        step: Callable[[str], None] = no_step,
    ) -> "Custody":
        """Bring keys, ciphertext and state in line with the log, finish what was approved, then be ready.

        MUST be done before anything is served. `directory` is the log's, where `vestibule restore` may have left word
        of newer erasures. `step` is a seam for tests. Raises `LogDamaged`, `RecordFailed`, `KeyUnavailable`.
        """
        eraser = Eraser(journal, purgeable, step=step)
        await Opening(journal, persons, eraser).run(directory)
        approvals = await Approvals.open(journal, clock, hours=settings.evidence.approval_hours)
        reach = Reach(journal, persons)
        custody = cls(
            approvals=approvals,
            erasures=Erasures(journal, approvals, persons, eraser=eraser, reach=reach),
            holds=Holds(journal, approvals, reach),
            retention=Retention(journal, clock, settings.retention, eraser=eraser, reach=reach),
        )
        await custody.holds.finish()
        await reach.widen()
        await custody.erasures.finish()
        return custody
