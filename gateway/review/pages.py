"""The handlers of the review pages: they read forms, ask the use cases, and show what came of it.

A page of a session or consent shows heads and proofs to whoever is signed in; people, commands and the recording only
under a look that is on record (`gateway.evidence.reading`). The look is found again by person and session, so links can
be handed on: whoever follows one opens the session on their own record.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from audit.errors import AuditError
from config.ids import is_id
from gateway.access.identity import Authenticated
from gateway.consent.secrecy import same
from gateway.errors import BadRequest, GatewayError, NotAllowed, NotAuthenticated
from gateway.evidence.deciding import Deciding, about
from gateway.evidence.exporting import Exports
from gateway.evidence.reading import Reading, SecondPersonNeeded, View
from gateway.review.looks import PAGE, Looks, SessionLook
from gateway.review.render import page
from gateway.review.visitors import Visitor, Visitors
from gateway.session.pages import from_own_page, one, read_form
from gateway.session.service import AccessService
from gateway.session.web_links import WELCOME

Fields: TypeAlias = dict[str, list[str]]
Handler: TypeAlias = Callable[[Request, Visitor, Fields], Awaitable[Response]]
_log = structlog.get_logger("review")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Everything the pages are made of."""

    service: AccessService
    reading: Reading
    exports: Exports
    deciding: Deciding
    looks: Looks
    visitors: Visitors
    name_of: Callable[[str], Awaitable[str]]

    def signed(self, handler: Handler, *, form: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """A handler for people who are signed in and still may be; `form`: what it is sent comes from our own page."""

        async def handle(request: Request) -> Response:
            visitor = self.visitors.of(request)
            if visitor is None:
                raise NotAuthenticated("You are not signed in, or were for long enough.")
            visitor.auth = await self.service.still(visitor.auth)
            if visitor.auth.principal.role not in WELCOME:
                raise NotAllowed("These pages are for auditors, reviewers and supervisors.")
            fields: Fields = {}
            if form:
                fields = await read_form(request)
                if not from_own_page(request) or not same(one(fields, "f"), visitor.form_token):
                    raise NotAllowed("This form did not come from these pages, or is an old one. Reload and try again.")
            return await handler(request, visitor, fields)

        return handle

    # --- signing in --------------------------------------------------------------------------------------------------

    async def home(self, _: Request) -> Response:
        return RedirectResponse("/search", status_code=303)

    async def link(self, request: Request) -> Response:
        """Looking at a link does not open it; the button also makes the cookie the browser's own."""
        auth = self.service.web_links.find(request.path_params["secret"])
        if auth is None:
            return self._sign_in(request, "This link was opened already, or it is too old. Get a new one.", 410)
        return page(request, "open.html", "Sign in", None, code=self._needs_code(auth), here=request.url.path)

    async def open_link(self, request: Request) -> Response:
        """Sign in. A wrong code leaves the link as it is; the service counts wrong codes."""
        fields = await read_form(request)
        secret = request.path_params["secret"]
        auth = self.service.web_links.find(secret)
        if auth is None or not from_own_page(request):
            return self._sign_in(request, "This link was opened already, or it is too old. Get a new one.", 410)
        auth = await self.service.still(auth)
        if self._needs_code(auth):
            stronger = await self.service.authenticate_totp(auth, one(fields, "code"))
            if stronger is None:
                await self.service.record_auth_failure("review", auth.source, auth)
                alert = "That code was not right, or came too soon after a wrong one."
                return page(request, "open.html", "Sign in", None, code=True, alert=alert, status=403)
            auth = stronger
        if self.service.web_links.open(secret) is None:
            return self._sign_in(request, "This link was opened already. Get a new one.", 410)
        await self.service.record_auth(auth)
        response = RedirectResponse("/search", status_code=303)
        self.visitors.welcome(auth, response)
        return response

    async def sign_out(self, request: Request, _visitor: Visitor, _: Fields) -> Response:
        response = self._sign_in(request, "You are signed out.", 200)
        self.visitors.farewell(request, response)
        return response

    # --- search ------------------------------------------------------------------------------------------------------

    async def search_page(self, request: Request, visitor: Visitor, _: Fields) -> Response:
        """The form, or the hits of a search of a moment ago."""
        number = request.query_params.get("s", "")
        text, results = visitor.searches.get(int(number), ("", None)) if number.isdecimal() else ("", None)
        mark = None if results is None else results.watermark
        return page(request, "search.html", "Search", visitor, query=text, results=results, watermark=mark)

    async def search(self, request: Request, visitor: Visitor, fields: Fields) -> Response:
        text, reason, before = one(fields, "q"), one(fields, "reason"), one(fields, "before")
        try:
            results = await self.reading.search(
                visitor.auth, text, reason=reason, limit=PAGE, before=int(before) if before.isdecimal() else None
            )
        except BadRequest as error:
            facts = {"query": text, "results": None, "alert": str(error)}
            return page(request, "search.html", "Search", visitor, status=400, **facts)
        visitor.reason = reason
        visitor.keep(text, results)
        return RedirectResponse(f"/search?s={results.index}", status_code=303)

    # --- sessions ----------------------------------------------------------------------------------------------------

    async def sessions(self, request: Request, visitor: Visitor, _: Fields) -> Response:
        before = request.query_params.get("before", "")
        found = await asyncio.to_thread(self.looks.sessions, int(before) if before.isdecimal() else None)
        return page(request, "sessions.html", "Sessions", visitor, sessions=found, full=len(found) == PAGE)

    async def session(self, request: Request, visitor: Visitor, _: Fields) -> Response:
        session = _id(request)
        view = self.reading.current(visitor.auth, session=session)
        look = await asyncio.to_thread(self.looks.session, session, opened=view is not None)
        return self._session_page(request, visitor, look, view)

    async def open_session(self, request: Request, visitor: Visitor, fields: Fields) -> Response:
        """Put the look on record, then show; with two persons, ask for the second one first."""
        session = _id(request)
        await asyncio.to_thread(self.looks.session, session, opened=False)  # there is such a session
        back = {name: one(fields, name) for name in ("t", "cmd") if one(fields, name)}
        try:
            await self.reading.view(visitor.auth, "replay", reason=one(fields, "reason"), session=session)
        except (BadRequest, SecondPersonNeeded) as error:
            look = await asyncio.to_thread(self.looks.session, session, opened=False)
            status = 400 if isinstance(error, BadRequest) else 202
            return self._session_page(request, visitor, look, None, status=status, alert=str(error))
        visitor.reason = one(fields, "reason")
        return RedirectResponse(f"/session/{session}?{urlencode(back)}".rstrip("?"), status_code=303)

    async def recording(self, request: Request, visitor: Visitor, _: Fields) -> Response:
        """What the player loads first. Only under a look on record."""
        session = self._looked_at(request, visitor)
        seconds, number = request.query_params.get("t", ""), request.query_params.get("cmd", "")
        found = await asyncio.to_thread(
            self.looks.recording,
            session,
            f"/session/{session}/segment/{{}}.json",
            seconds=_seconds(seconds),
            n=int(number) if number.isdecimal() and len(number) < 10 else None,
        )
        if found is None:
            raise NotAllowed("This session has no recording.")
        return _json(found)

    async def segment(self, request: Request, visitor: Visitor, _: Fields) -> Response:
        session = self._looked_at(request, visitor)
        found = await asyncio.to_thread(self.looks.segment, session, request.path_params["number"])
        if found is None:
            raise NotAllowed("The recording has no such segment.")
        return _json(found)

    # --- entries and consents ----------------------------------------------------------------------------------------

    async def entry(self, request: Request, visitor: Visitor, _: Fields) -> Response:
        number = request.path_params["index"]
        shown, covered = await asyncio.to_thread(self.looks.entry, number, opened=False)
        view = self._view_of(visitor.auth, shown.entry.session, shown.entry.consent_ref)
        if view is not None:
            shown, covered = await asyncio.to_thread(self.looks.entry, number, opened=True)
        return page(
            request, "entry.html", f"Entry {number}", visitor,
            shown=shown, covered=covered, facts=shown.entry.facts, view=view,
            watermark=None if view is None else view.watermark,
        )  # fmt: skip

    async def head(self, request: Request, _visitor: Visitor, _: Fields) -> Response:
        number = request.path_params["index"]
        head = await asyncio.to_thread(self.looks.head, number)
        if head is None:
            raise NotAllowed("The log has no such entry.")
        return _file(head, f"{number}.json", "application/json")

    async def proof(self, request: Request, _visitor: Visitor, _: Fields) -> Response:
        number = request.path_params["index"]
        return _file(await self.exports.proof(number), f"{number}.tlog-proof", "text/plain")

    async def consent(self, request: Request, visitor: Visitor, _: Fields) -> Response:
        return await self._consent_page(request, visitor)

    async def open_consent(self, request: Request, visitor: Visitor, fields: Fields) -> Response:
        consent = _id(request)
        await asyncio.to_thread(self.looks.consent, consent, opened=False)
        try:
            await self.reading.view(visitor.auth, "log", reason=one(fields, "reason"), consent=consent)
        except (BadRequest, SecondPersonNeeded) as error:
            status = 400 if isinstance(error, BadRequest) else 202
            return await self._consent_page(request, visitor, status=status, alert=str(error))
        visitor.reason = one(fields, "reason")
        return RedirectResponse(f"/consent/{consent}", status_code=303)

    async def _consent_page(self, request: Request, visitor: Visitor, **more: Any) -> Response:
        consent = _id(request)
        view = self._view_of(visitor.auth, None, consent)
        entries = await asyncio.to_thread(self.looks.consent, consent, opened=view is not None)
        mark = None if view is None else view.watermark
        facts = {"consent": consent, "entries": entries, "view": view, "watermark": mark, **more}
        return page(request, "consent.html", "Consent", visitor, **facts)

    # --- approvals ---------------------------------------------------------------------------------------------------

    async def approvals_page(self, request: Request, visitor: Visitor, _: Fields) -> Response:
        waiting = [
            (approval, await self.name_of(approval.asked_by), approval.asked_by == visitor.auth.principal.id)
            for approval in await self.deciding.waiting(visitor.auth)
        ]
        return page(request, "approvals.html", "Approvals", visitor, waiting=waiting, about=about)

    async def decide(self, request: Request, visitor: Visitor, fields: Fields) -> Response:
        approval, reason = _id(request), one(fields, "reason")
        if one(fields, "decision") == "give":
            await self.deciding.approve(visitor.auth, approval, reason)
        elif one(fields, "decision") == "refuse":
            await self.deciding.refuse(visitor.auth, approval, reason)
        else:
            raise BadRequest("Choose to approve or to refuse.")
        return RedirectResponse("/approvals", status_code=303)

    # --- problems ----------------------------------------------------------------------------------------------------

    async def problem(self, request: Request, error: Exception) -> Response:
        """What a handler could not answer itself."""
        visitor = self.visitors.of(request)
        match error:
            case NotAuthenticated():
                return self._sign_in(request, str(error), 401)
            case BadRequest():
                status, text = 400, str(error)
            case NotAllowed():
                status, text = 403, str(error)
            case HTTPException():
                status, text = error.status_code, "There is no such page."
            case GatewayError():
                status, text = 503, str(error)
            case AuditError():
                _log.error("review.problem", error=type(error).__name__)
                status, text = 503, "The evidence could not be read or written, so nothing is shown."
            case _:
                status, text = 500, "Something went wrong."
        return page(request, "message.html", "This did not work", visitor, status=status, text=text)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _session_page(
        self,
        request: Request,
        visitor: Visitor,
        look: SessionLook,
        view: View | None,
        *,
        status: int = 200,
        alert: str | None = None,
    ) -> Response:
        wanted = {name: request.query_params.get(name, "")[:32] for name in ("t", "cmd")}
        wanted = {name: value for name, value in wanted.items() if value}
        playing = view is not None and look.recorded
        return page(
            request, "session.html", "Session", visitor,
            look=look, view=view, wanted=wanted, status=status, alert=alert,
            index=f"/session/{look.session}/recording.json?{urlencode(wanted)}",
            watermark=None if view is None else view.watermark,
            scripts=("/static/player.js", "/static/review.js") if playing else (),
        )  # fmt: skip

    def _looked_at(self, request: Request, visitor: Visitor) -> str:
        """The session, if this person has a look at it that lasts."""
        session = _id(request)
        if self.reading.current(visitor.auth, session=session) is None:
            raise NotAllowed("Open the session with a reason first; a look is good for a limited time.")
        return session

    def _view_of(self, auth: Authenticated, session: str | None, consent: str | None) -> View | None:
        if session is not None:
            return self.reading.current(auth, session=session)
        return None if consent is None else self.reading.current(auth, consent=consent)

    def _needs_code(self, auth: Authenticated) -> bool:
        """A link made over the local socket proves the Unix user only; who has a second factor gives it here."""
        return auth.principal.totp_enrolled and not auth.factors & {"totp", "fido2"}

    def _sign_in(self, request: Request, text: str, status: int) -> Response:
        return page(request, "signin.html", "Sign in", None, status=status, text=text)


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _id(request: Request) -> str:
    text = str(request.path_params["id"]).upper()
    if not is_id(text):
        raise NotAllowed("There is no such page.")
    return text


def _json(value: Any) -> Response:
    body = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return Response(body, media_type="application/json")


def _file(body: bytes, name: str, kind: str) -> Response:
    return Response(body, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
