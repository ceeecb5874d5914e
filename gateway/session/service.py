"""The use cases that all front ends share: recognise somebody, open a session under a consent, run it, end it.

Front ends parse and present; this module decides nothing either: it asks `access`, `consent` and `policy`, and makes
sure that each step is in the evidence before the next one happens.
"""

import contextlib
import ipaddress
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import TypeAlias

import structlog

from audit.entry import Json, Kind, NewEntry
from audit.errors import AuditError, RecordFailed, RecordRefused
from audit.journal import Journal
from audit.recording.recorder import Recorder
from config.clock import Clock
from config.ids import new_id
from config.settings import CwmpSettings, PolicySettings, Settings
from drivers.definition import PlatformDefinition
from drivers.session import Bindable, Driver, DriverSession, JudgedLineByLine, Previews, Shape
from gateway.access import authenticate, authorize
from gateway.access.identity import AccessGrant, Authenticated, Directory, Router
from gateway.access.wrong_codes import WrongCodes
from gateway.consent.model import LIVE, ActiveConsent, Consent
from gateway.consent.service import ConsentService
from gateway.errors import ConsentProblem, GatewayError, NotAllowed, Unavailable
from gateway.mediation.mediator import Mediator
from gateway.mediation.setup import Limits, Setup
from gateway.policy.complete import complete, help_text
from gateway.policy.decide import OwnReason, decide, own_line
from gateway.policy.position import agrees
from gateway.policy.verdict import Allow, Deny, Position, Site, Verdict
from gateway.session.entries import Closing
from gateway.session.live import LiveSessions
from gateway.session.policies import PolicyInForce, Switched
from gateway.session.runner import GrantHeld, LiveSession, Observer
from gateway.session.terminal import Terminal, TerminalTraits
from gateway.session.web_links import WebLinks

log = structlog.get_logger(__name__)

ROLES_THAT_KILL = frozenset({"supervisor", "operator"})

Veto: TypeAlias = Callable[[Allow], Deny | None]
"""A front end's last word on a line that policy allows: a refusal in its place, or none. It can never allow more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A live session as supervisors and its own rep see it."""

    id: str
    rep: str
    router: str
    consent: str
    opened_at: datetime
    expires_at: datetime
    commands: int
    blocked: int


def view_of(live: LiveSession) -> SessionView:
    """What may be told of a session while it lives, and of its last state afterwards."""
    return SessionView(
        id=live.id,
        rep=live.grant.principal.name,
        router=live.grant.router.name,
        consent=live.grant.consent_ref,
        opened_at=live.opened_at,
        expires_at=live.grant.deadline,
        commands=live.totals.commands,
        blocked=live.totals.blocked,
    )


def site_of(policy: PolicySettings, lan: tuple[str, ...] = (), cwmp: CwmpSettings | None = None) -> Site:
    """What argument types must know: the provider's settings, and a subscriber's own prefixes."""
    return Site(
        lan=tuple(ipaddress.ip_network(net) for net in (*policy.lan, *lan)),
        approved_dns=frozenset(policy.approved_dns),
        approved_firmware_hosts=frozenset(policy.approved_firmware_hosts),
        provider=tuple(ipaddress.ip_network(net) for net in policy.provider),
        speedtest_hosts=frozenset(() if cwmp is None else cwmp.speedtest_hosts),
        firmware_files=frozenset(() if cwmp is None else (one.name for one in cwmp.firmware)),
    )


