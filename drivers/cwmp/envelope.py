"""SOAP envelopes of CWMP: bytes to a message and back. Pure.

Whatever came in is judged and sent on only as the message read here, never as the bytes it came in.
Counterparts: `drivers.cwmp.messages` (what a message is), `drivers.cwmp.quirks` (how to write to a model).
"""

from dataclasses import dataclass
from typing import Literal

from drivers.cwmp.messages import Answer, Message, Request
from drivers.cwmp.quirks import STRICT, Quirks

Sender = Literal["cpe", "acs"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message with its session-wide frame.

    `id` is the header `cwmp:ID` without white space around it; None: there was none. `namespace` is the `cwmp:`
    namespace, to be echoed. `repaired`: the bytes were no XML until characters were replaced; `raw_sha256` is then
    the hash of what came. `warnings` say in plain words what was tolerated; they hold no values.
    """

    id: str | None
    namespace: str
    message: Message
    repaired: bool = False
    raw_sha256: bytes | None = None
    warnings: tuple[str, ...] = ()


def decode(body: bytes, *, content_type: str = "", sender: Sender) -> Envelope:
    """The envelope in an HTTP body. `sender`: who sent it. Raises `BadEnvelope`."""
    raise NotImplementedError


def encode(envelope: Envelope, *, quirks: Quirks = STRICT) -> bytes:
    """The envelope as UTF-8 XML. Raises `BadEnvelope` for what XML cannot hold."""
    raise NotImplementedError


def check_answer(request: Request, answer: Message) -> Answer:
    """`answer`, if it is one to `request`. Raises `BadEnvelope`."""
    raise NotImplementedError


def method_of(message: Message) -> str:
    """The name of the element in the SOAP body: `GetParameterValues`, `InformResponse`, `Fault`."""
    raise NotImplementedError
