"""The subscriber's app: one page reached by a one-time link, and the public statement. Server-rendered, no script.

Counterpart: `gateway.consent.service`, which decides and records; this module reads forms and shows pages.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from audit.errors import AuditError
from config.settings import Settings
from gateway.access.limits import Limited, Limiter
from gateway.consent.cases import Case
from gateway.consent.lifecycle import MAX_QUESTIONS, Shown
from gateway.consent.model import PENDING, Consent, Language
from gateway.consent.secrecy import same
from gateway.consent.service import ConsentService
from gateway.consent.terms import MAX_TEXT
from gateway.errors import BadRequest, ConsentProblem, GatewayError, NotAllowed
from gateway.evidence.exporting import GrantProof
from gateway.evidence.plain_log import LogFor, LogLine, evidence_log
from gateway.session.pages import Guard, from_own_page, one, read_form
from gateway.web import cookies
from gateway.web.guard import CONTENT_POLICY, FAILURE
from gateway.web.receipt import receipt
from gateway.web.render import Renderer, as_shown, language_of, own_path
from gateway.web.words import word

STATIC: Final = Path(__file__).parent / "static"
COPIES_PER_MINUTE: Final = 2
"""Of one consent: each takes a moment of a processor, and an entry of the log."""

Fields: TypeAlias = dict[str, list[str]]
Act: TypeAlias = Callable[[Case, Fields, str], Awaitable[Consent]]
_log = structlog.get_logger("web")


class Copies(Protocol):
    """What subscribers take with them; `gateway.evidence.exporting.Exports` in a gateway. Both raise `AuditError`."""

    async def own_copy(self, consent: Consent, language: Language) -> bytes:
        """A bundle of everything under the consent."""
        ...

    async def grant_proof(self, index: int) -> GrantProof:
        """The entry of a grant, proved."""
        ...


class _Wrong(Exception):
    """A field is wrong; `key` names the words for it. Never leaves this module."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def customer_app(
    service: ConsentService, settings: Settings, *, log_for: LogFor | None = None, copies: Copies | None = None
) -> Starlette:
    """The app. `log_for` gives a consent's plain-language log; by default it is read from the embedded journal.

    `copies` makes the subscriber's own copy and proves receipts; without it there are no copies, and plain receipts.
    """
    https = (settings.customer.public_url or "").startswith("https://")
    log = log_for or evidence_log(settings.evidence_dir)
    pages = _Pages(service, Renderer(settings.consent, https), log, https, copies)
    acts: dict[str, Act] = {
        "/case/grant": pages.grant,
        "/case/deny": pages.deny,
        "/case/question": pages.question,
        "/case/revoke": pages.revoke,
        "/case/extension/allow": pages.allow_extension,
        "/case/extension/refuse": pages.refuse_extension,
    }
    return Starlette(
        routes=[
            Route("/", pages.home),
            Route("/health", _health),
            Route("/style.css", _style),
            Route("/statement", pages.statement),
            Route("/l/{token}", pages.link, methods=["GET"]),
            Route("/l/{token}", pages.open_link, methods=["POST"]),
            Route("/l/{token}/again", pages.new_link, methods=["POST"]),
            Route("/case", pages.case),
            Route("/case/receipt", pages.receipt),
            Route("/case/receipt.tlog-proof", pages.receipt_proof),
            Route("/case/copy", pages.own_copy),
            *(Route(path, pages.acting(act), methods=["POST"]) for path, act in acts.items()),
        ],
        middleware=[Middleware(Guard, https=https, policy=CONTENT_POLICY, failure=FAILURE)],
        exception_handlers={HTTPException: pages.not_found, GatewayError: pages.problem, AuditError: pages.problem},
    )


