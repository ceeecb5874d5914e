"""What can be asked, and how people write it: words, "phrases", `begin*`, and `field:value`. Pure.

    show "interface down" rep:anna router:r-17 from:2026-11-01

All parts must hold. The words are values from here on: implementations of `audit.search.index.Index` quote them and
never paste a query into SQL or into the syntax of an index.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from audit.search.errors import BadQuery

LONGEST: Final = 512
MOST_TERMS: Final = 16
SHORTEST_BEGINNING: Final = 3
FIELDS: Final = ("rep", "router", "subscriber", "verdict", "session", "consent", "from", "to")

_PART: Final = re.compile(r'(?:(?P<field>[A-Za-z]{2,16}):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))')
_DATE: Final = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?Z?)?)?\Z")
_VERDICTS: Final = {"allow": "allow", "allowed": "allow", "deny": "deny", "denied": "deny", "refused": "deny"}


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other. `prefix`: the last of them may go on."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question. Whatever is set must hold; `since` is included, `until` is not. Names are compared without case."""

    terms: tuple[Term, ...] = ()
    rep: str | None = None
    """Login name or id of the person."""
    router: str | None = None
    subscriber: str | None = None
    verdict: Literal["allow", "deny"] | None = None
    session: str | None = None
    consent: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    """Only what stands before this place (`Hit.place`): the next page."""
    limit: int = 50


def parse(text: str, *, limit: int = 50, before: int | None = None) -> Query:
    """The query that `text` asks. Raises `BadQuery`."""
    if len(text) > LONGEST:
        raise BadQuery(f"The query is longer than {LONGEST} characters.")
    if text.count('"') % 2:
        raise BadQuery("A quotation mark is left open; close it.")
    terms: list[Term] = []
    given: dict[str, str] = {}
    for field, value, quoted in _parts(text):
        if field is None:
            terms.append(_term(value, quoted=quoted))
        elif field in given:
            raise BadQuery(f"{field}: is given twice; ask for one at a time.")
        else:
            given[field] = value
    terms = [term for term in terms if words(term.text)]
    if len(terms) > MOST_TERMS:
        raise BadQuery(f"The query has more than {MOST_TERMS} words.")
    if not terms and not given:
        raise BadQuery("Ask for at least one word or one field: " + ", ".join(f"{name}:" for name in FIELDS) + ".")
    return replace(_with_fields(given), terms=tuple(terms), limit=limit, before=before)


def words(text: str) -> list[str]:
    """The words of a text, as every index cuts it: runs of letters and digits, without case."""
    return _WORD.findall(text.casefold())


_WORD: Final = re.compile(r"[^\W_]+")


def _parts(text: str) -> Iterator[tuple[str | None, str, bool]]:
    for match in _PART.finditer(text):
        quoted = match["quoted"] is not None
        value = match["quoted"] if quoted else match["bare"]
        field = match["field"]
        if field is None and not quoted and value.removesuffix(":").lower() in FIELDS and value.endswith(":"):
            raise BadQuery(f"{value} needs a value right behind the colon.")
        if field is None or (not quoted and _is_address(match[0])):
            yield None, match[0] if field else value, quoted and not field
        elif field.lower() in FIELDS:
            yield field.lower(), _filled(field, value), quoted
        else:
            known = ", ".join(FIELDS)
            raise BadQuery(
                f"There is no field {field}; there are {known}. To look for the text itself, put it in quotation marks."
            )


def _is_address(text: str) -> bool:
    """`fe80::1`, `beef:cafe:1`, `http://host`: a colon that belongs to the text."""
    field, _, rest = text.partition(":")
    return rest.startswith("//") or (field.lower() not in FIELDS and re.fullmatch(r"[0-9A-Fa-f:./]+", text) is not None)


def _filled(field: str, value: str) -> str:
    if not value.strip():
        raise BadQuery(f"{field}: needs a value right behind the colon.")
    return value.strip()


def _term(value: str, *, quoted: bool) -> Term:
    prefix = not quoted and value.endswith("*") and bool(words(value))
    if prefix and len(words(value)[-1]) < SHORTEST_BEGINNING:
        raise BadQuery(f"A beginning needs at least {SHORTEST_BEGINNING} letters before the asterisk.")
    return Term(value.rstrip("*") if prefix else value, prefix)


def _with_fields(given: dict[str, str]) -> Query:
    verdict = given.get("verdict")
    if verdict is not None and verdict.lower() not in _VERDICTS:
        raise BadQuery("verdict: is allow or deny.")
    return Query(
        rep=given.get("rep"),
        router=given.get("router"),
        subscriber=given.get("subscriber"),
        verdict=None if verdict is None else _VERDICTS[verdict.lower()],  # type: ignore[arg-type]
        session=_upper(given.get("session")),
        consent=_upper(given.get("consent")),
        since=None if "from" not in given else _moment("from", given["from"])[0],
        until=None if "to" not in given else _moment("to", given["to"])[1],
    )


def _upper(text: str | None) -> str | None:
    return None if text is None else text.upper()


def _moment(field: str, text: str) -> tuple[datetime, datetime]:
    """Beginning and end of the month, day, minute or second that `text` names, UTC."""
    match = _DATE.match(text)
    if match is None:
        raise BadQuery(f"{field}: is a time in UTC, as 2026-11-23, 2026-11 or 2026-11-23T10:42.")
    year, month, day, hour, minute, second = (None if part is None else int(part) for part in match.groups())
    try:
        start = datetime(year or 1, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC)
        if day is None:
            return start, (start + timedelta(days=32)).replace(day=1)
        step = timedelta(days=1) if hour is None else timedelta(minutes=1) if second is None else timedelta(seconds=1)
        return start, start + step
    except (ValueError, OverflowError) as error:
        raise BadQuery(f"{field}: there is no such time.") from error
