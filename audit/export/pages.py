"""The two pages of a bundle that people read: README.html (no script) and player.html (opened from the folder).

Templates lie in `templates`, every word in `audit.export.words`; script and style of the player are written into the
page, so that it needs no file beside it, and allowed by their digests alone (CSP).
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import audit.player
from audit.export.custody import Custody
from audit.export.disclosure import LeftOut
from audit.export.playback import Playback
from audit.export.request import ExportRequest
from audit.export.story import Line, Story
from audit.export.words import LANGUAGES, entries_word, outcome_word, rpc_words, words_in
from config.templates import Templates

_PLAYER: Final = Path(audit.player.__file__).parent
_TEMPLATES: Final = Templates(Path(__file__).parent / "templates")


@dataclass(frozen=True, slots=True)
class PlainLine:
    """One line of the log in plain words: when (UTC), what, whether it was refused."""

    at: datetime
    text: str
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What both pages tell."""

    request: ExportRequest
    origin: str
    size: int
    made: datetime
    custody: Custody
    controller: str
    stories: tuple[Story, ...]
    consents: int
    left_out: tuple[LeftOut, ...]
    plain: Mapping[str, Sequence[PlainLine]] = field(default_factory=dict)
    plays: bool = False


def readme_page(page: Page) -> bytes:
    """README.html: each language once, one after the other, readable without any script."""
    style = _text("readme.css")
    html = _TEMPLATES.render(
        "readme.html",
        page=page,
        languages=[(code, words_in(code)) for code in LANGUAGES],
        outcome=outcome_word,
        entries=entries_word,
        rpc_words=rpc_words,
        moment=_moment,
        clock=_clock,
        style=style,
        csp=f"default-src 'none'; style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'",
    )
    return html.encode()


def player_page(page: Page, players: Mapping[str, Playback]) -> bytes:
    """player.html: the recordings that are given, in the page itself."""
    style = _text("vendor/asciinema-player.css") + _text("page.css")
    scripts = (_text("vendor/asciinema-player.min.js"), _text("page.js"))
    allowed = " ".join(f"'{_digest(script)}'" for script in scripts)
    html = _TEMPLATES.render(
        "player.html",
        page=page,
        title=page.origin,
        style=style,
        scripts=scripts,
        data=_for_script(_data(page, players)),
        csp=(
            f"default-src 'none'; script-src {allowed} 'wasm-unsafe-eval'; style-src '{_digest(style)}'; "
            "font-src data:; img-src data:; base-uri 'none'; form-action 'none'"
        ),
    )
    return html.encode()


def _data(page: Page, players: Mapping[str, Playback]) -> dict[str, Any]:
    sessions = [
        {
            "session": one.session,
            "rep": one.rep,
            "started": _moment(one.started),
            "cast": players[one.session].text,
            "lines": [_line(line) for line in one.lines],
        }
        for one in page.stories
        if one.session in players
    ]
    return {"sessions": sessions, "words": {code: _player_words(code) for code in LANGUAGES}}


def _line(line: Line) -> dict[str, Any]:
    return {
        "n": line.n,
        "index": line.index,
        "time": _clock(line.time),
        "verdict": line.verdict,
        "typed": line.typed,
        "outcome": {code: outcome_word(line.outcome, code) for code in LANGUAGES},
        "at": line.at,
        "rpcs": {code: words_in(code)["rpcs"].format(n=len(line.rpcs)) for code in LANGUAGES} if line.rpcs else None,
    }


def _player_words(code: str) -> dict[str, str]:
    words = words_in(code)
    return {name: words[name] for name in ("player_hint", "player_list", "sent", "refused", "closed_text", "entry")}


def _for_script(value: Mapping[str, Any]) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or begins a comment."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _text(name: str) -> str:
    """A file of `audit.player` or of the templates, as it goes into a page."""
    place = _PLAYER / name
    if not place.exists():
        place = Path(__file__).parent / "templates" / name
    return place.read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """A source expression of CSP (level 3, section 2.3.1) for an inline element."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S}"
