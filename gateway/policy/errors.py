"""Errors of the policy tables. A line that is refused is no error but a `Deny`."""

from gateway.errors import GatewayError


class PolicyError(GatewayError):
    """A policy table or scoring file is wrong. The text names the file, the row and what to do."""
