"""The cookie that ties a CPE's connections to one session. Counterpart: `drivers.cwmp.wire.session`.

What CPEs send back is read leniently (CWMP.md, quirks 2-4): several cookies after `,` or `;`, values in quotes,
`$Version` and `$Path` of RFC 2109 among them. What is set has nothing that an old parser stumbles over.
"""

import re
import secrets
from collections.abc import Iterable
from typing import Final

SESSION_COOKIE: Final = "session"
_PAIR: Final = re.compile(r'(?<![^\s,;])([^\s=,;"]++)[ \t]*+=[ \t]*+(?:"([^"]*+)"|([^\s,;"]*+))')
"""Begins behind a separator only, so that no text is gone through from every one of its places."""
_ID: Final = re.compile(r"[0-9a-f]{32}")


def new_session_id() -> str:
    """128 random bits in hexadecimal: nobody guesses another CPE's session."""
    return secrets.token_hex(16)


def read_cookies(headers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Names and values of all `Cookie` fields, in order; attributes that begin with `$` are left out."""
    return tuple(
        [
            (name, quoted or plain)
            for header in headers
            for name, quoted, plain in _PAIR.findall(header)
            if not name.startswith("$")
        ]
    )


def session_ids(headers: Iterable[str], name: str = SESSION_COOKIE) -> tuple[str, ...]:
    """Session ids in a request, each once, as `new_session_id` makes them; others are nobody's."""
    found = [value for key, value in read_cookies(headers) if key == name and _ID.fullmatch(value)]
    return tuple(dict.fromkeys(found))


def set_cookie(session_id: str, *, secure: bool, name: str = SESSION_COOKIE) -> str:
    """The value of `Set-Cookie`. `Path=/` always: some CPEs otherwise drop it (quirk 2). It ends with the session."""
    return f"{name}={session_id}; Path=/; HttpOnly" + ("; Secure" if secure else "")