@dataclass(frozen=True, slots=True)
class _Pages:
    """The handlers."""

    service: ConsentService
    renderer: Renderer
    log_for: LogFor
    https: bool
    copies: Copies | None = None
    copying: Limiter = field(default_factory=lambda: Limiter(COPIES_PER_MINUTE))

    # --- public ------------------------------------------------------------------------------------------------------

    async def home(self, _: Request) -> Response:
        return RedirectResponse("/statement", status_code=303)

    async def statement(self, request: Request) -> Response:
        """Anyone may read it, in every language offered."""
        language = self._language(request)
        shown = as_shown(self.service.statement(language))
        return self.renderer.page(request, "statement.html", language, shown.title, statement=shown, on_statement=True)

    # --- the link ----------------------------------------------------------------------------------------------------

    async def link(self, request: Request) -> Response:
        """Looking at a link does not open it: programs that look at links in messages must not use it up.

        The button also makes the browser's next requests its own, so that a strict cookie goes along.
        """
        token = request.path_params["token"]
        link = await self.service.cases.find(token)
        if not link.replaced and cookies.chosen(request, link.ref, https=self.https):
            return RedirectResponse(f"/case?c={link.ref}", status_code=303)
        language = self._language(request)
        return self.renderer.page(request, "open.html", language, word("open_title", language), action=f"/l/{token}")

    async def open_link(self, request: Request) -> Response:
        token = request.path_params["token"]
        if not from_own_page(request):
            return self._refused(request)
        try:
            case = await self.service.cases.open(token, cookies.held(request, https=self.https))
        except ConsentProblem as problem:
            if problem.code != "link_used":
                raise
            return self._used(request, self._language(request), token)
        response = RedirectResponse(f"/case?c={case.link_ref}", status_code=303)
        cookies.keep(request, response, case, https=self.https)
        return response

    async def new_link(self, request: Request) -> Response:
        if not from_own_page(request):
            return self._refused(request)
        await self.service.new_link(request.path_params["token"])
        language = self._language(request)
        return self._message(request, language, "sent_title", word("sent_text", language))

    # --- the case ----------------------------------------------------------------------------------------------------

    async def case(self, request: Request) -> Response:
        return await self._show(request, await self._resume(request, request.query_params.get("c")))

    async def receipt(self, request: Request) -> Response:
        case = await self._resume(request, request.query_params.get("c"))
        consent = await self.service.view(case)
        if consent.granted_at is None:
            raise HTTPException(404)
        text = await self.service.statement_shown(consent)
        body = receipt(consent, self.service.settings.controller, text, await self._grant_proof(consent))
        return _download(body, "application/json", f"consent-{consent.id}.json")

    async def receipt_proof(self, request: Request) -> Response:
        """The proof of the grant as a file of its own, for programs that check such files (C2SP tlog-proof)."""
        case = await self._resume(request, request.query_params.get("c"))
        consent = await self.service.view(case)
        proof = await self._grant_proof(consent)
        if proof is None:
            raise HTTPException(404)
        return _download(proof.proof, "text/plain", f"consent-{consent.id}.tlog-proof")

    async def own_copy(self, request: Request) -> Response:
        """Everything under the consent, proved, for its subscriber to keep; on record before it is sent."""
        case = await self._resume(request, request.query_params.get("c"))
        consent = await self.service.view(case)
        if consent.granted_at is None or self.copies is None:
            raise HTTPException(404)
        now = self.service.clock.monotonic_ns() / 1e9
        if isinstance(self.copying.take(consent.id, now), Limited):
            return self._problem(request, "too_many_copies", 429)
        data = await self.copies.own_copy(consent, self._language(request, consent.language))
        return _download(data, "application/zip", f"router-access-{consent.id}.zip")

    async def _grant_proof(self, consent: Consent) -> GrantProof | None:
        """Of the entry of the grant; none where it cannot be had just now: a receipt is given all the same."""
        if self.copies is None or consent.entry_index is None:
            return None
        try:
            return await self.copies.grant_proof(consent.entry_index)
        except AuditError as error:
            _log.error("web.receipt_unproved", error=type(error).__name__)
            return None

    def acting(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        """A handler that checks where the form comes from, acts, and shows what came of it."""

        async def handler(request: Request) -> Response:
            try:
                fields = await read_form(request)
            except BadRequest:
                return self._refused(request)
            case = await self._resume(request, one(fields, "c"))
            if not from_own_page(request) or not same(one(fields, "f"), case.form_token):
                return self._refused(request)
            try:
                await act(case, fields, request.client.host if request.client else "")
            except ConsentProblem:
                return await self._show(request, case, status=409, alert="moved_on")
            except _Wrong as wrong:
                return await self._show(request, case, status=400, alert=wrong.key, fields=fields)
            except BadRequest:
                return await self._show(request, case, status=400, alert="bad_grant", fields=fields)
            return RedirectResponse(f"/case?c={case.link_ref}", status_code=303)

        return handler

    async def grant(self, case: Case, fields: Fields, source: str) -> Consent:
        minutes = one(fields, "minutes").strip()
        most = (await self.service.view(case)).minutes
        if not (minutes.isascii() and minutes.isdecimal() and len(minutes) <= 4 and 1 <= int(minutes) <= most):
            raise _Wrong("bad_minutes")
        language = one(fields, "language")
        known = [code for code in self.service.settings.languages if code == language]
        if not known:
            raise BadRequest("The language of the statement is missing.")
        return await self.service.grant(
            case,
            scope=tuple(fields.get("scope", ())),
            minutes=int(minutes),
            shown=Shown(language=known[0], digest=one(fields, "statement")),
            source=source,
        )

    async def deny(self, case: Case, _: Fields, source: str) -> Consent:
        return await self.service.deny(case, source=source)

    async def question(self, case: Case, fields: Fields, source: str) -> Consent:
        try:
            return await self.service.ask_question(case, one(fields, "question"), source=source)
        except BadRequest as error:
            raise _Wrong("bad_question") from error

    async def revoke(self, case: Case, _: Fields, source: str) -> Consent:
        return await self.service.revoke(case, source=source)

    async def allow_extension(self, case: Case, fields: Fields, source: str) -> Consent:
        return await self.service.grant_extension(case, scope=tuple(fields.get("scope", ())), source=source)

    async def refuse_extension(self, case: Case, _: Fields, source: str) -> Consent:
        return await self.service.refuse_extension(case, source=source)

    # --- problems ----------------------------------------------------------------------------------------------------

    async def not_found(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return self._problem(request, "not_found", status)

    async def problem(self, request: Request, error: Exception) -> Response:
        """What a handler could not answer itself, in the reader's language."""
        match error:
            case ConsentProblem(code="too_many_links"):
                return self._problem(request, "too_many_links", 429)
            case ConsentProblem(code="link_used"):
                return self._problem(request, "missing", 410)
            case ConsentProblem() | NotAllowed():
                return self._problem(request, "missing", 404)
            case AuditError():
                return self._problem(request, "not_recorded", 503)
            case _:
                _log.error("web.problem", error=type(error).__name__)
                return self._problem(request, "broken", 503)

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _resume(self, request: Request, ref: str | None) -> Case:
        return await self.service.cases.resume(cookies.chosen(request, ref, https=self.https))

    async def _show(
        self,
        request: Request,
        case: Case,
        *,
        status: int = 200,
        alert: str | None = None,
        fields: Fields | None = None,
    ) -> Response:
        consent = await self.service.view(case)
        language = self._language(request, consent.language)
        limits = {"minutes": consent.minutes, "length": MAX_TEXT, "count": MAX_QUESTIONS}
        lines = None if consent.state in PENDING else await self._log(consent, language)
        return self.renderer.case(
            request,
            language,
            case,
            consent,
            self.service.statement(language),
            lines,
            self.service.clock.now(),
            copies=self.copies is not None,
            status=status,
            alert=None if alert is None else word(alert, language, **limits),
            ticked=tuple((fields or {}).get("scope", ())),
            question_text=one(fields or {}, "question"),
        )

    async def _log(self, consent: Consent, language: Language) -> Sequence[LogLine] | None:
        try:
            return await self.log_for(consent.id, language)
        except AuditError as error:
            _log.error("web.log_unavailable", error=type(error).__name__)
            return None

    def _language(self, request: Request, preferred: Language | None = None) -> Language:
        return language_of(request, self.service.settings.languages, preferred)

    def _used(self, request: Request, language: Language, token: str) -> Response:
        return self.renderer.page(
            request, "used.html", language, word("used_title", language), status=410, action=f"/l/{token}"
        )

    def _refused(self, request: Request) -> Response:
        return self._problem(request, "bad_form", 403)

    def _problem(self, request: Request, key: str, status: int) -> Response:
        language = self._language(request)
        return self._message(request, language, "problem_title", word(key, language), status=status)

    def _message(self, request: Request, language: Language, title: str, text: str, status: int = 200) -> Response:
        back = "/case" if cookies.held(request, https=self.https) else None
        here = own_path(request) if request.method == "GET" else "/statement"
        return self.renderer.page(
            request, "message.html", language, word(title, language), status=status, text=text, back=back, here=here
        )


def _download(body: bytes, media_type: str, name: str) -> Response:
    return Response(body, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _style(_: Request) -> Response:
    return FileResponse(STATIC / "style.css", media_type="text/css", headers={"cache-control": "max-age=3600"})
