"""Feeds of this gateway: found by the settings, run beside it, each start on record."""

from contextlib import ExitStack, closing
from pathlib import Path

from audit.entry import Kind, NewEntry, token
from audit.errors import AuditError
from audit.feeds.cursor import CursorFile
from audit.feeds.errors import FeedError
from audit.feeds.feed import Feed, FeedThread
from audit.feeds.settings import FeedSettings, load_feeds
from audit.reader import EvidenceReader
from config.clock import Clock
from config.errors import ConfigError
from config.settings import Settings
from gateway.access.credentials import derive, load_root_key

PURPOSE = "feeds/pseudonyms"


def described(settings: Settings) -> list[FeedSettings]:
    """The feeds that the settings name; none if there is no directory of them. Raises `ConfigError`."""
    if settings.feeds.directory is None:
        return []
    try:
        return load_feeds(settings.feeds.directory)
    except FeedError as error:
        raise ConfigError(str(error)) from error


def cursor_path(settings: Settings, name: str) -> Path:
    """Where a feed's cursor is kept."""
    return settings.data_dir / "feeds" / f"{name}.cursor"


def open_feed(settings: Settings, feed: FeedSettings, clock: Clock) -> Feed:
    """The feed over this gateway's log, whether it runs or not. Raises `AuditError`, `ConfigError`."""
    from audit.feeds.sinks import sink_for

    with ExitStack() as opened:
        cursor = opened.enter_context(closing(CursorFile(cursor_path(settings, feed.name))))
        sink = opened.enter_context(closing(sink_for(feed, lambda: clock.now().timestamp())))
        evidence = opened.enter_context(closing(EvidenceReader.open(settings.evidence_dir, settings.keys_dir)))
        made = Feed(feed, evidence, derive(load_root_key(settings.keys_dir), PURPOSE), sink, cursor)
        opened.pop_all()  # they are the feed's now
        return made


def usable(settings: Settings) -> list[FeedSettings]:
    """The feeds that the settings name, each with certificates and a secret that can be used. Raises `ConfigError`."""
    feeds = described(settings)
    for feed in feeds:
        from audit.feeds.sinks import sink_for  # with its HTTP client; most gateways have no feed

        try:
            sink_for(feed, lambda: 0.0).close()
        except AuditError as error:
            raise ConfigError(str(error)) from error
    return feeds


def thread(settings: Settings, feed: FeedSettings, clock: Clock) -> FeedThread:
    """A feed's thread, not started yet."""
    return FeedThread(feed.name, lambda: open_feed(settings, feed, clock))


def started(feed: FeedSettings) -> NewEntry:
    """The entry that says that a feed reads from here on, and whether it is cleared for names."""
    return NewEntry(
        kind=Kind.ADMIN_CHANGE,
        facts={"what": "feed", "feed": token(feed.name), "form": feed.form, "cleared": feed.cleared},
    )
