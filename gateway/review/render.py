"""From facts to pages: templates, and how times, states and untrusted text are written. No decisions here.

Everything that came from a router or a person passes through `plain`, which spells out controls, or through
`for_the_eye`; Jinja escapes the rest.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from audit.recording.schedule import clock_time
from audit.recording.terminal import for_the_eye, visible
from config.templates import Templates
from gateway.review.looks import Command, Shown
from gateway.review.visitors import Visitor

PROOFS: Final[Mapping[str, str]] = {
    "verified": "verified",
    "waiting": "not yet in a checkpoint",
    "contradiction": "contradicts the checkpoint",
}
CONTENTS: Final[Mapping[str, str]] = {
    "open": "opened",
    "sealed": "sealed",
    "erased": "erased",
    "closed": "key unavailable",
    "damaged": "damaged",
    "none": "nothing sealed",
}


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _machine(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(value: object) -> str:
    """A single value; true and false as in the log."""
    if isinstance(value, bool):
        return str(value).lower()
    return visible("" if value is None else str(value))


def _lines(value: object) -> list[str]:
    """Untrusted text as its lines, for blocks."""
    return [for_the_eye(line, keep="\t") for line in str(value).split("\n")]


def state_of(shown: Shown, *, in_gap: bool = False) -> tuple[str, str]:
    """The one word (a class of the style sheet) and the text for how an entry stands."""
    if shown.proof == "contradiction":
        return "bad", PROOFS["contradiction"]
    if shown.content == "damaged":
        return "bad", "damaged"
    if shown.content in ("erased", "closed"):
        return "gone", CONTENTS[shown.content]
    if shown.proof == "waiting":
        return "waiting", PROOFS["waiting"]
    if in_gap:
        return "gone", "verified; gap in the recording"
    return "good", PROOFS["verified"]


def _state_of_command(command: Command) -> tuple[str, str]:
    return state_of(command.shown, in_gap=command.in_gap)


TEMPLATES: Final = Templates(
    Path(__file__).parent / "templates",
    filters={
        "moment": _moment,
        "machine": _machine,
        "plain": _plain,
        "text_lines": _lines,
        "clock": lambda microseconds: clock_time(microseconds).partition(".")[0],
        "state": state_of,
        "command_state": _state_of_command,
    },
    names={"PROOFS": PROOFS, "CONTENTS": CONTENTS},
)


def page(
    request: Request, template: str, title: str, visitor: Visitor | None, *, status: int = 200, **facts: Any
) -> Response:
    """One page. `alert` among the facts is shown above everything else."""
    frame = {
        "title": title,
        "visitor": visitor,
        "here": request.url.path,
        "alert": None,
        "scripts": (),
        "watermark": None,
    }
    text = TEMPLATES.render(template, **{**frame, **facts})
    response = HTMLResponse(text, status_code=status)
    response.headers["content-language"] = "en"
    return response
