"""Reading what is sealed: every look is an entry first, with who, why and what. For the command, REST and pages alike.

A look (`View`) is for one person, one thing and a limited time. Where two persons are needed, the first look asks for
an approval and a second person gives it (`gateway.evidence.approvals`). Heads are open to whoever may read the log;
they name nobody. Counterparts: `gateway.api.views`, `gateway.api.search`, `gateway.review`, which show things.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from audit.entry import Compartment, Json, Kind, NewEntry
from audit.journal import Journal
from audit.search.errors import BadQuery
from audit.search.index import Hit, Index
from audit.search.query import Query, parse
from config.clock import Clock
from gateway.access.identity import Authenticated, Role
from gateway.errors import BadRequest, NotAllowed, Unavailable
from gateway.evidence.approvals import Approval, Approvals

What = Literal["replay", "export", "log"]

READERS: Final[frozenset[Role]] = frozenset({"auditor", "reviewer", "supervisor", "operator"})
"""Who may look at all. Reps and machines may not, not even at sessions of their own: the subscriber has a copy."""

LONGEST_REASON: Final = 500
_MOST_VIEWS: Final = 10_000


class SecondPersonNeeded(NotAllowed):
    """A second person has to approve first. `approval` is what they approve."""

    def __init__(self, approval: Approval) -> None:
        super().__init__(
            f"This takes a second person. Approval {approval.id} was asked for and waits; when somebody else has given "
            "it, try again."
        )
        self.approval = approval.id


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Permission of one person to look at one thing until `until`. Made by `Reading` only, after its entry stands."""

    index: int
    """Of its entry in the log."""
    person: str
    """Principal id."""
    viewer: str = field(repr=False)
    session: str | None
    consent: str | None
    at: datetime
    until: datetime

    @property
    def watermark(self) -> str:
        """Who looks, since when, and where that is on record: stands on everything that is shown under it."""
        return f"{self.viewer} · {self.at:%Y-%m-%d %H:%M:%S} UTC · entry {self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a search found. `index`: the entry of the search itself. `texts`: false where they need a second person."""

    index: int
    query: Query
    hits: Sequence[Hit]
    texts: bool
    watermark: str


class Reading:
    """Looks at one log. One instance a worker; used from its event loop."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        index: Index | None = None,
        approvals: Approvals | None = None,
        persons: Literal[1, 2] = 1,
        minutes: int = 60,
    ) -> None:
        """`persons`: how many it takes to open something; `minutes`: how long a look or an approval is good for."""
        self._journal = journal
        self._clock = clock
        self._index = index
        self._approvals = approvals
        self._persons = persons
        self._minutes = timedelta(minutes=minutes)
        self._views: dict[tuple[str, str | None, str | None], View] = {}
        """By person, session and consent; the newest."""

    async def view(
        self, auth: Authenticated, what: What, *, reason: str, session: str | None = None, consent: str | None = None
    ) -> View:
        """Put a look on record. What has neither session nor consent is about the whole log.

        Durable when it returns. Raises `NotAllowed`, `SecondPersonNeeded`, `BadRequest` without a reason, `AuditError`.
        """
        _check_role(auth)
        reason = _checked(reason)
        now = self._clock.now()
        approval = await self._approved(auth, session, consent, reason, now) if self._persons == 2 else None
        facts: dict[str, Json] = {"what": what, "session": session or "", "consent": consent or ""}
        if approval is not None:
            facts["approval"] = approval.id
        kind = Kind.EXPORT_MADE if what == "export" else Kind.REPLAY_VIEW
        ref = await self._journal.append(NewEntry(kind=kind, facts=facts, sealed=_sealed(auth, {"reason": reason})))
        until = now + self._minutes
        if approval is not None and approval.decided_at is not None:
            until = min(until, approval.decided_at + self._minutes)
        view = View(
            index=ref.index,
            person=auth.principal.id,
            viewer=auth.principal.name,
            session=session,
            consent=consent,
            at=now,
            until=until,
        )
        self._keep(view, now)
        return view

    def current(self, auth: Authenticated, *, session: str | None = None, consent: str | None = None) -> View | None:
        """The newest look of this person at exactly this that lasts."""
        view = self._views.get((auth.principal.id, session, consent))
        if view is None or self._clock.now() >= view.until or auth.principal.role not in READERS:
            return None
        return view

    async def search(
        self, auth: Authenticated, text: str, *, reason: str, limit: int = 50, before: int | None = None
    ) -> Results:
        """Ask the index. The query is on record, sealed, before it is asked. Raises as `view`, and `Unavailable`."""
        _check_role(auth)
        reason = _checked(reason)
        if self._index is None:
            raise Unavailable("There is no search here: search.enabled is off.")
        try:
            query = parse(text, limit=max(1, min(limit, 200)), before=before)
        except BadQuery as error:
            raise BadRequest(str(error)) from error
        sealed = _sealed(auth, {"query": text, "reason": reason})
        now = self._clock.now()
        ref = await self._journal.append(NewEntry(kind=Kind.SEARCH_QUERY, facts={"what": "search"}, sealed=sealed))
        hits = await asyncio.to_thread(self._index.query, query)
        texts = self._persons == 1
        return Results(
            index=ref.index,
            query=query,
            hits=hits if texts else [_without_texts(hit) for hit in hits],
            texts=texts,
            watermark=f"{auth.principal.name} · {now:%Y-%m-%d %H:%M:%S} UTC · entry {ref.index}",
        )

    # --- two persons -------------------------------------------------------------------------------------------------

    async def _approved(
        self, auth: Authenticated, session: str | None, consent: str | None, reason: str, now: datetime
    ) -> Approval:
        """An approval of exactly this look, given not long ago. Asks for one if there is none. Raises."""
        if self._approvals is None:
            raise Unavailable("Two persons are needed to open this, and approvals are not available here.")
        subject: dict[str, Json] = {"session": session or "", "consent": consent or ""}
        mine = [
            approval
            for approval in self._approvals.all()
            if approval.act == "unseal" and approval.asked_by == auth.principal.id and approval.subject == subject
        ]
        for approval in reversed(mine):
            if approval.state == "given" and approval.decided_at and now < approval.decided_at + self._minutes:
                return approval
            if approval.state == "asked":
                raise SecondPersonNeeded(approval)
        asked = await self._approvals.ask("unseal", auth.principal, subject, reason)
        raise SecondPersonNeeded(self._approvals.get(asked))

    def _keep(self, view: View, now: datetime) -> None:
        if len(self._views) >= _MOST_VIEWS:
            self._views = {key: kept for key, kept in self._views.items() if now < kept.until}
        self._views[view.person, view.session, view.consent] = view


def _check_role(auth: Authenticated) -> None:
    if auth.principal.role not in READERS:
        raise NotAllowed("Your role does not include looking at evidence.")


def _checked(reason: str) -> str:
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise BadRequest(f"Say why, in at most {LONGEST_REASON} characters; it is put on record, sealed.")
    return reason


def _sealed(auth: Authenticated, act: dict[str, Json]) -> dict[Compartment, dict[str, Json]]:
    factors: list[Json] = [*sorted(auth.factors)]
    who: dict[str, Json] = {
        "id": auth.principal.id,
        "name": auth.principal.name,
        "source": auth.source,
        "factors": factors,
    }
    return {"who": who, "act": act}


def _without_texts(hit: Hit) -> Hit:
    return replace(hit, rep="", router="", command="", output="")
