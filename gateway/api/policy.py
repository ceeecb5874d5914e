"""`/v1/policy/explain`: what would become of a line. Pure: nothing is sent, no router and no session are needed."""

from typing import Literal

from pydantic import Field

from gateway.api.fields import Line, Platform, Wire
from gateway.api.given import Caller, Service, guarded
from gateway.policy.explain import Word, explain
from gateway.session.service import site_of

routes = guarded("policy")


class Question(Wire):
    """A line, and where it would be typed."""

    platform: Platform
    mode: Literal["exec", "privileged", "config", "shell"]
    context: str = Field("", max_length=256, description="The sub-mode, for example `config-if`.")
    line: Line


class ExplanationOut(Wire):
    """What would become of it under a consent with every capability. Secrets in texts are redacted."""

    platform: str
    mode: str
    context: str
    line: str
    verdict: Word = Field(description="By class of its heaviest capability: always, ask, scope, never.")
    capability: str
    capabilities: tuple[str, ...]
    canonical: str | None = Field(description="What would be sent.")
    rule: str
    pattern: str | None
    row: int | None
    reason: str
    enters: str | None
    digest: str = Field(description="Of the policy.")


class SwitchedOut(Wire):
    """What a reload did."""

    before: str = Field(description="Digest of the policy that was in force.")
    after: str = Field(description="Digest of the one in force now; the same if nothing had changed.")
    sessions: int = Field(description="Live sessions, judged by the new policy from their next line on.")


@routes.post("/v1/policy/reload", operation_id="reload_policy", summary="Read the policy again and judge by it")
async def reload_policy(auth: Caller, service: Service) -> SwitchedOut:
    """For operators. Commands that run finish under the old policy; wrong files change nothing."""
    switched = await service.reload_policy(auth)
    return SwitchedOut(before=switched.before, after=switched.after, sessions=switched.sessions)


@routes.post("/v1/policy/explain", operation_id="explain", summary="What would become of a line, and why")
async def explain_line(auth: Caller, service: Service, question: Question) -> ExplanationOut:
    """The provider's own home prefixes and approved servers count; a subscriber's are not known here."""
    del auth  # anybody who is known may ask
    parts = service.parts
    site = site_of(parts.settings.policy)
    said = explain(parts.policy.bundle, question.platform, question.mode, question.context, question.line, site)
    return ExplanationOut(**said.as_json())
