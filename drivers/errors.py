"""Errors on the way to a router."""

from config.errors import VestibuleError


class DriverError(VestibuleError):
    """Root of the family."""


class RouterUnreachable(DriverError):
    """No connection to the management address in time."""


class HostKeyChanged(DriverError):
    """The router shows another host key than the one pinned at registration. Nothing was sent, no password offered."""


class LoginRefused(DriverError):
    """The router refused the gateway's credential, or no common algorithm is allowed for it."""


class RouterClosed(DriverError):
    """The router ended the connection."""


class BadEnvelope(DriverError):
    """What a CPE or an ACS sent cannot be understood in exactly one way, or what is to be sent cannot be written."""


class BadHttp(DriverError):
    """What a CPE or an ACS sent is no HTTP message that can be taken. `status` is what to answer."""

    def __init__(self, sentence: str, *, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status
