"""`vestibule feed`: feeds of the log to other systems: which there are, whether they are right, how far they are.

Counterparts: `audit.feeds`, which delivers, and `gateway.evidence.feeding`, which finds and opens them. The gateway
runs its feeds itself; `deliver` is for a log whose gateway does not run.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from config.counting import entries
from gateway.cli.call import Call, command, group
from gateway.cli.evidence import PANEL
from gateway.cli.output import print_table, print_text
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from audit.feeds.settings import FeedSettings

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the feed: its file's, without `.toml`.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    below = group("feed", "Deliveries of the log to a SIEM or webhook. See docs/howto/feed-a-siem.md.")
    command(below, "list")(list_feeds)
    command(below, "show")(show)
    command(below, "deliver")(deliver)
    app.add_typer(below, rich_help_panel=PANEL)


def list_feeds(call: Call) -> None:
    """List the feeds that the settings name, and how many entries each has still to deliver."""
    from audit.feeds.cursor import position
    from audit.reader import EvidenceReader
    from gateway.evidence.feeding import cursor_path, described

    settings = call.settings()
    evidence = EvidenceReader.open(settings.evidence_dir)
    try:
        rows = [
            {
                "name": feed.name,
                "form": feed.form,
                "to": feed.to,
                "cleared": feed.cleared,
                "behind": evidence.size - position(cursor_path(settings, feed.name), evidence.origin),
            }
            for feed in described(settings)
        ]
    finally:
        evidence.close()
    heads = ["name", "form", "to", "cleared", "behind"]
    call.show(
        rows, lambda: print_table(heads, [[row[head] for head in heads] for row in rows], empty="There are no feeds.")
    )


def show(
    call: Call, name: Name, *, last: Annotated[int, typer.Option(min=1, max=1000, help="How many entries.")] = 10
) -> None:
    """Print the last entries as this feed spells them. Nothing is delivered, nothing of a cleared feed is shown."""
    from audit.feeds.event import Teller
    from audit.feeds.feed import form_of
    from audit.reader import EvidenceReader

    settings = call.settings()
    feed = _named(call, name)
    evidence = EvidenceReader.open(settings.evidence_dir)  # without keys: neither names nor pseudonyms
    try:
        teller, form = Teller(evidence, b"", cleared=False), form_of(feed)
        lines = [
            form(teller.tell(entry)).decode()
            for entry in evidence.entries(max(0, evidence.size - last), evidence.size)
            if feed.wants(entry.kind.value)
        ]
    finally:
        evidence.close()

    def printed() -> None:
        for line in lines:
            print_text(line)

    call.show(lines, printed)


def deliver(call: Call, name: Name) -> None:
    """Deliver what this feed has still to deliver, and end. For a log whose gateway does not run."""
    from audit.feeds.errors import FeedError, SinkDown
    from config.clock import SystemClock
    from gateway.evidence.feeding import open_feed

    feed = _named(call, name)
    try:
        opened = open_feed(call.settings(), feed, SystemClock())
        try:
            number = opened.deliver_all()
        finally:
            opened.close()
    except (FeedError, SinkDown) as error:
        raise BadRequest(f"feed {feed.name}: {error}") from error
    call.show({"feed": feed.name, "entries": number}, lambda: print_text(f"{entries(number)} went to {feed.to}."))


def _named(call: Call, name: str) -> "FeedSettings":
    from gateway.evidence.feeding import described

    feeds = described(call.settings())
    for feed in feeds:
        if feed.name == name:
            return feed
    known = ", ".join(feed.name for feed in feeds) or "none; feeds.directory in the settings names where they are"
    raise BadRequest(f"There is no feed '{name}'; there are: {known}.")
