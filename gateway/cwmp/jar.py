"""Cookies of the provider's ACS, kept for one CPE session and told to nobody else. Pure. Source: RFC 6265, 5.2 and 5.4.

A CPE gets cookies of the gateway alone; those of the ACS end here. Counterpart: `gateway.cwmp.upstream`.
"""

import re
from collections.abc import Iterable
from typing import Final

MOST_COOKIES: Final = 20
LONGEST: Final = 4096
"""Bytes of a name and a value."""

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VALUE: Final = re.compile(r'[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*|"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"')


class CookieJar:
    """What one ACS set in one session. Paths and domains are not looked at: there is one URL only."""

    def __init__(self) -> None:
        self._cookies: dict[str, str] = {}

    def take(self, headers: Iterable[tuple[str, str]]) -> None:
        """The `Set-Cookie` headers of an answer; what is no cookie is left out."""
        for name, value in headers:
            if name.lower() == "set-cookie":
                self._take_one(value)

    @property
    def header(self) -> str | None:
        """What `Cookie` says in the next request; None without cookies."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items()) or None

    def _take_one(self, text: str) -> None:
        pair, *attributes = text.split(";")
        name, equals, value = pair.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or len(name) + len(value) > LONGEST:
            return
        if any(_expires(attribute) for attribute in attributes):
            self._cookies.pop(name, None)
        elif name in self._cookies or len(self._cookies) < MOST_COOKIES:
            self._cookies[name] = value


def _expires(attribute: str) -> bool:
    """Whether it takes the cookie back. A session is over before a date would matter."""
    word, _, seconds = attribute.partition("=")
    return word.strip().lower() == "max-age" and re.fullmatch(r"-[0-9]+|0+", seconds.strip()) is not None
