"""Which characters a CWMP body means: from bytes in one of few charsets to UTF-8. Pure.

Order (CWMP quirk 8): a byte order mark, the charset of Content-Type, the XML declaration, UTF-8. What is not listed
here is refused: a charset in which `<` may hide (UTF-7, EBCDIC) is none to guess in.
"""

import codecs
import re
from functools import lru_cache
from typing import Final

from drivers.errors import BadEnvelope

_SAME: Final = ("iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-9", "iso-8859-15", "gbk", "gb18030")
_WINDOWS: Final = ("1250", "1251", "1252", "1254")
_CODECS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "latin1": "iso-8859-1",
    "gb2312": "gbk",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    **{name: name for name in _SAME},
    **{f"windows-{page}": f"cp{page}" for page in _WINDOWS},
}
"""By the lower-case name in a header or declaration; all but UTF-16 hold ASCII as it is."""

_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HEADER: Final = re.compile(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_DECLARED: Final = re.compile(rb"<\?xml\s[^>]{0,120}?\bencoding\s{0,8}=\s{0,8}[\"']([A-Za-z0-9._:-]{1,40})[\"']")

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE: Final = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,8}));")
_LONGEST_DECLARATION: Final = 256
"""Bytes of a body in which `_DECLARED` finds what it looks for, or it is not there."""
REPLACEMENT: Final = "\ufffd"


def first_illegal(text: str) -> str | None:
    """The first character in `text` that XML 1.0 cannot hold in any spelling (section 2.2)."""
    found = _ILLEGAL.search(text)
    return None if found is None else found.group()


def split(body: bytes, content_type: str) -> tuple[bytes, str]:
    """`body` without a byte order mark and with nothing before its first `<`, and the codec it is written in.

    Raises `BadEnvelope` for a charset that is not read here.
    """
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :], codec
    if body[:1] != b"<":
        body = body.lstrip(b" \t\r\n")
    if (said := _in_header(content_type)) is not None:
        return body, said
    if body.startswith(b"<?xml"):
        return body, _in_declaration(body[: body.find(b">") + 1][:_LONGEST_DECLARATION])
    return body, "utf-8"


# Senders say the same with every message, so it is looked at once.


@lru_cache(maxsize=64)
def _in_header(content_type: str) -> str | None:
    found = _HEADER.search(content_type)
    return None if found is None else _codec(found.group(1), "Content-Type")


@lru_cache(maxsize=64)
def _in_declaration(beginning: bytes) -> str:
    declared = _DECLARED.match(beginning)
    return "utf-8" if declared is None else _codec(declared.group(1).decode("ascii"), "XML declaration")


def _codec(name: str, where: str) -> str:
    codec = _CODECS.get(name.lower())
    if codec is None:
        hint = " without a byte order mark" if name.lower() in ("utf-16", "utf16", "ucs-2") else ""
        raise BadEnvelope(f"The {where} names the charset {name!r}{hint}, which is not read here; use UTF-8.")
    return codec


def to_utf8(body: bytes, codec: str) -> bytes | None:
    """`body` in UTF-8; None if it holds bytes that are nothing in `codec`."""
    try:
        text = body.decode(codec)
        return body if codec == "utf-8" else text.encode("utf-8")
    except UnicodeError:
        return None


def repair(body: bytes, codec: str) -> bytes:
    """`body` in UTF-8 with U+FFFD for bytes that are nothing in `codec` and for what XML 1.0 cannot hold, written out
    or as a reference; NULs at the end are left away (CWMP quirk 7)."""
    text = body.decode(codec, "replace").rstrip("\0 \t\r\n")
    text = _ILLEGAL.sub(REPLACEMENT, text)
    return _REFERENCE.sub(_legal, text).encode("utf-8")


def _legal(found: re.Match[str]) -> str:
    hexadecimal, decimal = found.groups()
    point = int(hexadecimal, 16) if hexadecimal is not None else int(decimal)
    if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF or first_illegal(chr(point)) is not None:
        return REPLACEMENT
    return found.group()