def masked_reads(policy: PolicySettings) -> frozenset[str]:
    """Capabilities that need no tick of the subscriber, because what they print is masked."""
    chosen = {"config.read": policy.config_read, "lan.hosts.read": policy.lan_hosts_read}
    return frozenset(name for name, how in chosen.items() if how == "masked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the service works with; `gateway.assembly` puts it together."""

    settings: Settings
    clock: Clock
    journal: Journal
    directory: Directory
    consents: ConsentService
    policy: PolicyInForce
    definitions: Mapping[str, PlatformDefinition]
    driver: Driver
    live: LiveSessions
    script_driver: Driver | None = None
    """Opens the sessions of scripts (`gateway.session.diagnostics`); without one, `driver` does."""


class AccessService:
    """The use cases. One instance a worker."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.consents = parts.consents
        self.live = parts.live
        self._journal = parts.journal
        self._directory = parts.directory
        self._clock = parts.clock
        self._wrong_codes = WrongCodes()
        self.web_links = WebLinks(parts.clock)
        self._opening: Counter[str] = Counter()
        """Sessions on their way to a router, by its id."""
        self.consents.on_changed(self._consent_changed)

    # --- who is there ------------------------------------------------------------------------------------------------

    async def knows_key(self, public_key: str) -> bool:
        """Whether a signature by this public key would be anybody's."""
        return await authenticate.knows_key(self._directory, public_key)

    async def named_by(self, principals: tuple[str, ...]) -> str | None:
        """The one person a certificate with these names would be for."""
        person = await authenticate.named_by(self._directory, principals)
        return None if person is None else person.name

    async def authenticate_key(self, public_key: str, source: str, *, fido2: bool) -> Authenticated | None:
        """By public key, once its owner has signed. None for unknown and for disabled alike."""
        return await authenticate.by_key(self._directory, public_key, source, self._clock.now(), fido2=fido2)

    async def authenticate_certificate(self, principals: tuple[str, ...], source: str) -> Authenticated | None:
        """By the names in a certificate whose signature the caller has checked."""
        return await authenticate.by_certificate(self._directory, principals, source, self._clock.now())

    async def authenticate_totp(self, proved: Authenticated, code: str) -> Authenticated | None:
        """The second factor. None if the code is wrong, was used before, or came too soon; all are recorded."""
        person, now = proved.principal.id, self._clock.now()
        stronger = None
        if not self._wrong_codes.wait(person, now):
            self._wrong_codes.tried(person, now)
            stronger = await authenticate.add_totp(self._directory, proved, code, now)
        if stronger is not None:
            self._wrong_codes.right(person)
        await self._journal.append(
            NewEntry(
                kind=Kind.AUTH_MFA,
                facts={"ok": stronger is not None, "method": "totp"},
                sealed={"who": self._who(proved)},
            )
        )
        return stronger

    def totp_wait(self, proved: Authenticated) -> timedelta:
        """How long no code of this person is looked at, after too many wrong ones."""
        return self._wrong_codes.wait(proved.principal.id, self._clock.now())

    async def authenticate_token(self, token: str, source: str) -> Authenticated | None:
        """By service-account token."""
        return await authenticate.by_token(self._directory, token, source, self._clock.now())

    async def authenticate_peer(self, uid: int) -> Authenticated | None:
        """By the user id at the other end of the Unix socket."""
        return await authenticate.by_peer(self._directory, uid, self._clock.now())

    async def still(self, auth: Authenticated) -> Authenticated:
        """The same identity as it stands now, for a connection that was signed in before. Raises `NotAllowed`."""
        current = await authenticate.still(self._directory, auth)
        if current is None:
            await self._refused(auth, "", None, "suspended")
            raise NotAllowed("Your access is suspended; ask your supervisor.")
        if authenticate.needs_second_factor(current):
            raise NotAllowed("Your second factor is missing; sign in again with your one-time code.")
        return current

    async def record_auth(self, auth: Authenticated) -> None:
        """An identity was proved."""
        await self._journal.append(
            NewEntry(
                kind=Kind.AUTH_OK,
                facts={"factors": [*sorted(auth.factors)], "role": auth.principal.role},
                sealed={"who": self._who(auth)},
            )
        )

    async def record_auth_failure(self, front_end: str, source: str, partly: Authenticated | None = None) -> None:
        """Nobody was recognised. `partly`: who proved one factor and not the other."""
        await self._journal.append(
            NewEntry(
                kind=Kind.AUTH_FAIL,
                facts={"front": front_end} if partly is None else {"front": front_end, "partly": True},
                sealed={"who": {"source": source} if partly is None else self._who(partly)},
            )
        )

    async def record_attempt(
        self, feature: str, asked: str, auth: Authenticated | None, router_name: str | None, source: str
    ) -> None:
        """Something that does not exist here was asked for: forwarding, agent, X11, SFTP and the like.

        `feature` is a word of the front end's own. What the client called it (`asked`) may be anything: it is sealed.
        """
        router = None if router_name is None else await self._directory.router_by_name(router_name)
        await self._journal.append(
            NewEntry(
                kind=Kind.SESSION_ATTEMPT,
                subscriber=None if router is None else router.subscriber_ref,
                retention="strike",
                facts={"feature": feature},
                sealed={
                    "who": {"source": source} if auth is None else self._who(auth),
                    "subj": {"router": router_name or ""},
                    "act": {"asked": asked[:256]},
                },
            )
        )

    async def record_call(self, auth: Authenticated, route: str, method: str, status: int) -> None:
        """A call over the REST API was answered. What only reads is queued in order; anything else is durable first.

        `route` is the template of the path, without what was filled in.
        """
        entry = NewEntry(
            kind=Kind.API_CALL,
            facts={"route": route, "method": method, "status": status},
            sealed={"who": self._who(auth)},
        )
        if method == "GET":
            self._journal.append_later(entry)
        else:
            await self._journal.append(entry)

    def _who(self, auth: Authenticated) -> dict[str, Json]:
        factors: list[Json] = [*sorted(auth.factors)]
        return {
            "id": auth.principal.id,
            "name": auth.principal.name,
            "source": auth.source,
            "factors": factors,
        }

    # --- what can be opened ------------------------------------------------------------------------------------------

    async def routers(self, auth: Authenticated) -> list[Router]:
        """The inventory, for those who may open sessions or keep it."""
        if auth.principal.role == "auditor":
            raise NotAllowed("Your role does not include the list of routers.")
        return await self._directory.routers()

    def sessions(self, auth: Authenticated) -> list[SessionView]:
        """Live sessions: all for a supervisor or operator, one's own for everybody else."""
        sees_all = auth.principal.role in ROLES_THAT_KILL
        return [view_of(live) for live in self.live if sees_all or live.grant.principal.id == auth.principal.id]

    async def kill(self, auth: Authenticated, session_id: str) -> None:
        """End a live session now. One's own always; others' for a supervisor or operator. Recorded first.

        Raises `NotAllowed`; `AuditError` if it could not be recorded, and then the session has ended all the same.
        """
        live = self.live.get(session_id)
        own = live is not None and live.grant.principal.id == auth.principal.id
        if live is None or not (own or auth.principal.role in ROLES_THAT_KILL):
            raise NotAllowed("There is no such session that you may end.")
        entry = NewEntry(
            kind=Kind.SESSION_KILLED,
            session=session_id,
            consent_ref=live.grant.consent_ref,
            facts={"by": auth.principal.role},
            sealed={"who": self._who(auth)},
        )
        try:
            await self._journal.append(entry)
        finally:
            live.end("killed")  # also when it cannot be recorded: ending is never the unsafe side

    # --- a session ---------------------------------------------------------------------------------------------------

    async def open(
        self,
        auth: Authenticated,
        router_name: str,
        terminal: Terminal,
        *,
        shape: Shape,
        front_end: str,
        consent_id: str | None = None,
        token: str | None = None,
        observer: Observer | None = None,
        veto: Veto | None = None,
        driver: Driver | None = None,
    ) -> LiveSession:
        """Open a session to a router under an active consent. `driver` is used instead of the usual one.

        Raises `ConsentProblem` (recorded), `NotAllowed`, `Unavailable` (recorded as a session that was refused), what
        the driver raises, and `RecordFailed`. Nothing is sent to the router other than the login of the gateway.
        """
        auth = await self.still(auth)
        router = await self._directory.router_by_name(router_name)
        if router is None:
            await self._refused(auth, router_name, None, "no_router")
            raise NotAllowed(f"There is no router '{router_name}' that you may open.")
        active = await self.consents.claim(auth, router, consent_id=consent_id, token=token)
        grant = await self._grant(auth, router, active)
        if self.live.on_router(router.id) + self._opening[router.id] >= self.parts.settings.session.max_per_router:
            await self._refused(auth, router.name, active.consent_id, "router_busy")
            raise Unavailable(f"Another session to {router.name} is open; only one at a time is allowed.")
        self._opening[router.id] += 1  # in the same breath as the look, so that two at once cannot both see room
        try:
            return await self._open(
                auth, grant, active, terminal, shape, front_end, observer, veto, driver or self.parts.driver
            )
        finally:
            self._opening[router.id] -= 1
            if not self._opening[router.id]:
                del self._opening[router.id]

    async def _open(
        self,
        auth: Authenticated,
        grant: AccessGrant,
        active: ActiveConsent,
        terminal: Terminal,
        shape: Shape,
        front_end: str,
        observer: Observer | None,
        veto: Veto | None,
        driver: Driver,
    ) -> LiveSession:
        """Each step on record before the next; what goes wrong undoes the steps before it."""
        router, session_id = grant.router, new_id()
        await self._journal.append(
            NewEntry(
                kind=Kind.SESSION_REQUESTED,
                session=session_id,
                consent_ref=grant.consent_ref,
                facts={"front": front_end, "shape": shape},
                sealed={"who": self._who(auth), "subj": {"router": router.name, "subscriber": router.subscriber_ref}},
            )
        )
        held = GrantHeld(grant)
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_exit(partial(self._never_ran, session_id, grant.consent_ref))
            definition = self._definition(grant.target.platform)
            upstream = await driver.open(grant.target, shape)
            undo.push_async_callback(upstream.close)
            # Counted only now: a router that cannot be reached does not use up the subscriber's consent.
            await self.consents.use(active, session=session_id)
            undo.push_async_callback(self._release, grant.consent_ref)
            await self._journal.append(
                NewEntry(
                    kind=Kind.SESSION_OPENED,
                    session=session_id,
                    consent_ref=grant.consent_ref,
                    policy_digest=self.parts.policy.bundle.digest,
                    facts={"platform": grant.target.platform, "shape": shape, "scope": [*sorted(grant.rights.scope)]},
                    sealed={"who": self._who(auth), "subj": {"router": router.name}},
                )
            )
            if isinstance(upstream, Bindable):
                upstream.bind(session_id, grant.consent_ref)
            live = LiveSession(
                session_id=session_id,
                held=held,
                router=upstream,
                mediator=self._mediator(held, definition, shape, terminal.traits, veto, upstream),
                journal=self._journal,
                # A recording that breaks off ends the session at once, also while nobody types and nothing is shown.
                recorder=self._recorder(session_id, grant, terminal.traits, lambda _: live.end("record_failed")),
                terminal=terminal,
                clock=self._clock,
                idle_seconds=self.parts.settings.session.idle_seconds,
                observer=observer,
                ask=partial(self._ask_for, auth, grant.consent_ref),
            )
            undo.pop_all()
        return live

    async def _ask_for(self, auth: Authenticated, consent_ref: str, capability: str) -> str:
        """Ask the subscriber for one more capability, as a rep may from within a session."""
        await self.consents.request_extension(auth, consent_ref, scope=(capability,))
        return f"The subscriber was asked for {capability}."

    async def _never_ran(
        self,
        session_id: str,
        consent_ref: str,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close the chain of a session that was requested and did not begin. If that fails, recovery does it."""
        match error:
            case ConsentProblem():
                reason = error.code
            case RecordRefused():
                reason = error.reason
            case _:
                reason = type(error).__name__
        with contextlib.suppress(AuditError):
            await self._journal.append(
                NewEntry(
                    kind=Kind.SESSION_CLOSED,
                    session=session_id,
                    consent_ref=consent_ref,
                    facts={"reason": reason, "commands": 0, "blocked": 0, "bytes": 0, "exit": 255},
                )
            )

    def _recorder(
        self, session_id: str, grant: AccessGrant, traits: TerminalTraits, on_failure: Callable[[RecordFailed], None]
    ) -> Recorder:
        return Recorder(
            self._journal,
            session=session_id,
            consent_ref=grant.consent_ref,
            clock=self._clock,
            width=traits.width,
            height=traits.height,
            on_failure=on_failure,
        )

    async def _refused(self, auth: Authenticated, router_name: str, consent_ref: str | None, code: str) -> None:
        router = await self._directory.router_by_name(router_name)
        await self._journal.append(
            NewEntry(
                kind=Kind.SESSION_REFUSED,
                subscriber=None if router is None else router.subscriber_ref,
                facts={"code": code, "consent": consent_ref or ""},
                sealed={"who": self._who(auth), "subj": {"router": router_name}},
            )
        )

    async def _grant(self, auth: Authenticated, router: Router, active: ActiveConsent) -> AccessGrant:
        target = await self._directory.target(router.id)
        if target is None:
            raise Unavailable(f"Router {router.name} has no credential on file; ask the operator to register it.")
        try:
            policy = self.parts.settings.policy
            return authorize.authorize(
                auth,
                active,
                router,
                target,
                site_of(policy, router.lan, self.parts.settings.cwmp),
                self._clock.now(),
                masked=masked_reads(policy),
            )
        except GatewayError:
            await self._refused(auth, router.name, active.consent_id, "not_authorized")
            raise

    def _consent_changed(self, consent: Consent) -> None:
        """Extensions reach live sessions; ends do so by `LiveSessions.end_consent`."""
        for live in self.live:
            if live.grant.consent_ref == consent.id and consent.state in LIVE:
                live.renew(authorize.renewed(live.grant, consent))

    def _definition(self, platform: str) -> PlatformDefinition:
        """How a router talks to which something may be sent. Raises `Unavailable`."""
        definition = self.parts.definitions.get(platform)
        if platform not in self.parts.policy.bundle.tables or definition is None:
            raise Unavailable(f"Nothing may be sent to routers of platform {platform}: it has no command policy here.")
        return definition

    def _mediator(
        self,
        held: GrantHeld,
        definition: PlatformDefinition,
        shape: Shape,
        traits: TerminalTraits,
        veto: Veto | None,
        upstream: DriverSession,
    ) -> Mediator:
        grant = held.grant
        policy = self.parts.policy
        session = self.parts.settings.session
        judged = upstream.line_judged if isinstance(upstream, JudgedLineByLine) else None
        credential = grant.target.credential
        enable = credential.enable_password
        return Mediator(
            Setup(
                definition=definition,
                decide=partial(_decide, policy, held, veto, judged),
                own_line=partial(_own_line, policy),
                agrees=partial(_agrees, policy),
                deadline=grant.deadline,
                shape=shape,
                asks=traits.asks,
                offers=traits.asks and shape == "shell",
                confirmed_by=None if traits.asks else traits.confirmed_by,
                show_prompts=traits.pty,
                newline=None if shape == "exec" else traits.newline,
                limits=Limits(
                    strikes=session.strikes, queue_lines=session.queue_lines, warn_seconds=session.warn_seconds
                ),
                secrets={} if enable is None else {"enable": enable},
                hidden=frozenset() if credential.password is None else frozenset({credential.password}),
                scope=partial(_scope, held),
                help=partial(_held_help, policy, held),
                preview=upstream.preview if isinstance(upstream, Previews) and shape == "shell" else None,
            )
        )

    def complete(self, live: LiveSession, line: str, pos: int) -> tuple[str, int] | None:
        """What the Tab key makes of `line` with the cursor at `pos`; none if nothing can be added."""
        found = complete(self.parts.policy.bundle, live.position, line[:pos], live.grant.rights, live.names)
        if not found.insertion:
            return None
        return line[:pos] + found.insertion + line[pos:], pos + len(found.insertion)

    def describe(self, live: LiveSession, line: str) -> str:
        """What the `?` key shows for `line`: the next words, and the consent they need."""
        return help_text(self.parts.policy.bundle, live.position, line, live.grant.rights)

    async def run(self, live: LiveSession) -> Closing:
        """Run an open session to its end and give its place under the consent back."""
        try:
            with self.live.live(live):
                ended = await self._ended(live.grant.consent_ref)
                if ended is not None:
                    live.end(ended)
                return await live.run()
        finally:
            await self._release(live.grant.consent_ref)

    async def _ended(self, consent_ref: str) -> str | None:
        """Why the consent has ended. It may have after it was used, and before the session was one that an end cuts."""
        try:
            return await self.consents.ended(consent_ref)
        except GatewayError as error:
            log.warning("consent_not_read", consent=consent_ref, error_type=type(error).__name__)
            return "ended"

    async def _release(self, consent_ref: str) -> None:
        try:
            await self.consents.release(consent_ref)
        except (AuditError, GatewayError) as error:
            # The consent's end is recorded again by `expire_due` or at the next start; the session is over.
            log.warning("release_failed", consent=consent_ref, error_type=type(error).__name__)

    async def reload_policy(self, auth: Authenticated | None) -> Switched:
        """Read the policy again and judge by it from now on. `auth`: the operator; none for a signal to the process.

        Sessions go on, and their reps are told. Raises `NotAllowed`; `BadRequest` when the new files are wrong, which
        changes nothing; `RecordFailed`.
        """
        if auth is not None and auth.principal.role != "operator":
            raise NotAllowed("Only an operator may switch the policy.")
        by = "signal" if auth is None else auth.principal.id
        switched = await self.parts.policy.reload(self._journal, by=by, sessions=len(self.live))
        if switched.before != switched.after:
            for live in self.live:
                live.tell(f"The command policy was changed; it is now {switched.after[:16]}.")
        return switched

    async def definition_of(self, router_name: str) -> PlatformDefinition | None:
        """How the router of this name talks; none if there is no such router."""
        router = await self._directory.router_by_name(router_name)
        return None if router is None else self.parts.definitions.get(router.platform)

    def banner(self, live: LiveSession) -> str:
        """What a rep reads before the first prompt: what was agreed, until when, and that it is recorded."""
        scope = ", ".join(sorted(live.grant.rights.scope)) or "nothing beyond reading state and testing the line"
        until = live.grant.deadline.strftime("%H:%M:%S UTC")
        return (
            f"Router {live.grant.router.name}. The subscriber agreed; extra: {scope}.\n"
            f"Consent {live.grant.consent_ref} ends at {until}. This session is recorded, "
            "and the subscriber can read it.\n"
        )


def _decide(
    policy: PolicyInForce,
    held: GrantHeld,
    veto: Veto | None,
    judged: Callable[[], None] | None,
    position: Position,
    line: str,
    now: datetime,
) -> Verdict:
    grant = held.grant
    if judged is not None:
        judged()
    verdict = decide(policy.bundle, grant.site, position, line, grant.rights, now)
    if veto is None or isinstance(verdict, Deny):
        return verdict
    return veto(verdict) or verdict


def _scope(held: GrantHeld) -> frozenset[str]:
    return held.grant.rights.scope


def _own_line(policy: PolicyInForce, text: str, reason: OwnReason) -> Allow:
    return own_line(policy.bundle, text, reason)


def _agrees(policy: PolicyInForce, expected: Position, seen: Position) -> bool:
    table = policy.bundle.tables.get(seen.platform)
    return table is not None and agrees(table, expected, seen)


def _held_help(policy: PolicyInForce, held: GrantHeld, position: Position, line: str) -> str:
    return help_text(policy.bundle, position, line, held.grant.rights)
