"""Elements as text, every value escaped. Pure. Counterpart: `xml_reading` reads the same values back."""

import re
from collections.abc import Sequence
from typing import Final

from drivers.cwmp.codec.charset import first_illegal
from drivers.cwmp.messages import ParameterValue
from drivers.cwmp.quirks import Quirks
from drivers.errors import BadEnvelope

_NOT_PLAIN: Final = re.compile("[^\t\n\x20-\x25\x27-\x3b=\x3f-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#13;"}
"""A carriage return written as it is would be read as a line feed. XML 1.0, section 2.11."""
_TYPE: Final = re.compile(r"(?:xsd:[A-Za-z0-9]{1,32}|soap-enc:base64)")
_MILLISECONDS: Final = re.compile(r"\.[0-9]{1,9}(?=(?:Z|[+-][0-9]{2}:[0-9]{2})?\Z)")


def escape(text: str) -> str:
    """`text` for the inside of an element. Raises `BadEnvelope` for what XML 1.0 cannot hold."""
    if _NOT_PLAIN.search(text) is None:
        return text
    illegal = first_illegal(text)
    if illegal is not None:
        raise BadEnvelope(f"XML cannot hold the character U+{ord(illegal):04X}; leave it out.")
    return text.translate(_ESCAPES)


def element(name: str, text: str) -> str:
    """`<name>text</name>`; `name` is one of the protocol."""
    return f"<{name}>{escape(text)}</{name}>"


def array(name: str, kind: str, members: Sequence[str]) -> str:
    """A SOAP array of `members`, each written already; `kind`: `xsd:string`, `cwmp:EventStruct`."""
    return f'<{name} soap-enc:arrayType="{kind}[{len(members)}]">{"".join(members)}</{name}>'


def strings(name: str, texts: Sequence[str]) -> str:
    """A SOAP array of strings."""
    return array(name, "xsd:string", [element("string", text) for text in texts])


def parameters(values: Sequence[ParameterValue], quirks: Quirks) -> str:
    """A ParameterList of names with values, written as the model wants them."""
    return array("ParameterList", "cwmp:ParameterValueStruct", [_parameter(value, quirks) for value in values])


def _parameter(value: ParameterValue, quirks: Quirks) -> str:
    if _TYPE.fullmatch(value.type) is None:
        raise BadEnvelope("A value's type is none of XML Schema; write xsd: and its name.")
    text = value.value
    if value.type == "xsd:boolean" and text in ("true", "false", "1", "0"):
        text = flag(text in ("true", "1"), quirks)
    elif value.type == "xsd:dateTime" and quirks.strip_milliseconds:
        text = _MILLISECONDS.sub("", text)
    return (
        f"<ParameterValueStruct><Name>{escape(value.name)}</Name>"
        f'<Value xsi:type="{value.type}">{escape(text)}</Value></ParameterValueStruct>'
    )


def flag(value: bool, quirks: Quirks) -> str:
    """A boolean in the model's form. CWMP quirk 11."""
    if quirks.boolean_form == "1":
        return "1" if value else "0"
    return "true" if value else "false"
