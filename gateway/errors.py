"""Errors of the gateway that a person may see."""

from config.errors import VestibuleError


class GatewayError(VestibuleError):
    """Root of the family."""


class NotAuthenticated(GatewayError):
    """Nobody was recognised. The text never says which part was wrong."""


class NotAllowed(GatewayError):
    """Recognised, but this is not theirs to do or see. Same text for "unknown" and "not yours"."""


class ConsentProblem(GatewayError):
    """No consent that covers this. `code` is a stable word for machines.

    missing, other_rep, other_router, expired, not_yet, revoked, denied, used_up, forged, pending, closed, lapsed
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class BadRequest(GatewayError):
    """The input was wrong: says what, where, and what to do."""


class Unavailable(GatewayError):
    """Cannot be done now (router unreachable, log closed, too many sessions)."""
