"""What the provider's ACS says, read in exactly one way, and what a CPE is answered for it. Pure.

Counterpart: `gateway.cwmp.relay`.
"""

from dataclasses import replace
from typing import Final

from drivers.cwmp.codec.envelope import Envelope, decode, method_of
from drivers.cwmp.codec.names import CPE_REQUESTS
from drivers.cwmp.faults import LONGEST_TEXT
from drivers.cwmp.messages import Done, Fault, Methods
from drivers.errors import BadEnvelope
from gateway.cwmp.responder import Reply
from gateway.cwmp.upstream import UpstreamAnswer
from gateway.cwmp.upstream_wire import UpstreamLost

RETRY: Final = Fault(8005, "Retry request")
"""The CPE says it again in a later session."""
TOLD: Final = frozenset(CPE_REQUESTS)
"""Requests of a CPE that can be told to the ACS in full. Of others only the name was kept."""
UNKNOWN: Final = Fault(8000, "Method not supported")
INTERNAL: Final = Fault(9002, "Internal error")


def read(said: UpstreamAnswer) -> Envelope:
    """What the ACS said, understood in exactly one way. Raises `UpstreamLost`."""
    if not said.body:
        raise UpstreamLost("garbage", "The ACS said nothing where it had to answer.")
    try:
        return decode(said.body, content_type=said.content_type, sender="acs")
    except BadEnvelope as error:
        raise UpstreamLost("garbage", f"What the ACS said cannot be used: {error}") from error


def reply_to(answer: Envelope, method: str) -> Reply:
    """What the CPE is answered. Raises `UpstreamLost` if it is no answer to `method`."""
    match answer.message:
        case Fault(code=code) as fault if 8000 <= code <= 8899:
            return replace(fault, text=fault.text[:LONGEST_TEXT], parameters=())
        case Done(method=said) if said == method:
            return Done(method)
        case Methods() as methods if method == "GetRPCMethods":
            return methods
        case other:
            raise UpstreamLost("garbage", f"The ACS answered {method} with {method_of(other)}.")
