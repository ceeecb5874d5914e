"""Bytes to a tree of elements, with everything of XML refused that a SOAP message does not need. Pure.

No DTD and so no entities but the five, no network, no includes, no references between elements; bounds on size, depth,
elements and attributes, so that time and memory stay in proportion. SOAP 1.1, section 3, forbids DTDs too.
Counterpart: `drivers.cwmp.codec.xml_writing`.
"""

import hashlib
import re
import threading
from collections.abc import Iterable
from typing import Final, cast
from xml.parsers import expat

from lxml import etree

from config.records import record
from drivers.cwmp.codec import charset
from drivers.cwmp.codec.xml_words import Words
from drivers.errors import BadEnvelope

MOST_BYTES: Final = 8 * 1024 * 1024
MOST_DEPTH: Final = 32
MOST_TAGS: Final = 500_000
"""`<` in a body, start and end tags alike. An answer of 8 MiB with the shortest names has fewer."""
MOST_ATTRIBUTES: Final = 100_000

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_ENC: Final = "http://schemas.xmlsoap.org/soap/encoding/"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"

_ATTRIBUTE: Final = re.compile(rb"=\s*[\"']")
_WHITE: Final = re.compile(rb"\s*")
_TOO_DEEP: Final = etree.XPath("boolean(" + "/*" * (MOST_DEPTH + 1) + ")")
_ELSEWHERE: Final = etree.XPath("boolean(//@href | //@e:offset | //@e:position)", namespaces={"e": SOAP_ENC})
"""Attributes that say: the content is, or belongs, somewhere else. SOAP 1.1, section 5.4."""
_WORDS: Final = Words()

_NO_URI: Final = frozenset({etree.ErrorTypes.WAR_NS_URI, etree.ErrorTypes.WAR_NS_URI_RELATIVE})
_NO_NAMESPACE: Final = _NO_URI | {etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE}
_USUAL: Final = {
    **dict.fromkeys(("soap", "soapenv", "env"), SOAP),
    **dict.fromkeys(("soapenc", "enc"), SOAP_ENC),
    "xsi": XSI,
    "cwmp": "urn:dslforum-org:cwmp-1-0",
}
"""What prefixes stand for that nobody declared, in lower case and without `-` and `_`."""


@record
class Document:
    """A body that was read; `raw_sha256` is of the bytes that came, if they had to be repaired first."""

    root: etree._Element
    raw_sha256: bytes | None = None
    may_be_nil: bool = True
    """False: no element of it is xsi:nil."""


class _NotWellFormed(BadEnvelope):
    """No XML; perhaps after a repair."""


def read_document(body: bytes, *, content_type: str = "", tolerant: bool = False) -> Document:
    """The tree in `body`. `tolerant`: what is no XML is tried once more with characters replaced (CWMP quirk 7).

    Raises `BadEnvelope` naming the place, never the content.
    """
    if len(body) > MOST_BYTES:
        raise BadEnvelope(f"The body has {len(body)} bytes; at most {MOST_BYTES} are read.")
    rest, codec = charset.split(body, content_type)
    plain = charset.to_utf8(rest, codec)
    if plain is None and not tolerant:
        raise BadEnvelope(f"The body holds bytes that are nothing in {codec}.")
    if plain is not None:
        try:
            return Document(_parse(plain), may_be_nil=b"nil" in plain)
        except _NotWellFormed:
            if not tolerant:
                raise
    repaired = charset.repair(rest, codec)
    return Document(_parse(repaired, tolerant=True), hashlib.sha256(body).digest())


