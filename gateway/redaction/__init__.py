"""Redaction of what routers print: stored secrets, and the devices of a home. See docs/reference/redaction.md."""
