"""Errors of recordings, in the family of `audit.errors`."""

from audit.errors import AuditError


class BadRecording(AuditError):
    """A recording, a chunk or a cast file cannot be read as what it should be. The text says where and why."""
