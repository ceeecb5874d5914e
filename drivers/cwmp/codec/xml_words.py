"""Whether a document uses familiar names only: the parser keeps every name it ever met in a thread, for ever. Pure.

lxml keeps names of elements, attributes, prefixes and namespaces in one dictionary for each thread. A CPE that invents
names could fill the memory with them, so documents with too many new ones are read in a thread that ends
(`drivers.cwmp.codec.xml_tree`).
"""

import re
from typing import Final

from drivers.cwmp.codec import names

_TAG: Final = re.compile(rb"<([^>]*)>")
_QUOTED: Final = re.compile(rb"\"[^\"]*\"|'[^']*'")
_ENTITY: Final = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,8}|#x[0-9A-Fa-f]{1,8});)")
"""A name of an entity that there cannot be: the parser keeps that too before it says so."""
_BETWEEN: Final = re.compile(rb"[\s=/:?]+")
_FIRST: Final = (
    b"xml version encoding standalone xmlns xsi xsd xs type arrayType mustUnderstand encodingStyle actor root id nil "
    b"SOAP-ENV soap-env soapenv soap SOAP S env e SOAP-ENC soap-enc soapenc enc cwmp cwmp1 ns1 ns2 tns Envelope Header "
    b"Body Fault faultcode faultstring faultactor detail lang space"
)


class Words:
    """Names that were met; at most `most` besides those of the protocol, none longer than `longest` bytes."""

    def __init__(self, *, most: int = 2000, longest: int = 64) -> None:
        self._known = set(_FIRST.split()) | {word.encode() for word in names.WORDS}
        self._most = len(self._known) + most
        self._longest = longest
        self._tags: set[bytes] = set()

    def familiar(self, body: bytes) -> bool:
        """Whether all names in `body` are known; new ones are learned while there is room."""
        if b"&" in body and _ENTITY.search(body) is not None:
            return False
        tags = _tags(body)
        return self._tags.issuperset(tags) or all(self._learn(tag) for tag in set(tags) - self._tags)

    def _learn(self, tag: bytes) -> bool:
        """One tag without its brackets. What looks like text beside quotes is not trusted: an attribute's value may
        hold `>`, and then the rest of the tag was not seen."""
        if tag.startswith((b"!--", b"![CDATA[")):
            return True
        if len(tag) > 4096:
            return False
        bare = _QUOTED.sub(b"", tag)
        if b'"' in bare or b"'" in bare:
            return False
        words = set(_BETWEEN.split(bare))
        if b"xmlns" in words:
            words.update(_QUOTED.findall(tag))
        words -= self._known
        words.discard(b"")
        if any(len(word) > self._longest for word in words) or len(self._known) + len(words) > self._most:
            return False
        self._known |= words
        if len(self._tags) < 4096 and len(tag) <= 512:
            self._tags.add(tag)
        return True


def _tags(body: bytes) -> list[bytes]:
    """All between a `<` and the next `>`."""
    if b"<!" not in body and body.count(b"<") == body.count(b">"):
        return body.replace(b">", b"<").split(b"<")[1::2]  # they alternate, as `<` is in tags only
    return _TAG.findall(body)
