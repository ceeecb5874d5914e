"""`/v1/search`: asks the index, on record; `/v1/review/links`: one-time links into the review pages.

Counterparts: `vestibule search`, `vestibule review link`; `gateway.review`, the pages.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from audit.search.index import Hit
from audit.search.query import LONGEST
from gateway.api.fields import NUMBER, Id, Wire
from gateway.api.given import Caller, Looking, Service, guarded
from gateway.evidence.reading import LONGEST_REASON

routes = guarded("evidence")


class NewSearch(Wire):
    """A question, and why it is asked."""

    query: str = Field(
        min_length=1, max_length=LONGEST, description='Words, "phrases", `begin*` and `field:value`; all must hold.'
    )
    reason: str = Field(
        min_length=1, max_length=LONGEST_REASON, description="Kept in the log, sealed, as is the query."
    )
    limit: Annotated[int, Field(ge=1, le=200), NUMBER] = 50
    before: Annotated[int, Field(ge=0, le=2**53 - 1), NUMBER] | None = Field(
        None, description="`place` of the last hit."
    )


class HitOut(Wire):
    """One thing that fits. A hint: open it, and what you see is checked against the log."""

    place: int
    entry_index: int
    what: Literal["command", "output", "rpc"]
    session: Id
    consent: str
    n: int | None = Field(description="Number of the command in its session.")
    at: float | None = Field(description="Seconds since the start of the recording; none for commands.")
    time: datetime
    verdict: str
    rep: str
    router: str
    command: str
    output: str


class SearchOut(Wire):
    """What was found, newest first."""

    entry_index: int = Field(description="Where the search stands on record.")
    watermark: str
    texts: bool = Field(description="False where names and texts need a second person.")
    hits: list[HitOut]


class LinkOut(Wire):
    """A secret. It is shown here and nowhere else."""

    link: str = Field(description="Opens once, within five minutes.")


@routes.post("/v1/search", operation_id="search", summary="Search commands and output")
async def search(auth: Caller, reading: Looking, new: NewSearch) -> SearchOut:
    """For auditors, reviewers, supervisors and operators. The query is on record before it is answered."""
    found = await reading.search(auth, new.query, reason=new.reason, limit=new.limit, before=new.before)
    return SearchOut(
        entry_index=found.index,
        watermark=found.watermark,
        texts=found.texts,
        hits=[_hit_out(hit) for hit in found.hits],
    )


@routes.post("/v1/review/links", operation_id="add_review_link", status_code=201, summary="Sign in to the review pages")
async def add_review_link(auth: Caller, service: Service) -> LinkOut:
    """For auditors, reviewers and supervisors: a one-time link for the caller."""
    return LinkOut(link=service.web_links.make(auth))


def _hit_out(hit: Hit) -> HitOut:
    return HitOut(
        place=hit.place,
        entry_index=hit.index,
        what=hit.what,
        session=hit.session,
        consent=hit.consent,
        n=hit.n,
        at=None if hit.at is None else hit.at / 1e6,
        time=hit.time,
        verdict=hit.verdict,
        rep=hit.rep,
        router=hit.router,
        command=hit.command,
        output=hit.output,
    )
