"""Errors of the search index."""

from audit.errors import AuditError


class SearchError(AuditError):
    """Root of the family."""


class BadQuery(SearchError):
    """The query cannot be read. The text says which part, and what to write instead."""


class IndexFailed(SearchError):
    """The index cannot be read or written. It can always be made anew from the log."""
