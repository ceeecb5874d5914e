"""Envelopes as a CPE writes and reads them. Counterpart: `drivers.lab.cpe.rpcs` acts on what is read.

A reading of SOAP 1.1 and TR-069 (3.4, Annex A) of its own; nothing of the gateway's is used. Writing is done by hand,
because a CPE in a mood writes what no XML library would.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
ENCODING: Final = "http://schemas.xmlsoap.org/soap/encoding/"
_CHARSETS: Final = {"charset-utf16": "utf-16", "charset-latin1": "iso-8859-1", "charset-unknown": "x-lab-777"}


class NotUnderstood(Exception):
    """No envelope of an ACS."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message of an ACS. `method` is the local name of its body's element, `Fault` for a fault."""

    method: str
    id: str
    namespace: str
    hold: bool
    element: etree._Element = field(repr=False)

    def text(self, name: str, default: str = "") -> str:
        """Of an argument."""
        return text_of(self.element, name, default)

    def number(self, name: str) -> int:
        return int(self.text(name) or 0)


def read(body: bytes) -> Received:
    """Raises `NotUnderstood`."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise NotUnderstood(f"not XML: {error}") from error
    names = {local(child): child for child in elements(root)}
    if root.tag != f"{{{SOAP}}}Envelope" or "Body" not in names:
        raise NotUnderstood("no SOAP 1.1 envelope")
    content = list(elements(names["Body"]))
    if len(content) != 1:
        raise NotUnderstood(f"{len(content)} messages in one envelope")
    header = names.get("Header")
    known = {local(one): (one.text or "").strip() for one in elements(header)} if header is not None else {}
    method = content[0]
    return Received(
        method=local(method),
        id=known.get("ID", ""),
        namespace=etree.QName(method).namespace or "",
        hold=known.get("HoldRequests", "").lower() in ("1", "true"),
        element=method,
    )


def elements(parent: etree._Element) -> Iterator[etree._Element]:
    """Child elements, comments left out."""
    return (one for one in parent if not isinstance(one, (etree._Comment, etree._ProcessingInstruction)))


def local(element: etree._Element) -> str:
    """Its name without a namespace."""
    return str(etree.QName(element).localname)


def child(parent: etree._Element, name: str) -> etree._Element | None:
    """The first child of that name."""
    return next((one for one in elements(parent) if local(one) == name), None)


def text_of(parent: etree._Element, name: str, default: str = "") -> str:
    """The text of a child."""
    found = child(parent, name)
    return default if found is None else "".join(str(part) for part in found.itertext())


@dataclass(frozen=True, slots=True)
class Letter:
    """A body ready for HTTP."""

    body: bytes
    content_type: str
    length: int | None = None
    """What Content-Length says; none: the truth."""


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes in a namespace and with moods."""

    namespace: str
    moods: frozenset[str] = frozenset()

    @property
    def _names(self) -> tuple[str, str]:
        """Prefixes of SOAP and CWMP."""
        return ("SOAP-LAB", "ns7") if "odd-namespace" in self.moods else ("soap-env", "cwmp")

    def text(self, value: str) -> str:
        """A text between tags."""
        if "cdata" in self.moods and value:
            return f"<![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]>"
        return escape(value)

    def tag(self, name: str, value: str | int) -> str:
        """An element with a text."""
        return f"<{name}>{self.text(value) if isinstance(value, str) else value}</{name}>"

    def array(self, name: str, kind: str, items: Iterable[str]) -> str:
        """A SOAP array of so many of `kind`."""
        content = list(items)
        count = len(content) + (3 if "wrong-counts" in self.moods else 0)
        full = kind if ":" in kind else f"{self._names[1]}:{kind}"
        return f'<{name} soap-enc:arrayType="{full}[{count}]">{"".join(content)}</{name}>'

    def value(self, name: str, value: str, kind: str) -> str:
        """A ParameterValueStruct."""
        if kind == "boolean" and "booleans-1-0" in self.moods:
            value = "1" if value in ("1", "true") else "0"
        elif kind == "boolean" and "booleans-true" in self.moods:
            value = "True" if value in ("1", "true") else "False"
        typed = "" if "no-xsi-type" in self.moods else f' xsi:type="xsd:{kind}"'
        if kind == "string" and "control-characters" in self.moods and not name.endswith("URL"):
            value += "\x03"
        shown = self.text(value) if kind == "string" else escape(value)
        if "single-quotes" in self.moods and kind != "string":
            shown = f"\n   {shown}\n  "
        return f"<ParameterValueStruct><Name>{escape(name)}</Name><Value{typed}>{shown}</Value></ParameterValueStruct>"

    def letter(self, method: str, content: str, ident: str) -> Letter:
        """An envelope with one RPC or answer."""
        cwmp = self._names[1]
        return self._letter(f"<{cwmp}:{method}>{content}</{cwmp}:{method}>", ident)

    def fault(self, code: int, text: str, ident: str, parameters: Iterable[tuple[str, int, str]] = ()) -> Letter:
        """A SOAP fault with CWMP's detail (TR-069, A.5)."""
        soap, cwmp = self._names
        wrong = "".join(
            f"<SetParameterValuesFault><ParameterName>{escape(name)}</ParameterName>"
            f"{self.tag('FaultCode', number)}{self.tag('FaultString', why)}"
            "</SetParameterValuesFault>"
            for name, number, why in parameters
        )
        side = "Server" if code in (9001, 9002, 9004) or code >= 9009 else "Client"
        detail = f"<{cwmp}:Fault>{self.tag('FaultCode', code)}{self.tag('FaultString', text)}{wrong}</{cwmp}:Fault>"
        return self._letter(
            f"<{soap}:Fault><faultcode>{side}</faultcode><faultstring>CWMP fault</faultstring>"
            f"<detail>{detail}</detail></{soap}:Fault>",
            ident,
        )

    def _letter(self, content: str, ident: str) -> Letter:
        soap, cwmp = self._names
        must = "7" if "wrong-counts" in self.moods else "1"
        shown = f"\n  {escape(ident)}\n " if "single-quotes" in self.moods else escape(ident)
        text = (
            f'<{soap}:Envelope xmlns:{soap}="{SOAP}" xmlns:soap-enc="{ENCODING}"'
            f' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            f' xmlns:{cwmp}="{self.namespace}">'
            f'<{soap}:Header><{cwmp}:ID {soap}:mustUnderstand="{must}">{shown}</{cwmp}:ID></{soap}:Header>'
            f"<{soap}:Body>{content}</{soap}:Body></{soap}:Envelope>"
        )
        if "single-quotes" in self.moods:
            text = _each_tag(text, lambda tag: tag.replace('"', "'"))
        return self._encoded(text)

    def _encoded(self, text: str) -> Letter:
        mood = next((name for name in _CHARSETS if name in self.moods), "")
        charset = _CHARSETS.get(mood, "utf-8")
        if mood == "charset-utf16":
            declared = f'<?xml version="1.0" encoding="UTF-16"?>{text}'
            return Letter(declared.encode("utf-16"), f'text/xml; charset="{charset}"')
        body = f'<?xml version="1.0" encoding="{charset.upper()}"?>{text}'
        if mood == "charset-latin1":
            return Letter(body.encode("iso-8859-1", "xmlcharrefreplace"), "text/xml")
        length = len(body) if "content-length-in-characters" in self.moods else None
        return Letter(body.encode(), f'text/xml; charset="{charset}"', length)


def _each_tag(text: str, change: Callable[[str], str]) -> str:
    return re.sub(r"<[^>]*>", lambda found: change(found.group()), text)
