"""SOAP envelopes of CWMP: bytes to a message and back. Pure.

Whatever came in is judged and sent on only as the message read here, never as the bytes it came in. Where two readers
could understand two things there is no message but `BadEnvelope`.
Counterparts: `drivers.cwmp.messages` (what a message is), `drivers.cwmp.quirks` (how to write to a model).
"""

from typing import Final, Literal

from lxml.etree import _Element

from config.records import record
from drivers.cwmp import messages as m
from drivers.cwmp.codec import names, rpc_parts, rpc_reading, rpc_writing
from drivers.cwmp.codec.xml_reading import WHITE, Reading, elements, split_tag
from drivers.cwmp.codec.xml_tree import SOAP, SOAP_ENC, XSI, read_document
from drivers.cwmp.codec.xml_writing import escape
from drivers.cwmp.messages import Answer, Message
from drivers.cwmp.quirks import STRICT, Quirks
from drivers.errors import BadEnvelope

Sender = Literal["cpe", "acs"]
LONGEST_ID: Final = 256

_ENVELOPE: Final = f"{{{SOAP}}}Envelope"
_HEADER: Final = f"{{{SOAP}}}Header"
_BODY: Final = f"{{{SOAP}}}Body"
_FAULT: Final = f"{{{SOAP}}}Fault"
_MUST: Final = f"{{{SOAP}}}mustUnderstand"
_START: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<soap-env:Envelope xmlns:soap-env="{SOAP}" xmlns:soap-enc="{SOAP_ENC}" '
    f'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="{XSI}" xmlns:cwmp="'
)


@record
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
    """The envelope in an HTTP body. `sender`: who sent it; a CPE's mistakes are tolerated where the meaning is plain,
    an ACS is taken at its word or refused. Raises `BadEnvelope`."""
    tolerant = sender == "cpe"
    document = read_document(body, content_type=content_type, tolerant=tolerant)
    reading = Reading(tolerant=tolerant, may_be_nil=document.may_be_nil)
    header, rpc = _frame(document.root)
    envelope_id, id_namespace = _headers(header, reading)
    tag = str(rpc.tag)
    if tag == _FAULT:
        detail = rpc_parts.cwmp_detail(rpc)
        namespace = id_namespace if detail is None else split_tag(str(detail.tag))[0]
        message: Message = rpc_parts.fault(rpc, reading)
    else:
        namespace, name = split_tag(tag)
        if not names.is_cwmp(namespace):
            raise BadEnvelope("The SOAP body holds an element that is not of CWMP's namespace.")
        read = rpc_reading.from_cpe if sender == "cpe" else rpc_reading.from_acs
        message = read(rpc, name, reading)
    return Envelope(
        envelope_id,
        namespace or names.DEFAULT_NAMESPACE,
        message,
        document.raw_sha256 is not None,
        document.raw_sha256,
        tuple(reading.warnings),
    )


def _frame(root: _Element) -> tuple[_Element | None, _Element]:
    """Header and the one element in the body."""
    if root.tag != _ENVELOPE:
        raise BadEnvelope("The body is no SOAP 1.1 envelope.")
    header: _Element | None = None
    body: _Element | None = None
    for tag, child in elements(root):
        if tag == _BODY and body is None:
            body = child
        elif tag == _HEADER and header is None and body is None:
            header = child
        else:
            raise BadEnvelope("The SOAP envelope holds more than one header and one body after it.")
    inside = [] if body is None else [child for _, child in elements(body)]
    if len(inside) != 1:
        raise BadEnvelope(f"The SOAP body holds {len(inside)} elements; there must be one.")
    return header, inside[0]


def _headers(header: _Element | None, reading: Reading) -> tuple[str | None, str]:
    """The ID, None without one, and its namespace."""
    found: str | None = None
    space = ""
    for tag, child in () if header is None else elements(header):
        namespace, name = split_tag(tag)
        ours = name in names.HEADERS and names.is_cwmp(namespace)
        if ours and name == "ID":
            if space:
                raise BadEnvelope("The SOAP header holds more than one ID.")
            found, space = reading.text(child).strip(WHITE) or None, namespace
        elif not ours:
            if child.get(_MUST, "0").strip(WHITE) not in ("0", "false"):
                reading.odd("a header that must be understood is not known")
            else:
                reading.note("a header is not known")
    if found is not None and len(found) > LONGEST_ID:
        raise BadEnvelope(f"The ID has more than {LONGEST_ID} characters.")
    return found, space


def encode(envelope: Envelope, *, quirks: Quirks = STRICT) -> bytes:
    """The envelope as UTF-8 XML. Raises `BadEnvelope` for what XML cannot hold and for what is never sent on."""
    if not names.is_cwmp(envelope.namespace):
        raise BadEnvelope("The namespace is none of CWMP.")
    header = ""
    if envelope.id is not None:
        header = (
            f'<soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">{escape(envelope.id)}</cwmp:ID></soap-env:Header>'
        )
    body = rpc_writing.body_of(envelope.message, quirks)
    text = f'{_START}{envelope.namespace}">{header}<soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>'
    return text.encode("utf-8")


def method_of(message: Message) -> str:
    """The name of the element in the SOAP body: `GetParameterValues`, `InformResponse`, `Fault`."""
    return rpc_writing.method_of(message)


_ANSWERS: Final[dict[str, type]] = {
    "GetRPCMethods": m.Methods,
    "GetParameterValues": m.Values,
    "GetParameterNames": m.Names,
    "GetParameterAttributes": m.Attributes,
    "GetQueuedTransfers": m.Transfers,
    "GetAllQueuedTransfers": m.Transfers,
}
"""All other requests are answered by `Done`."""


def check_answer(asked: str, answer: Message) -> Answer:
    """`answer`, if it is one to an RPC of the method `asked`; a fault always is. Raises `BadEnvelope`."""
    if isinstance(answer, m.Fault):
        return answer
    expected = _ANSWERS.get(asked, m.Done)
    if not isinstance(answer, expected) or method_of(answer) != f"{asked}Response":
        raise BadEnvelope(f"The router was asked for {asked} and answered with {method_of(answer)[:64]}.")
    if isinstance(answer, m.Done):
        _check_done(asked, answer)
        return answer
    assert isinstance(answer, m.Methods | m.Values | m.Names | m.Attributes | m.Transfers)
    return answer


def _check_done(asked: str, answer: m.Done) -> None:
    if answer.status not in (0, 1):
        raise BadEnvelope(f"The router answered {answer.method} with a status that is neither 0 (done) nor 1 (later).")
    if asked == "AddObject" and (answer.instance is None or answer.instance < 1):
        raise BadEnvelope("The router added an object but did not tell its number.")
