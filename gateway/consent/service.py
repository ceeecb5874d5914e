"""What people and programs do with consents: ask, decide, use, end. The I/O shell around `gateway.consent.lifecycle`.

Every transition is an entry in the evidence before it takes effect (`gateway.consent.ledger`). Front ends hold an
`Authenticated` (rep, supervisor, automation) or a `Case` (the subscriber's browser); nothing works without one.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import TypeAlias

import rfc8785
from joserfc.jwk import OKPKey

from audit.entry import Json, Kind, NewEntry
from config.clock import Clock
from config.ids import new_id
from config.settings import ConsentSettings
from gateway.access.identity import Authenticated, Directory, Router
from gateway.consent import extension, lifecycle
from gateway.consent.cases import Case, Cases
from gateway.consent.courier import Courier
from gateway.consent.ledger import NOT_YOURS, ChangedListener, EndedListener, Evidence, Ledger
from gateway.consent.model import FINAL, LIVE, PENDING, ActiveConsent, Channel, Consent, Language
from gateway.consent.notifier import Contacts, Notifier, NotifyFailed
from gateway.consent.reconcile import History, reconcile
from gateway.consent.record import By, stamp
from gateway.consent.secrecy import code_digest, same
from gateway.consent.statement import SCOPE_CAPABILITIES, VERSION, Statement, statement
from gateway.consent.store import ConsentStore
from gateway.consent.token import digest as token_digest
from gateway.consent.token import issue, verify
from gateway.consent.transition import Transition
from gateway.errors import BadRequest, ConsentProblem, NotAllowed

Consents: TypeAlias = list[Consent]
Ids: TypeAlias = list[str]


class ConsentService:
    """All acts on consents. One instance a process."""

    def __init__(
        self,
        *,
        journal: Evidence,
        store: ConsentStore,
        directory: Directory,
        contacts: Contacts,
        notifier: Notifier,
        clock: Clock,
        settings: ConsentSettings,
        public_url: str,
        token_key: OKPKey,
        secret: bytes,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.cases = Cases(store, clock, secret, random)
        self._ledger = Ledger(journal, store)
        self._store = store
        self._directory = directory
        self._courier = Courier(
            store=store,
            cases=self.cases,
            contacts=contacts,
            notifier=notifier,
            clock=clock,
            controller=settings.controller,
            public_url=public_url,
            secret=secret,
            random=random,
        )
        self._token_key = token_key
        self._secret = secret
        self._news = asyncio.Condition()
        self._ledger.on_changed(self._announce)

    @property
    def public_url(self) -> str:
        """Base of the links that are sent; set again once the listener knows its port."""
        return self._courier.public_url

    @public_url.setter
    def public_url(self, url: str) -> None:
        self._courier.public_url = url

    # --- listeners ---------------------------------------------------------------------------------------------------

    def on_ended(self, listener: EndedListener) -> None:
        """`listener(consent_id, reason)` is called after the ending entry is durable, or could not be made durable."""
        self._ledger.on_ended(listener)

    def on_changed(self, listener: ChangedListener) -> None:
        """`listener(consent)` is called after every transition: grants, extensions, ends."""
        self._ledger.on_changed(listener)

    # --- the rep's side ----------------------------------------------------------------------------------------------

    async def request(
        self,
        auth: Authenticated,
        router_name: str,
        *,
        ticket: str,
        reason: str,
        scope: tuple[str, ...] = (),
        minutes: int | None = None,
        sessions: int = 1,
        language: Language | None = None,
        channel: Channel = "link",
    ) -> Consent:
        """Ask the subscriber of a router, by a message to the contact on file.

        Raises `NotAllowed`, `BadRequest`, `ConsentProblem` (pending: one request at a time), `NotifyFailed` (the
        request is on record and ended as undelivered), `RecordFailed`.
        """
        router = await self._askable(auth, router_name)
        if channel not in {"link", "spoken_code"}:
            raise BadRequest("The subscriber can be asked by link or by spoken_code.")
        contact = await self._courier.contact(router.subscriber_ref)
        now = self.clock.now()
        if any(c.state in PENDING and now < c.lapses_at for c in await self._store.of(auth.principal.id, router.id)):
            raise ConsentProblem("pending", "A request of yours for this router already waits for the subscriber.")
        chosen = language or contact.language
        if chosen not in self.settings.languages:
            raise BadRequest(f"The statement is offered in {' and '.join(self.settings.languages)} only.")
        shown = await self._keep_statement(chosen)
        asking = lifecycle.Asking(
            id=new_id(),
            principal=auth.principal,
            router=router,
            ticket=ticket,
            reason=reason,
            scope=scope,
            minutes=self.settings.default_minutes if minutes is None else minutes,
            sessions=sessions,
            language=shown.language,
            statement_version=shown.version,
            statement_digest=shown.digest,
            channel=channel,
        )
        consent = await self._ledger.begin(lifecycle.request(asking, self.settings, SCOPE_CAPABILITIES, _by(auth), now))
        try:
            await self._courier.send(consent, contact, with_code=channel == "spoken_code")
        except NotifyFailed:
            await self._ledger.step(consent.id, lambda c: lifecycle.lapse(c, self.clock.now(), reason="undelivered"))
            raise
        return consent

    async def send_again(self, auth: Authenticated, consent_id: str, *, with_code: bool = False) -> None:
        """Send a fresh link (and code) to the contact on file; earlier ones stop working."""
        consent = await self._own(auth, consent_id)
        await self._courier.send_again(consent, with_code=with_code)

    async def enter_code(self, auth: Authenticated, consent_id: str, code: str) -> Consent:
        """The rep enters the code that the subscriber read out; all that was asked is then granted.

        Raises `ConsentProblem` (wrong_code with the attempts left; lapsed after the last; missing: no code was sent).
        """
        consent = await self._own(auth, consent_id)
        stored = await self._store.code(consent_id)
        if stored is None:
            raise ConsentProblem("missing", "No code was sent for this request; it is answered by the link.")
        entered = code_digest(self._secret, consent_id, auth.principal.id, code)
        right = same(entered, stored.digest)

        def rule(c: Consent) -> Transition:
            now = self.clock.now()
            if not right:
                return lifecycle.wrong_code(c, _by(auth), now)
            detail: dict[str, Json] = {"code": stored.digest, "sent": stamp(stored.made_at), "entered": stamp(now)}
            return lifecycle.grant(c, _proof("spoken_code", detail), _by(auth), now)

        after = await self._ledger.step(consent.id, rule)
        if right:
            return after
        if after.state in FINAL:
            raise ConsentProblem("lapsed", "The code was wrong too often; this request is over. Ask again.")
        raise ConsentProblem("wrong_code", f"The code is wrong; {after.code_attempts_left} attempts are left.")

    async def answer_question(self, auth: Authenticated, consent_id: str, text: str) -> Consent:
        """Answer the subscriber's last question in writing."""
        await self._own(auth, consent_id)
        after = await self._ledger.step(
            consent_id, lambda c: lifecycle.answer_question(c, text, _by(auth), self.clock.now())
        )
        await self._courier.notice(after, "answer")
        return after

    async def request_extension(
        self, auth: Authenticated, consent_id: str, *, minutes: int = 0, scope: tuple[str, ...] = ()
    ) -> Consent:
        """Ask for more time or further capabilities while the consent is live."""
        await self._own(auth, consent_id)
        after = await self._ledger.step(
            consent_id,
            lambda c: extension.request_extension(
                c, minutes, scope, self.settings, SCOPE_CAPABILITIES, _by(auth), self.clock.now()
            ),
        )
        await self._courier.notice(after, "extension")
        return after

    async def close(self, auth: Authenticated, consent_id: str) -> Consent:
        """The rep (or a supervisor) is done; live sessions under the consent end."""
        await self._own(auth, consent_id, or_supervisor=True)
        return await self._ledger.step(consent_id, lambda c: lifecycle.close(c, _by(auth), self.clock.now()))

    async def get(self, auth: Authenticated, consent_id: str) -> Consent:
        """One consent: one's own, or any for a supervisor."""
        return await self._own(auth, consent_id, or_supervisor=True)

    async def list(self, auth: Authenticated, *, unfinished: bool = False, limit: int = 200) -> Consents:
        """Newest first: one's own, or all for a supervisor."""
        rep_id = None if auth.principal.role == "supervisor" else auth.principal.id
        return await self._store.latest(rep_id=rep_id, unfinished=unfinished, limit=limit)

    async def wait_for_change(
        self, auth: Authenticated, consent_id: str, *, since: int, timeout_seconds: float
    ) -> Consent:
        """The consent as soon as its revision is beyond `since`, or as it stands after `timeout_seconds`."""
        consent = await self._own(auth, consent_id, or_supervisor=True)
        try:
            async with asyncio.timeout(timeout_seconds), self._news:
                while (consent := await self._own(auth, consent_id, or_supervisor=True)).revision <= since:
                    await self._news.wait()
        except TimeoutError:
            pass
        return consent

    async def token_for(self, auth: Authenticated, consent_id: str) -> str:
        """The signed token of a granted consent, for its rep only."""
        consent = await self._own(auth, consent_id)
        token = issue(consent, self._token_key)
        await self._store.put_token(consent.id, token_digest(token))
        return token

    # --- the subscriber's side ---------------------------------------------------------------------------------------

    async def view(self, case: Case) -> Consent:
        """The consent as it stands."""
        return await self._known(case.consent_id)

    async def grant(
        self,
        case: Case,
        *,
        scope: tuple[str, ...] | None = None,
        minutes: int | None = None,
        shown: lifecycle.Shown | None = None,
        source: str = "",
    ) -> Consent:
        """Agree: to all that was asked, or to part of it (`scope`, `minutes`).

        `shown` is the statement on the page, where the subscriber changed its language. Raises `BadRequest` if that
        is not how the statement reads today: the page is out of date and must be read again.
        """
        if shown is not None and (await self._keep_statement(shown.language)).digest != shown.digest:
            raise BadRequest("The statement has changed since this page was opened; read it again.")

        def rule(c: Consent) -> Transition:
            now = self.clock.now()
            detail: dict[str, Json] = {"link": case.link_digest, "ref": case.link_ref, "confirmed": stamp(now)}
            proof = _proof("link", detail)
            return lifecycle.grant(c, proof, _subscriber(source), now, scope=scope, minutes=minutes, shown=shown)

        return await self._ledger.step(case.consent_id, rule)

    async def deny(self, case: Case, *, source: str = "") -> Consent:
        """Say no."""
        return await self._subscriber_step(case, lifecycle.deny, source)

    async def ask_question(self, case: Case, text: str, *, source: str = "") -> Consent:
        """Ask before deciding."""
        return await self._ledger.step(
            case.consent_id, lambda c: lifecycle.ask_question(c, text, _subscriber(source), self.clock.now())
        )

    async def revoke(self, case: Case, *, source: str = "") -> Consent:
        """Take it back, at any moment; live sessions end."""
        return await self._subscriber_step(case, lifecycle.revoke, source)

    async def grant_extension(self, case: Case, *, scope: tuple[str, ...] | None = None, source: str = "") -> Consent:
        """Allow what the rep asks for in addition."""
        return await self._subscriber_step(case, partial(extension.grant_extension, scope=scope), source)

    async def refuse_extension(self, case: Case, *, source: str = "") -> Consent:
        """Leave it at what was granted."""
        return await self._subscriber_step(case, extension.refuse_extension, source)

    async def new_link(self, link_token: str) -> None:
        """Who holds a link that was opened elsewhere has a new one sent, to the contact on file and nowhere else."""
        link = await self.cases.find(link_token)
        if link.replaced:
            raise ConsentProblem("link_used", "A newer link was already sent.")
        await self._courier.send_again(await self._known(link.consent_id), with_code=False)

    def statement(self, language: Language) -> Statement:
        """The statement as it reads today; public."""
        return statement(language, self.settings)

    async def statement_shown(self, consent: Consent) -> str:
        """The text that was shown for this consent, whatever the statement reads today."""
        return await self._store.statement_text(consent.statement_digest) or ""

    # --- sessions ----------------------------------------------------------------------------------------------------

    async def claim(
        self, auth: Authenticated, router: Router, *, consent_id: str | None = None, token: str | None = None
    ) -> ActiveConsent:
        """The proof that this rep may reach this router now.

        By token, by consent id, or by what is on record for the two. A refusal is recorded (`session.refused`) and
        raised as `ConsentProblem`.
        """
        try:
            return await self._active(auth, router, consent_id, token)
        except ConsentProblem as problem:
            await self._ledger.evidence.append(
                NewEntry(
                    kind=Kind.SESSION_REFUSED,
                    facts={"code": problem.code, "token": token is not None},
                    sealed={
                        "who": {"rep": auth.principal.id, "source": auth.source},
                        "subj": {"router": router.id, "subscriber": router.subscriber_ref},
                    },
                )
            )
            raise

    async def use(self, active: ActiveConsent, *, session: str | None = None) -> Consent:
        """Count a session that opens under the consent. Raises `ConsentProblem` if it ended since it was claimed."""
        by = By(role="rep", id=active.rep_id)
        return await self._ledger.step(active.consent_id, lambda c: lifecycle.use(c, session, by, self.clock.now()))

    async def release(self, consent_id: str) -> None:
        """A session under the consent is over; after the last one allowed the consent is used up."""
        after = await self._ledger.amend(consent_id, lifecycle.released)
        if lifecycle.is_used_up(after):
            with suppress(ConsentProblem):  # ended otherwise in the same moment
                await self._ledger.step(consent_id, lambda c: lifecycle.use_up(c, self.clock.now()))

    async def ended(self, consent_id: str) -> str | None:
        """One word why the consent has ended; none while it has not."""
        return (await self._known(consent_id)).ended_reason

    async def reconcile(self, history: History) -> Ids:
        """At start, before anything else: what is on record happened. Ids of the consents that had to be corrected."""
        changed = await reconcile(history, self._store)
        for consent in await self._store.latest(unfinished=True, limit=1_000_000):
            if lifecycle.is_used_up(consent):
                await self._ledger.step(consent.id, lambda c: lifecycle.use_up(c, self.clock.now()))
        return changed

    async def router_reset(self, router_id: str) -> Ids:
        """A router was reset or replaced (TR-069: 0 BOOTSTRAP): what was granted for it ends, and is asked anew."""
        ended: list[str] = []
        for consent in await self._store.latest(unfinished=True, limit=1_000_000):
            if consent.router_id == router_id and consent.state in LIVE:
                with suppress(ConsentProblem):  # ended in the same moment
                    await self._ledger.step(consent.id, lambda c: lifecycle.router_reset(c, self.clock.now()))
                    ended.append(consent.id)
        return ended

    async def expire_due(self) -> Ids:
        """End what time has ended; ids of the consents concerned. Called every second or so."""
        ended: list[str] = []
        for consent in await self._store.due(self.clock.now()):
            with suppress(ConsentProblem):  # decided or ended in the same moment
                await self._ledger.step(consent.id, lambda c: lifecycle.time_out(c, self.clock.now()))
                ended.append(consent.id)
        return ended

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _active(
        self, auth: Authenticated, router: Router, consent_id: str | None, token: str | None
    ) -> ActiveConsent:
        now = self.clock.now()
        claims = None
        if token is not None:
            claims = verify(token, self._token_key, now)
            if consent_id is not None and not same(claims.consent_id, consent_id):
                raise ConsentProblem("forged", "The consent token is for another consent than the one named.")
            known = await self._store.token_digests(claims.consent_id)
            if not any([same(token_digest(token), issued) for issued in known]):  # noqa: C419  all compared: same time
                raise ConsentProblem("forged", "This consent token was never issued; it is not accepted.")
            consent_id = claims.consent_id
        if consent_id is None:
            consent_id = _best(await self._store.of(auth.principal.id, router.id))
        consent = None if consent_id is None else await self._ledger.current(consent_id)
        if claims is None and consent is not None and consent.rep_id != auth.principal.id:
            consent = None  # same answer as for one that never was
        return lifecycle.activate(consent, claims, auth.principal, router, now)

    async def _askable(self, auth: Authenticated, router_name: str) -> Router:
        if auth.principal.role not in {"rep", "supervisor", "automation"}:
            raise NotAllowed("Only reps, supervisors and automation can ask for a subscriber's consent.")
        router = await self._directory.router_by_name(router_name)
        if router is None:
            raise NotAllowed("There is no such router, or it is not yours to reach.")
        return router

    async def _keep_statement(self, language: Language) -> Statement:
        shown = statement(language, self.settings)
        await self._store.keep_statement(shown.digest, language, VERSION, shown.text)
        return shown

    async def _own(self, auth: Authenticated, consent_id: str, *, or_supervisor: bool = False) -> Consent:
        consent = await self._ledger.current(consent_id)
        allowed = consent is not None and (
            consent.rep_id == auth.principal.id or (or_supervisor and auth.principal.role == "supervisor")
        )
        if consent is None or not allowed:
            raise NotAllowed(NOT_YOURS)
        return consent

    async def _known(self, consent_id: str) -> Consent:
        consent = await self._ledger.current(consent_id)
        if consent is None:
            raise NotAllowed(NOT_YOURS)
        return consent

    async def _subscriber_step(
        self, case: Case, rule: Callable[[Consent, By, datetime], Transition], source: str
    ) -> Consent:
        return await self._ledger.step(case.consent_id, lambda c: rule(c, _subscriber(source), self.clock.now()))

    async def _announce(self, _: Consent) -> None:
        async with self._news:
            self._news.notify_all()


def _by(auth: Authenticated) -> By:
    role = auth.principal.role
    assert role in {"rep", "supervisor", "automation"}
    return By(role=role, id=auth.principal.id, source=auth.source)


def _subscriber(source: str) -> By:
    return By(role="subscriber", source=source)


def _proof(channel: Channel, detail: dict[str, Json]) -> lifecycle.Proof:
    """The digest covers a link's or code's keyed digest, which nobody can guess, so it may stand in the open."""
    return lifecycle.Proof(channel=channel, digest=sha256(rfc8785.dumps(detail)).hexdigest(), detail=detail)


def _best(consents: Consents) -> str | None:
    """Of one rep's consents for one router, newest first: a live one, else a pending one, else the last that was."""
    for states in (LIVE, PENDING, FINAL):
        for consent in consents:
            if consent.state in states:
                return consent.id
    return None
