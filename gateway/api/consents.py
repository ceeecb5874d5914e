"""`/v1/consents`: ask a subscriber, see or wait for the answer, answer questions, give a consent back.

Granting, refusing and revoking are the subscriber's and stand on pages of their own (`gateway.web`).
"""

from typing import Annotated, Literal, TypeAlias

from fastapi import Path, Query, Response
from pydantic import Field

from gateway.api.fields import NUMBER, Capability, Count, Id, Language, RouterName, Text, Time, Wire
from gateway.api.given import Caller, Service, guarded
from gateway.consent.model import Channel, Consent, State

routes = guarded("consents")

LONGEST_WAIT = 60
"""Seconds of a long poll."""

ConsentId: TypeAlias = Annotated[Id, Path(description="Id of the consent.")]


class NewRequest(Wire):
    """What is asked of the subscriber."""

    router: RouterName
    ticket: Text = Field(description="Number of the support case.")
    reason: Text = Field(description="One sentence that the subscriber reads.")
    scope: tuple[Capability, ...] = Field((), max_length=64, description="Capabilities of class `scope` asked for.")
    minutes: Count | None = Field(None, description="How long; default and maximum by configuration.")
    sessions: Count = Field(1, description="How many sessions.")
    language: Language | None = Field(None, description="Of the statement; default: the contact's.")
    channel: Literal["link", "spoken_code"] = Field("link", description="How the subscriber answers.")


class Code(Wire):
    """The code that the subscriber read out."""

    code: str = Field(min_length=1, max_length=32, examples=["1234 5678"])


class Answer(Wire):
    """The answer to the subscriber's question."""

    text: Text


class NewExtension(Wire):
    """What is asked for in addition while the consent is live."""

    minutes: Annotated[int, Field(ge=0, le=10_000), NUMBER] = 0
    scope: tuple[Capability, ...] = Field((), max_length=64)


class Filter(Wire):
    """Which consents."""

    unfinished: bool = Field(False, description="Only those that did not end.")
    limit: int = Field(200, ge=1, le=1000)


class Wait(Wire):
    """How long to wait for a change."""

    since: int = Field(0, ge=0, le=2**31, description="Wait until the revision is beyond this one.")
    wait: int = Field(0, ge=0, le=LONGEST_WAIT, description="Seconds to wait at most.")


class QuestionOut(Wire):
    """A question of the subscriber and its answer."""

    text: str
    asked_at: Time
    answer: str | None
    answered_at: Time | None


class ExtensionOut(Wire):
    """What is asked for in addition."""

    minutes: int
    scope: tuple[str, ...]
    asked_at: Time


class ConsentOut(Wire):
    """A request and what became of it."""

    id: Id
    state: State
    revision: int = Field(description="Grows with every change; give it as `since` to wait for the next.")
    router: RouterName
    rep: str = Field(description="What the subscriber calls the one who asks.")
    ticket: str
    reason: str
    language: Language
    channel: Channel | None = Field(description="How it was granted.")
    asked: tuple[str, ...]
    granted: tuple[str, ...]
    minutes: int
    sessions: int
    sessions_used: int
    sessions_live: int
    requested_at: Time
    lapses_at: Time
    granted_at: Time | None
    expires_at: Time | None
    ended_at: Time | None
    ended_reason: str | None
    code_attempts_left: int
    questions: tuple[QuestionOut, ...]
    extension: ExtensionOut | None
    statement_digest: str
    evidence_digest: str | None
    entry_index: int | None = Field(description="Where the grant stands in the log.")


class TokenOut(Wire):
    """A secret. It is shown here and nowhere else."""

    token: str


