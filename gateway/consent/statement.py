"""The statement: what the subscriber reads before deciding, versioned, in English and French, with its digest.

The text stands in `statements/<version>.<language>.txt`: `#` title, `##` headings, `-` items, `@class` the list of
capability sentences of that class, `{name}` facts of this provider. A text that was shown is never edited; a change
is a new version. Counterpart: `gateway.policy.capabilities`, which owns the sentences.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from config.settings import ConsentSettings
from gateway.consent.model import Language
from gateway.policy.capabilities import CAPABILITIES, SCOPE, never_sentences

VERSION: Final = "1"
SCOPE_CAPABILITIES: Final = frozenset(SCOPE)
"""What a subscriber can be asked for."""

LOG_MONTHS: Final = 24
RECORDING_DAYS: Final = 90
CONSENT_MONTHS: Final = 36

Block = Literal["title", "heading", "paragraph", "item"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement as shown: `blocks` for display, `text` for the record, `digest` (SHA-256 of `text`, hex)."""

    language: Language
    version: str
    blocks: tuple[tuple[Block, str], ...]
    text: str
    digest: str


def sentence(capability: str, language: Language) -> str:
    """What the subscriber reads for one capability; the bare name if a record holds one that is no longer known."""
    known = CAPABILITIES.get(capability)
    return capability if known is None else known.sentence(language)


def statement(language: Language, settings: ConsentSettings, version: str = VERSION) -> Statement:
    """The statement as it reads for this provider."""
    facts = {
        "controller": settings.controller,
        "max_minutes": str(settings.max_minutes),
        "request_minutes": str(settings.request_minutes),
        "log_months": str(LOG_MONTHS),
        "recording_days": str(RECORDING_DAYS),
        "consent_months": str(CONSENT_MONTHS),
    }
    blocks = tuple(
        block
        for line in _template(version, language).splitlines()
        if line.strip()
        for block in _blocks(line.strip(), language, facts)
    )
    text = "".join(_MARK[kind] + words + "\n" for kind, words in blocks)
    return Statement(
        language=language, version=version, blocks=blocks, text=text, digest=sha256(text.encode()).hexdigest()
    )


_MARK: Final[dict[Block, str]] = {"title": "# ", "heading": "## ", "paragraph": "", "item": "- "}


def _blocks(line: str, language: Language, facts: dict[str, str]) -> list[tuple[Block, str]]:
    if line.startswith("@"):
        return [("item", words) for words in sentences_of(line[1:], language)]
    for kind in ("heading", "title", "item"):
        if line.startswith(_MARK[kind]):
            return [(kind, line.removeprefix(_MARK[kind]).format_map(facts))]
    return [("paragraph", line.format_map(facts))]


def sentences_of(kind: str, language: Language) -> tuple[str, ...]:
    """Sentences of one class, each once: several capabilities may read alike."""
    if kind == "never":
        return never_sentences(language)
    return tuple(dict.fromkeys(c.sentence(language) for c in CAPABILITIES.values() if c.kind == kind))


@cache
def _template(version: str, language: Language) -> str:
    return (Path(__file__).parent / "statements" / f"{version}.{language}.txt").read_text(encoding="utf-8")
