"""Makes transitions take effect: the entry durable first, then the store, then those who want to know.

Counterpart: `gateway.consent.service` says which transition; `gateway.consent.lifecycle` whether it is possible.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeAlias, TypeVar
from weakref import WeakValueDictionary

import structlog

from audit.entry import EntryRef, Kind, NewEntry
from audit.errors import AuditError
from gateway.consent.lifecycle import recorded
from gateway.consent.model import Consent
from gateway.consent.store import ConsentStore
from gateway.consent.transition import Transition
from gateway.errors import NotAllowed

Rule: TypeAlias = Callable[[Consent], Transition]
"""A transition still to be decided: raises if the consent, as it stands by then, forbids it."""
EndedListener: TypeAlias = Callable[[str, str], Awaitable[None] | None]
"""Called with consent id and one word why."""
ChangedListener: TypeAlias = Callable[[Consent], Awaitable[None] | None]

NOT_YOURS: Final = "There is no such consent, or it is not yours."

T = TypeVar("T")
_log = structlog.get_logger("consent")


class Evidence(Protocol):
    """The part of `audit.journal.Journal` that consent needs."""

    async def append(self, entry: NewEntry) -> EntryRef:
        """Durable when it returns. Raises `audit.errors.RecordFailed`."""
        ...


class Ledger:
    """Serialises the transitions of each consent within this process; the store's revisions do so between processes."""

    def __init__(self, evidence: Evidence, store: ConsentStore) -> None:
        self.evidence = evidence
        self.store = store
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._ahead: dict[str, Consent] = {}
        """On record, but not written to the store because that failed. Written before anything else is decided."""
        self._running: set[asyncio.Task[Any]] = set()
        self._ended: list[EndedListener] = []
        self._changed: list[ChangedListener] = []

    def on_ended(self, listener: EndedListener) -> None:
        """Have `listener` called after each ending entry is durable; also (`record_failed`) when one could not be."""
        self._ended.append(listener)

    def on_changed(self, listener: ChangedListener) -> None:
        """Have `listener` called after each transition took effect, endings included."""
        self._changed.append(listener)

    async def begin(self, transition: Transition) -> Consent:
        """Record and store a new consent."""
        return await self._to_the_end(self._begin(transition))

    async def step(self, consent_id: str, rule: Rule) -> Consent:
        """Apply `rule` to the consent as it stands. Raises what `rule` raises, and `RecordFailed`."""
        return await self._to_the_end(self._step(consent_id, rule))

    async def amend(self, consent_id: str, change: Callable[[Consent], Consent]) -> Consent:
        """Store a change that is no transition, so has no entry of its own."""
        return await self._to_the_end(self._amend(consent_id, change))

    async def current(self, consent_id: str) -> Consent | None:
        """The consent as the evidence has it. Every decision MUST be made on this, never on the bare store."""
        ahead = self._ahead.get(consent_id)
        if ahead is not None:
            await self.store.overwrite(ahead)
            self._ahead.pop(consent_id, None)
            return ahead
        return await self.store.get(consent_id)

    async def _to_the_end(self, work: Awaitable[T]) -> T:
        """A caller that goes away must not leave an entry without its effect."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _begin(self, transition: Transition) -> Consent:
        await self.evidence.append(transition.entry)
        try:
            await self.store.put(transition.consent)
        except Exception:
            self._ahead[transition.consent.id] = transition.consent
            raise
        await self._tell(transition)
        return transition.consent

    async def _step(self, consent_id: str, rule: Rule) -> Consent:
        async with self._lock(consent_id):
            before = await self._get(consent_id)
            transition = rule(before)
            try:
                ref = await self.evidence.append(transition.entry)
            except AuditError:
                if transition.ended is not None:
                    # Whoever wanted an end must not be outlived by a session because the record has no room for it.
                    await self._tell_ended(consent_id, "record_failed")
                raise
            transition = _with_index(transition, ref)
            try:
                while not await self._replace(before, transition.consent):
                    # Another process was faster. The entry stands, so what it says is applied on top; if what came
                    # first forbids that (the consent has ended), the end is what counts.
                    before = await self._get(consent_id)
                    transition = _with_index(rule(before), ref)
            except BaseException:
                if transition.ended is not None:
                    await self._tell(transition)  # the end is on record: sessions must go, stored or not
                raise
            await self._tell(transition)
            return transition.consent

    async def _replace(self, before: Consent, after: Consent) -> bool:
        try:
            return await self.store.replace(before, after)
        except Exception:
            self._ahead[after.id] = after
            raise

    async def _amend(self, consent_id: str, change: Callable[[Consent], Consent]) -> Consent:
        async with self._lock(consent_id):
            while True:
                before = await self._get(consent_id)
                after = change(before)
                if after is before or await self.store.replace(before, after):
                    return after

    def _lock(self, consent_id: str) -> asyncio.Lock:
        lock = self._locks.get(consent_id)
        if lock is None:
            lock = self._locks[consent_id] = asyncio.Lock()
        return lock

    async def _get(self, consent_id: str) -> Consent:
        found = await self.current(consent_id)
        if found is None:
            raise NotAllowed(NOT_YOURS)
        return found

    async def _tell(self, transition: Transition) -> None:
        for changed in self._changed:
            await _call(changed, transition.consent)
        if transition.ended is not None:
            await self._tell_ended(transition.consent.id, transition.ended)

    async def _tell_ended(self, consent_id: str, reason: str) -> None:
        for ended in self._ended:
            await _call(ended, consent_id, reason)


async def _call(listener: Callable[..., Awaitable[None] | None], *args: object) -> None:
    """One listener's fault must not keep the others from hearing."""
    try:
        result = listener(*args)
        if result is not None:
            await result
    except Exception as error:  # noqa: BLE001  any fault of a listener; what happened is already on record
        _log.error("consent.listener_failed", error=type(error).__name__)


def _with_index(transition: Transition, ref: EntryRef) -> Transition:
    if transition.entry.kind is not Kind.CONSENT_GRANTED:
        return transition
    return Transition(consent=recorded(transition.consent, ref.index), entry=transition.entry)
