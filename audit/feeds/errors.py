"""Errors of feeds, in the family of `audit.errors`."""

from audit.errors import AuditError


class FeedError(AuditError):
    """A feed is described wrongly. The text names the file and the key."""


class SinkDown(AuditError):
    """What a feed delivers to did not take it. It is delivered again later; the text names no content."""
