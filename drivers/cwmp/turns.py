"""A CPE's session while it waits for the next RPC: what the front end lends out. Counterparts: `gateway.cwmp.sessions`
implements it on TCP, `drivers.cwmp.hub` hands it to consoles."""

from collections.abc import Callable
from typing import Protocol

from audit.rpc import RecordedRpc
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import Answer


class Turn(Protocol):
    """An authenticated CPE of the inventory that posted nothing and waits: ACS_TURN of TR-069, 3.7.2.

    MUST NOT be given any byte of an RPC but that of a `RecordedRpc`.
    """

    @property
    def contact(self) -> Contact: ...

    @property
    def alive(self) -> bool:
        """Whether the CPE still waits. False from the moment its end of the connection closes."""
        ...

    async def call(self, rpc: RecordedRpc, *, seconds: float = 30.0) -> Answer:
        """Send one RPC as the HTTP answer the CPE waits for, and wait for what it says (a `Fault` is an answer).

        One at a time. Raises `RouterUnreachable` when the CPE is gone (before a byte is written, if that is known),
        silent, or says what is no answer to it; the session is over then. Cancelled, it cuts the connection.
        """
        ...

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Call back once when the session is over, in the event loop; at once if it is."""
        ...

    def cut(self) -> None:
        """Cut the TCP connection now, without another byte. Safe to call twice."""
        ...
