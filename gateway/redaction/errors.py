"""The errors of redaction."""

from gateway.errors import GatewayError


class RedactionError(GatewayError):
    """A rule file cannot be used. The sentence names the file and the rule."""
