"""Elements to plain values, tolerant of what real CPEs send and strict where two readings are possible. Pure.

From a CPE what is missing or odd becomes a default and a warning (CWMP quirks 6, 9, 10, 11, 14, 21); from an ACS, whose
requests change things, it is refused. Twice the same element is refused from both.
Counterpart: `drivers.cwmp.codec.rpc_reading`.
"""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any, Final

from lxml.etree import _Element

from drivers.cwmp.codec.names import WORDS, XSD_TYPES, Field, is_cwmp
from drivers.cwmp.codec.xml_tree import SOAP, SOAP_ENC, XSI
from drivers.cwmp.messages import STRING
from drivers.errors import BadEnvelope

MOST_WARNINGS: Final = 16
LONGEST_NAME: Final = 256
"""Of an element, its namespace included."""
WHITE: Final = " \t\r\n"

_NIL: Final = f"{{{XSI}}}nil"
_TYPE: Final = f"{{{XSI}}}type"
_OLD_TYPE: Final = "{http://www.w3.org/1999/XMLSchema-instance}type"
"""netcwmp writes its types so."""
ARRAY_TYPE: Final = f"{{{SOAP_ENC}}}arrayType"
_COUNT: Final = re.compile(r"\[([0-9]{1,9})\]\s*\Z")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_FLAGS: Final = {"1": True, "true": True, "0": False, "false": False}
_ALIKE: Final = {name.lower(): f"xsd:{name}" for name in XSD_TYPES} | {"base64": "soap-enc:base64"}


def written_type(element: _Element) -> str | None:
    """The value of its xsi:type."""
    return element.get(_TYPE) or element.get(_OLD_TYPE)


@lru_cache(maxsize=512)
def split_tag(tag: str) -> tuple[str, str]:
    """Namespace and name."""
    if len(tag) > LONGEST_NAME:
        raise BadEnvelope(f"The body has an element with a name of more than {LONGEST_NAME} characters.")
    namespace, _, name = tag.rpartition("}")
    return namespace[1:], name


def elements(parent: _Element) -> Iterator[tuple[str, _Element]]:
    """The elements in `parent` with their tags; what is between them means nothing."""
    for child in parent:
        tag = child.tag
        if type(tag) is str:
            yield tag, child


@lru_cache(maxsize=256)
def type_of(written: str) -> str | None:
    """`xsd:unsignedInt` for any prefix and case of an xsi:type; None if there is no such type."""
    return _ALIKE.get(written.strip().rpartition(":")[2].lower())


