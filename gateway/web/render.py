"""From a consent to a page: language, templates, and the facts each template is given. No decisions here.

Counterpart: `templates` (no words, no logic beyond what is shown) and `words`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from config.settings import ConsentSettings
from config.templates import Templates
from gateway.consent.cases import Case
from gateway.consent.model import LIVE, PENDING, Consent, Language
from gateway.consent.statement import Statement, sentence, sentences_of
from gateway.evidence.plain_log import LogLine
from gateway.web.words import LANGUAGE_NAMES, word

TEMPLATES: Final = Templates(Path(__file__).parent / "templates")
LANGUAGE_COOKIE: Final = "lang"


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring blocks of a statement that are of one kind."""

    kind: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownStatement:
    """A statement as a template takes it."""

    language: Language
    digest: str
    title: str
    groups: tuple[Group, ...]


def as_shown(statement: Statement) -> ShownStatement:
    """Blocks of a statement grouped for display."""
    groups = tuple(
        Group(kind, tuple(text for _, text in blocks)) for kind, blocks in groupby(statement.blocks, lambda b: b[0])
    )
    return ShownStatement(statement.language, statement.digest, statement.blocks[0][1], groups)


def language_of(request: Request, offered: Sequence[Language], preferred: Language | None = None) -> Language:
    """What the reader chose (`?lang=`, then the cookie), else what the case prefers, else what the browser says."""
    chosen: tuple[str | None, ...] = (
        request.query_params.get("lang"),
        request.cookies.get(LANGUAGE_COOKIE),
        preferred,
        *accepted(request.headers.get("accept-language", "")),
    )
    for language in chosen:
        for known in offered:
            if language == known:
                return known
    return offered[0]


def accepted(header: str) -> list[str]:
    """Primary language tags of an Accept-Language header (RFC 9110, 12.5.4), most wanted first."""
    wanted: list[tuple[float, str]] = []
    for part in header[:512].split(","):
        tag, _, parameter = part.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if tag and weight > 0:
            wanted.append((weight, tag.lower().partition("-")[0]))
    return [tag for _, tag in sorted(wanted, key=lambda pair: -pair[0])]


@dataclass(frozen=True, slots=True)
class Renderer:
    """Makes responses from templates."""

    settings: ConsentSettings
    https: bool

    def page(
        self,
        request: Request,
        template: str,
        language: Language,
        title: str,
        *,
        status: int = 200,
        alert: str | None = None,
        **facts: Any,
    ) -> Response:
        """One page. `title` is text, not a key."""
        frame: dict[str, Any] = {
            "language": language,
            "languages": [(code, LANGUAGE_NAMES[code]) for code in self.settings.languages],
            "here": facts.pop("here", own_path(request)),
            "follow": False,
            "on_statement": False,
            "controller": self.settings.controller,
            "t": partial(_word, language),
            "title": title,
            "alert": alert,
        }
        response = HTMLResponse(TEMPLATES.render(template, **{**frame, **facts}), status_code=status)
        response.headers["content-language"] = language
        if request.query_params.get("lang") == language:
            response.set_cookie(
                LANGUAGE_COOKIE, language, max_age=31536000, httponly=True, samesite="strict", secure=self.https
            )
        return response

    def case(
        self,
        request: Request,
        language: Language,
        case: Case,
        consent: Consent,
        statement: Statement,
        lines: Sequence[LogLine] | None,
        now: datetime,
        *,
        copies: bool = False,
        **extra: Any,
    ) -> Response:
        """The page of a case in whatever state it is; `lines` none if the log cannot be read."""
        facts: dict[str, Any] = {"case": case, "consent": consent, "here": f"/case?c={case.link_ref}"}
        # A page with a form to fill in is never renewed under its reader's hands.
        facts["follow"] = (
            request.query_params.get("follow") == "1" and consent.state in LIVE and consent.extension is None
        )
        facts |= {"lines": lines, "copies": copies, **extra}
        facts["granted"] = [sentence(capability, language) for capability in consent.granted]
        if consent.state in PENDING:
            facts |= _pending(consent, statement, language, now, facts)
            return self.page(request, "pending.html", language, word("case_title", language), **facts)
        if consent.state in LIVE:
            facts |= _live(consent, language, now)
            facts["handoff_url"] = self.settings.handoff_url
            return self.page(request, "live.html", language, word("live_title", language), **facts)
        return self.page(request, "over.html", language, word("over_title", language), **facts)


def own_path(request: Request) -> str:
    """The path asked for, as a link to this site: what begins with two slashes would be a link to another one."""
    return "/" + request.url.path.lstrip("/\\")


def _pending(
    consent: Consent, statement: Statement, language: Language, now: datetime, facts: dict[str, Any]
) -> dict[str, Any]:
    many = word("session_many", language, n=consent.sessions)
    return {
        "statement": as_shown(statement),
        "asked": [(capability, sentence(capability, language)) for capability in consent.asked],
        "sessions": word("session_one", language) if consent.sessions == 1 else many,
        "always": sentences_of("always", language),
        "confirmed": sentences_of("ask", language),
        "never": sentences_of("never", language),
        "minutes_left": _minutes(consent.lapses_at, now),
        "ticked": facts.get("ticked", ()),
        "question_text": facts.get("question_text", ""),
    }


def _live(consent: Consent, language: Language, now: datetime) -> dict[str, Any]:
    assert consent.expires_at is not None  # live
    asked = consent.extension.scope if consent.extension else ()
    return {
        "minutes_left": _minutes(consent.expires_at, now),
        "until": consent.expires_at.strftime("%H:%M"),
        "extension": [(capability, sentence(capability, language)) for capability in asked],
    }


def _minutes(end: datetime, now: datetime) -> int:
    """Whole minutes left, begun ones counted."""
    return max(0, -int((now - end).total_seconds() // 60))


def _word(language: Language, key: str, **facts: object) -> str:
    return word(key, language, **facts)
