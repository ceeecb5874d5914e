"""Fault codes of CWMP in plain sentences, and the gateway's own no. Pure. Source: TR-069 A.5, cwmp-1-4.xsd."""

from typing import Final

from drivers.cwmp.messages import Fault

LONGEST_TEXT: Final = 256
"""Of FaultString, by the schema."""
DENIED: Final = 9001

_SENTENCES: Final = {
    9000: "The router does not know this kind of request.",
    9001: "The router refuses this request; it gives no reason.",
    9002: "The router failed inside while it worked on this.",
    9003: "The router does not accept the arguments of this request.",
    9004: "The router has not enough memory or room for this.",
    9005: "There is no such parameter or object on this router.",
    9006: "The value is of the wrong type for this parameter.",
    9007: "The value is not allowed for this parameter.",
    9008: "This parameter is read-only.",
    9009: "The router does not report changes of this parameter in that way.",
    9010: "The router could not load the file.",
    9011: "The router could not send the file.",
    9012: "The file server did not accept the router's name or password.",
    9013: "The router does not speak the protocol of that file address.",
    9014: "The router could not join the multicast group of the file.",
    9015: "The router could not reach the file server.",
    9016: "The file server did not give the router the file.",
    9017: "The file arrived only in part.",
    9018: "The file is damaged or not made for this router.",
    9019: "The file is not signed by whom the router trusts.",
    9020: "The transfer could not be done in the time given for it.",
    9021: "This transfer can no longer be cancelled.",
    9022: "There is already a software module with this number.",
    9023: "The router has no such place to run software in.",
    9024: "The router's place to run software in is switched off.",
    9025: "The software module does not fit another that it needs.",
    9026: "There is already such a software module on the router.",
    9027: "There is already such a version of the software module on the router.",
    9028: "There is no such software module on the router.",
    9029: "The software module is in a state in which this cannot be done.",
    9030: "The software module cannot be installed there.",
    9031: "The software module cannot be updated to that.",
    9032: "The software module cannot be taken away.",
    8000: "The provider's server does not know this kind of request.",
    8001: "The provider's server refuses this request; it gives no reason.",
    8002: "The provider's server failed inside while it worked on this.",
    8003: "The provider's server does not accept the arguments of this request.",
    8004: "The provider's server has not enough memory or room for this.",
    8005: "The provider's server asks the router to repeat the request.",
    8006: "The provider's server does not speak this version of the protocol.",
}
_CLIENT: Final = frozenset({8003, 8005, 9003, 9005, 9006, 9007, 9008})
"""Codes that say: the other side made the mistake."""


def sentence(code: int) -> str:
    """What `code` means, for a rep. The code itself is not in it."""
    if code in _SENTENCES:
        return _SENTENCES[code]
    if 9800 <= code <= 9899 or 8800 <= code <= 8899:
        return "The maker of the other side gave this fault a meaning of its own."
    return "This fault is not in the protocol."


def lines(fault: Fault) -> tuple[str, ...]:
    """A fault for a rep: one line for each parameter that was named, else one for all."""
    if not fault.parameters:
        return (f"{sentence(fault.code)} (fault {fault.code})",)
    return tuple(f"{each.name}: {sentence(each.code)} (fault {each.code})" for each in fault.parameters)


def soap_code(code: int) -> str:
    """`Client` or `Server`, as SOAP 1.1 wants it said."""
    return "Client" if code in _CLIENT else "Server"


def denied_to_acs(text: str) -> Fault:
    """The gateway's no to an ACS, as a CPE says it: request denied. The ACS keeps `text`: nothing personal in it."""
    return Fault(DENIED, text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…")
