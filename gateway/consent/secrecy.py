"""Secrets handed to a subscriber, and their digests: one-time links, spoken codes, the browser's case cookie. Pure.

What is random comes in as bytes; what is stored is a digest. `key` is 32 secret bytes of this installation.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

from config.ids import is_id

LINK_BYTES: Final = 32
CODE_DIGITS: Final = 8
CODE_BYTES: Final = 16
"""Random bytes a code is made of; enough that the remainder by 10^8 is even to one part in 2^100."""


def link_text(random: bytes) -> str:
    """The secret part of a link (43 characters, base 64 for URLs)."""
    assert len(random) == LINK_BYTES
    return urlsafe_b64encode(random).rstrip(b"=").decode()


def link_digest(text: str) -> str | None:
    """SHA-256 of a link's bytes, hex; none if `text` is not a link in canonical spelling."""
    try:
        raw = urlsafe_b64decode(text + "=")
    except ValueError:
        return None
    if len(raw) != LINK_BYTES or not same(link_text(raw), text):
        return None
    return sha256(raw).hexdigest()


def code_text(random: bytes) -> str:
    """Eight digits."""
    return str(int.from_bytes(random, "big") % 10**CODE_DIGITS).zfill(CODE_DIGITS)


def is_code(text: str) -> bool:
    """Whether `text` can be a code at all, as a person writes one: `1234 5678`."""
    digits = _digits(text)
    return len(digits) == CODE_DIGITS and digits.isascii() and digits.isdecimal()


def code_digest(key: bytes, consent_id: str, rep_id: str, code: str) -> str:
    """Binds the code to the request and to the rep; without the key the digits cannot be tried out."""
    return _mac(key, "code", consent_id, rep_id, _digits(code)).hex()


def _digits(code: str) -> str:
    return "".join(c for c in code if c not in " -.\t")


def case_cookie(key: bytes, link_ref: str) -> str:
    """What the browser that opened a link keeps."""
    mac = urlsafe_b64encode(_mac(key, "case", link_ref)).rstrip(b"=").decode()
    return f"{link_ref}.{mac}"


def cookie_case(key: bytes, cookie: str) -> str | None:
    """The link ref of a genuine cookie, else none."""
    link_ref, _, _ = cookie.partition(".")
    if is_id(link_ref) and same(case_cookie(key, link_ref), cookie):
        return link_ref
    return None


def form_token(key: bytes, link_ref: str) -> str:
    """Stands hidden in every form of a case: a page of another site cannot know it."""
    return _mac(key, "form", link_ref).hex()


def same(one: str, other: str) -> bool:
    """Compare in constant time; any text."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _mac(key: bytes, purpose: str, *parts: str) -> bytes:
    """HMAC-SHA-256 over the purpose and the parts, each with its length, so that no two inputs coincide."""
    message = b"".join(
        len(part).to_bytes(4, "big") + part for part in (p.encode("utf-8", "surrogatepass") for p in (purpose, *parts))
    )
    return hmac.digest(key, b"vestibule/v1/" + message, "sha256")