def consent_out(consent: Consent) -> ConsentOut:
    """A consent as its rep, or a supervisor, sees it."""
    same = {name: getattr(consent, name) for name in ConsentOut.model_fields if name not in _OTHERS}
    extension = consent.extension
    return ConsentOut(
        router=consent.router_name,
        rep=consent.rep_alias,
        questions=tuple(
            QuestionOut(text=q.text, asked_at=q.asked_at, answer=q.answer, answered_at=q.answered_at)
            for q in consent.questions
        ),
        extension=None
        if extension is None
        else ExtensionOut(minutes=extension.minutes, scope=extension.scope, asked_at=extension.asked_at),
        **same,
    )


_OTHERS = frozenset({"router", "rep", "questions", "extension"})


@routes.post("/v1/consents", operation_id="request_consent", status_code=201, summary="Ask a subscriber for access")
async def request_consent(auth: Caller, service: Service, wanted: NewRequest, response: Response) -> ConsentOut:
    """Sends a link, or a code to be read out, to the contact on file."""
    consent = await service.consents.request(
        auth,
        wanted.router,
        ticket=wanted.ticket,
        reason=wanted.reason,
        scope=wanted.scope,
        minutes=wanted.minutes,
        sessions=wanted.sessions,
        language=wanted.language,
        channel=wanted.channel,
    )
    response.headers["Location"] = f"/v1/consents/{consent.id}"
    return consent_out(consent)


@routes.get("/v1/consents", operation_id="list_consents", summary="Requests and consents, newest first")
async def list_consents(auth: Caller, service: Service, which: Annotated[Filter, Query()]) -> list[ConsentOut]:
    """One's own; all of them for a supervisor."""
    found = await service.consents.list(auth, unfinished=which.unfinished, limit=which.limit)
    return [consent_out(consent) for consent in found]


@routes.get("/v1/consents/{consent_id}", operation_id="get_consent", summary="A consent, now or when it changes")
async def get_consent(
    auth: Caller, service: Service, consent_id: ConsentId, wait: Annotated[Wait, Query()]
) -> ConsentOut:
    """With `since` and `wait` the answer comes when the revision is beyond `since`, or after `wait` seconds."""
    if wait.wait == 0:
        return consent_out(await service.consents.get(auth, consent_id))
    return consent_out(
        await service.consents.wait_for_change(auth, consent_id, since=wait.since, timeout_seconds=wait.wait)
    )


@routes.post("/v1/consents/{consent_id}/code", operation_id="enter_code", summary="Enter the code read out")
async def enter_code(auth: Caller, service: Service, consent_id: ConsentId, body: Code) -> ConsentOut:
    """Grants all that was asked. A few wrong codes end the request."""
    return consent_out(await service.consents.enter_code(auth, consent_id, body.code))


@routes.post("/v1/consents/{consent_id}/answer", operation_id="answer_question", summary="Answer a question")
async def answer_question(auth: Caller, service: Service, consent_id: ConsentId, body: Answer) -> ConsentOut:
    """Answers the subscriber's open question in writing; both stay on record."""
    return consent_out(await service.consents.answer_question(auth, consent_id, body.text))


@routes.post("/v1/consents/{consent_id}/extension", operation_id="request_extension", summary="Ask for more")
async def request_extension(auth: Caller, service: Service, consent_id: ConsentId, body: NewExtension) -> ConsentOut:
    """Asks for more time, further capabilities, or both, while the consent is live."""
    return consent_out(
        await service.consents.request_extension(auth, consent_id, minutes=body.minutes, scope=body.scope)
    )


@routes.post("/v1/consents/{consent_id}/close", operation_id="close_consent", summary="Give a consent back")
async def close_consent(auth: Caller, service: Service, consent_id: ConsentId) -> ConsentOut:
    """Ends it before its time; live sessions under it end."""
    return consent_out(await service.consents.close(auth, consent_id))


@routes.post("/v1/consents/{consent_id}/token", operation_id="consent_token", summary="The signed consent token")
async def consent_token(auth: Caller, service: Service, consent_id: ConsentId) -> TokenOut:
    """Shows what its bearer acts under. It opens sessions for the rep it names only."""
    return TokenOut(token=await service.consents.token_for(auth, consent_id))
