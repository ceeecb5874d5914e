"""`vestibule search` and `vestibule review link`: find moments of sessions, and sign in to the pages that show them.

Counterparts: `/v1/search` and `/v1/review/links` of the API; `audit.search`, the index.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.search.query import FIELDS
from config.counting import counted
from gateway.cli.call import Call, command, group
from gateway.cli.evidence import PANEL, find
from gateway.cli.output import note, print_record, print_text
from gateway.cli.views import Reason, why
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from pathlib import Path


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    command(app, "search", remote=True, rich_help_panel=PANEL)(search)
    review = group("review", "The pages of auditors, reviewers and supervisors.")
    command(review, "link", remote=True)(link)
    app.add_typer(review, rich_help_panel=PANEL)


def search(
    call: Call,
    query: Annotated[list[str] | None, typer.Argument(metavar="QUERY", help="Words, phrases and fields.")] = None,
    *,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="The most hits.")] = 20,
    before: Annotated[int | None, typer.Option(metavar="PLACE", help="Go on behind the last hit of a search.")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the index anew from the log instead.")] = False,
) -> None:
    """Search commands and output, newest first.

    Words, "phrases", begin*, and rep: router: subscriber: verdict: session: consent: from: to:, all of which must
    hold. The query is put on record, with the reason. A hit is a hint: the replay it names checks what it shows.
    --rebuild needs the files and keys of the evidence, and no gateway.
    """
    if rebuild:
        if query:
            raise BadRequest("--rebuild makes the index anew; search afterwards.")
        _rebuild(call)
        return
    parts = query or []
    text = parts[0] if len(parts) == 1 else " ".join(map(_part, parts))
    if not text:
        raise BadRequest("Say what to look for: `vestibule search show version rep:anna`.")
    body = {"query": text, "reason": why(reason), "limit": limit, "before": before}
    with call.api() as api:
        found = api.post("/v1/search", body)

    def people() -> None:
        for hit in found["hits"]:
            _print_hit(hit)
        if not found["hits"]:
            note("Nothing was found.")
        if not found["texts"]:
            note("Names and texts are left out: opening them takes a second person.")
        if len(found["hits"]) == limit:
            note(f"There may be more: --before {found['hits'][-1]['place']}")
        note(f"Searched for {found['watermark']}.")

    call.show(found, people)


def link(call: Call) -> None:
    """Print a one-time link that signs you in to the review pages. It opens once, within five minutes."""
    with call.api() as api:
        made = api.post("/v1/review/links")
    call.show(made, lambda: print_text(made["link"]))


def _part(part: str) -> str:
    """A part of the query as the shell gave it: what holds blanks stood in quotation marks."""
    if " " not in part or '"' in part:
        return part
    field, colon, value = part.partition(":")
    return f'{field}:"{value}"' if colon and field.lower() in FIELDS else f'"{part}"'


def _print_hit(hit: dict[str, Any]) -> None:
    where = f"--start-at {hit['at']:g}" if hit["at"] is not None else f"--start-command {hit['n']}"
    record: dict[str, Any] = {
        "hit": f"{hit['time']} {hit['verdict'] or hit['what']}".strip(),
        "rep": hit["rep"] or None,
        "router": hit["router"] or None,
        "command": hit["command"] or None,
        "output": hit["output"] or None,
        "entry": hit["entry_index"],
        "open": f"vestibule replay {hit['session']} {where}",
    }
    print_record({name: value for name, value in record.items() if value is not None})
    print_text("")


def _rebuild(call: Call) -> None:
    from audit.search.fts import FtsIndex
    from audit.search.indexer import fill

    settings = call.settings()
    place = find(call, None, None)
    if place.keys is None:
        raise BadRequest("The keys of the evidence were not found or may not be read; the index is made with them.")
    with place.reader() as reader:
        directory: Path = settings.index_dir
        index = FtsIndex(directory, reader.origin)
        try:
            index.rewind()
            entries = fill(reader, index, output=settings.search.output)
            rows = index.size
        finally:
            index.close()
    call.show(
        {"entries": entries, "rows": rows},
        lambda: print_text(f"{counted(entries, 'entry', 'entries')} read, {counted(rows, 'row')} made."),
    )
