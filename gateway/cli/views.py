"""Puts on record that somebody looked at the evidence."""

from gateway.cli.call import Call


def record_view(call: Call, subject: str | None, *, what: str, own: bool) -> None:
    """placeholder"""