class Reading:
    """Reads the parts of one message and remembers what was odd."""

    def __init__(self, *, tolerant: bool, may_be_nil: bool = True) -> None:
        self.tolerant = tolerant
        self.may_be_nil = may_be_nil
        self.warnings: list[str] = []

    def odd(self, text: str) -> None:
        """From a CPE a warning; from an ACS `BadEnvelope`. `text` holds no value."""
        if not self.tolerant:
            raise BadEnvelope(f"{text[0].upper()}{text[1:]}.")
        self.note(text)

    def note(self, text: str) -> None:
        """A warning whoever sent it."""
        if len(self.warnings) < MOST_WARNINGS and text not in self.warnings:
            self.warnings.append(text)

    def parts(self, parent: _Element, known: Collection[str], *, soap: bool = False) -> dict[str, _Element]:
        """The elements in `parent` by name, each at most once. They have no namespace or, tolerated, CWMP's; with
        `soap` also that of SOAP."""
        found: dict[str, _Element] = {}
        for child in parent:
            tag = child.tag
            if tag not in known:
                if type(tag) is not str:
                    continue
                tag = self._name(parent, tag, known, soap)
                if tag == "":
                    continue
            if tag in found:
                raise BadEnvelope(f"{called(parent)} has more than one {tag}.")
            found[tag] = child
        return found

    def _name(self, parent: _Element, tag: str, known: Collection[str], soap: bool) -> str:
        """The known name that `tag` stands for; empty: none, leave it out."""
        namespace, name = split_tag(tag)
        if name in known:
            if namespace and not is_cwmp(namespace) and not (soap and namespace == SOAP):
                raise BadEnvelope(f"{called(parent)} has a {name} of another namespace.")
            return name
        self.odd(f"{called(parent)} has an element that is not known there")
        return ""

    def text(self, element: _Element) -> str:
        """Its text exactly; comments and elements inside are refused, as they could hide a part of it."""
        if len(element):
            raise BadEnvelope(f"{called(element)} holds something else than text.")
        text = element.text or ""
        if self.may_be_nil and element.get(_NIL, "").strip(WHITE) in ("1", "true"):
            if text.strip(WHITE):
                raise BadEnvelope(f"{called(element)} is nil and has a text.")
            self.odd(f"{called(element)} is nil")
            return ""
        return text

    def fields(self, parent: _Element, fields: tuple[Field, ...], also: Collection[str] = ()) -> dict[str, Any]:
        """Values for the fields of a message; those that are missing are left out. `also`: known, read elsewhere."""
        found = self.parts(parent, {field[0] for field in fields} | set(also))
        return self.values(parent, found, fields)

    def values(self, parent: _Element, found: dict[str, _Element], fields: tuple[Field, ...]) -> dict[str, Any]:
        """The same of `parts` that were found already."""
        values: dict[str, Any] = {}
        for name, field, kind, needed in fields:
            element = found.get(name)
            if element is None:
                if needed and not self.tolerant:
                    raise BadEnvelope(f"{called(parent)} has no {name}.")
                self.note(f"{called(parent)} has no {name}")
            elif kind == "number":
                values[field] = self.number(element)
            elif kind == "flag":
                values[field] = self.flag(element)
            elif kind == "word":
                values[field] = self.text(element).strip(WHITE)
            else:
                text = self.text(element)
                values[field] = self.unfolded(text) if kind == "key" else text
        return values

    def unfolded(self, text: str) -> str:
        """Without the line breaks that a CPE's pretty-printing put round it."""
        if self.tolerant and text and (text[0] in "\r\n" or text[-1] in WHITE) and "\n" in text:
            return text.strip(WHITE)
        return text

    def word(self, parent: _Element, found: dict[str, _Element], name: str) -> str:
        """Text without white space around; empty if missing."""
        element = found.get(name)
        if element is None:
            self.odd(f"{called(parent)} has no {name}")
            return ""
        return self.text(element).strip(WHITE)

    def number(self, element: _Element) -> int:
        """A whole number; 0 for what is none."""
        text = self.text(element).strip(WHITE)
        if _NUMBER.fullmatch(text) is None:
            self.odd(f"{called(element)} is no number")
            return 0
        return int(text)

    def flag(self, element: _Element) -> bool:
        """True for 1 and true, false for 0 and false, in any case; false for what is none of them."""
        found = _FLAGS.get(self.text(element).strip(WHITE).lower())
        if found is None:
            self.odd(f"{called(element)} is neither true nor false")
        return bool(found)

    def items(self, array: _Element, name: str) -> list[_Element]:
        """The members of a SOAP array. Their names mean nothing (SOAP 1.1, section 5.4.2), their number is counted."""
        found = []
        for child in array:
            tag = child.tag
            if tag != name:
                if type(tag) is not str:
                    continue
                if split_tag(tag)[1] != name:
                    self.note(f"{called(array)} has a member that is not called {name}")
            found.append(child)
        count = _COUNT.search(array.get(ARRAY_TYPE, ""))
        if count is not None and int(count.group(1)) != len(found):
            self.note(f"{called(array)} says another number of members than it has")
        return found

    def typed(self, element: _Element) -> tuple[str, str]:
        """A value and its type: strings exactly, all else without white space around, booleans as true or false."""
        return self.of_type(self.text(element), written_type(element))

    def of_type(self, text: str, written: str | None) -> tuple[str, str]:
        """The same of a text and its xsi:type."""
        if written is None:
            self.note("a value has no xsi:type")
            return text, STRING
        kind = type_of(written)
        if kind is None:
            self.odd("a value has an xsi:type that is not known")
            return text, STRING
        if kind == STRING:
            return text, kind
        text = text.strip(WHITE)
        if kind == "xsd:boolean":
            flag = _FLAGS.get(text.lower())
            if flag is None:
                self.odd("a value of type boolean is neither true nor false")
                return text, kind
            return "true" if flag else "false", kind
        return text, kind


def called(element: _Element) -> str:
    """Its name for a sentence, which may stand on record for ever: one that is invented does not get into it."""
    name = split_tag(element.tag)[1]
    return name if name in WORDS else "an element"