def _parse(body: bytes, *, tolerant: bool = False) -> etree._Element:
    """The root element of UTF-8 `body`. `tolerant`: prefixes may be used that are not declared."""
    tags = body.count(b"<")
    if tags > MOST_TAGS:
        raise BadEnvelope(f"The body has more than {MOST_TAGS} tags.")
    if body.count(b"=") > MOST_ATTRIBUTES and len(_ATTRIBUTE.findall(body)) > MOST_ATTRIBUTES:
        raise BadEnvelope(f"The body has more than {MOST_ATTRIBUTES} attributes.")
    _refuse_doctype(body)
    root = _tree(body, _PARSER, tolerant) if _WORDS.familiar(body) else _tree_apart(body, tolerant)
    if tags > 2 * MOST_DEPTH and _TOO_DEEP(root):  # one level more takes 32 start tags, 32 end tags, and one of either
        raise BadEnvelope(f"The body is nested more than {MOST_DEPTH} deep.")
    if (b"href" in body or b":offset" in body or b":position" in body) and _ELSEWHERE(root):
        raise BadEnvelope("The body refers from one element to another (href, offset, position); write it in place.")
    return root


def _parser(*, recover: bool = False) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        no_network=True,
        huge_tree=False,
        recover=recover,
        collect_ids=False,
        remove_comments=False,  # they are seen, and refused inside a value
        remove_pis=False,
        strip_cdata=True,
    )


_PARSER: Final = _parser()


def _tree(body: bytes, parser: etree.XMLParser, tolerant: bool) -> etree._Element:
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        said = {entry.type for entry in cast("Iterable[etree._LogEntry]", parser.error_log)}
        if said and said <= (_NO_NAMESPACE if tolerant else _NO_URI) and _well_formed(body):
            # A namespace has a name that is no URI (MosesACS), or a prefix none at all; nothing else is wrong.
            return _bound(etree.fromstring(body, _parser(recover=True)))
        line, column = error.position
        raise _NotWellFormed(f"The body is not well-formed XML (line {line}, column {column}).") from None


def _well_formed(body: bytes) -> bool:
    """Whether it is XML, whatever its namespaces: asked of another parser, as this one goes on behind an error."""
    try:
        expat.ParserCreate("utf-8").Parse(body, True)
    except expat.ExpatError:
        return False
    return True


def _bound(root: etree._Element) -> etree._Element:
    """With usual prefixes that were not declared, which stand in names as they came, taken for what they mean."""
    for element in root.iter(etree.Element):
        tag = str(element.tag)
        if _undeclared(tag):
            element.tag = _expanded(tag)
        for name in [name for name in map(str, element.attrib) if _undeclared(name)]:
            if element.get(_expanded(name)) is not None:
                raise _NotWellFormed("The body has an attribute twice in one element.")
            element.set(_expanded(name), element.attrib.pop(name))
    return root


def _undeclared(name: str) -> bool:
    return ":" in name and name[0] != "{"


def _expanded(name: str) -> str:
    prefix, _, local = name.partition(":")
    namespace = _USUAL.get(prefix.lower().replace("-", "").replace("_", ""))
    if namespace is None:
        raise _NotWellFormed("The body has a name with a prefix that is not declared, and not a usual one.")
    return f"{{{namespace}}}{local}"


def _tree_apart(body: bytes, tolerant: bool) -> etree._Element:
    """The same in a thread of its own, whose dictionary of names ends with it."""
    found: list[etree._Element | BadEnvelope] = []

    def read() -> None:
        try:
            found.append(_tree(body, _parser(), tolerant))
        except BadEnvelope as error:
            found.append(error)

    thread = threading.Thread(target=read, name="cwmp-names")
    thread.start()
    thread.join()
    if isinstance(found[0], BadEnvelope):
        raise found[0]
    return found[0]


def _refuse_doctype(body: bytes) -> None:
    """A document type declaration can stand before the first element only; refused before any of it is read."""
    at = 0
    while (white := _WHITE.match(body, at)) is not None:
        at = white.end()
        if body.startswith(b"<?", at):
            end, length = body.find(b"?>", at), 2
        elif body.startswith(b"<!--", at):
            end, length = body.find(b"-->", at), 3
        elif body.startswith(b"<!", at):
            raise BadEnvelope("The body has a document type declaration; SOAP forbids it and it is never read.")
        else:
            return
        if end < 0:
            return
        at = end + length
