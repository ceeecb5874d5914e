"""Retention for people: what has come to the end of its time, shown before it goes; by hand, or by itself every day.

Counterpart: `audit.retention.expiry`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Final

from audit.journal import Journal
from audit.reader import EvidenceReader
from audit.retention.erasure import Eraser
from audit.retention.expiry import ExpiryPlan, Kept, Limits, plan, run
from audit.retention.purge import Purgeable
from config.clock import Clock
from config.settings import RetentionSettings
from gateway.access.identity import Authenticated
from gateway.errors import BadRequest, NotAllowed
from gateway.evidence.reach import Reach

MAY_LOOK: Final = frozenset({"operator", "supervisor", "auditor"})
FLOOR_MONTHS: Final = 12
"""PCI DSS 10.5.1: an audit trail is kept for at least twelve months."""


def limits_of(settings: RetentionSettings) -> Limits:
    """How long each class is kept. A consent counts from its end, which is at most a month after it was asked for."""
    return {
        "access": Kept(months=settings.access_months),
        "recording": Kept(days=settings.recording_days),
        "strike": Kept(months=settings.strike_months),
        "consent": Kept(months=settings.consent_months + 1),
    }


def warnings_of(settings: RetentionSettings) -> list[str]:
    """What is unusual about the settings, in sentences."""
    if settings.access_months >= FLOOR_MONTHS:
        return []
    found = settings.access_months
    return [f"retention.access_months is {found}: PCI DSS wants the audit trail kept for {FLOOR_MONTHS} at least."]


class Retention:
    """The use cases of one log."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        settings: RetentionSettings,
        purgeable: Sequence[Purgeable] = (),
        *,
        eraser: Eraser | None = None,
        reach: Reach,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._reach = reach
        self._limits = limits_of(settings)
        self._eraser = eraser or Eraser(journal, purgeable)
        self._turn = asyncio.Lock()
        self.warnings = warnings_of(settings)

    async def plan(self, auth: Authenticated) -> ExpiryPlan:
        """What a run would destroy now. Raises `NotAllowed`."""
        if auth.principal.role not in MAY_LOOK:
            raise NotAllowed("Your role may not see what is to expire.")
        return await self._plan()

    async def run(self, auth: Authenticated, digest: str | None) -> ExpiryPlan:
        """Do it: what the plan with this digest showed, or with none whatever is due; the plan that was carried out.

        For operators. Raises `NotAllowed`; `BadRequest` if something else is due than was shown; `RecordFailed`.
        """
        if auth.principal.role != "operator":
            raise NotAllowed("Only an operator may have what is due destroyed.")
        async with self._turn:
            due = await self._plan()
            if digest is not None and digest != due.digest:
                raise BadRequest(
                    "Something else is due than the plan showed. Look at it again, then run what it shows."
                )
            return await self._carry_out(due)

    async def run_scheduled(self) -> ExpiryPlan:
        """Whatever is due, as the settings ask for daily. Raises `RecordFailed`."""
        async with self._turn:
            return await self._carry_out(await self._plan())

    async def _carry_out(self, due: ExpiryPlan) -> ExpiryPlan:
        for month in due.due:
            await asyncio.to_thread(run, self._eraser, month.retention, month.month)
        return due

    async def _plan(self) -> ExpiryPlan:
        await self._reach.widen()
        return await asyncio.to_thread(self._plan_now)

    def _plan_now(self) -> ExpiryPlan:
        with closing(self._journal.reader()) as reader:
            return self._look(reader, self._clock.now())

    def _look(self, reader: EvidenceReader, now: datetime) -> ExpiryPlan:
        assert reader.keys is not None
        return plan(reader.keys, reader.rows, self._limits, now)
