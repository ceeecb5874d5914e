"""The browser's side of being the subscriber: which cases it opened. Counterpart: `gateway.consent.cases`.

One cookie holds the signed values of the last few cases, newest first, each good for its own case only. It is
`HttpOnly` and `SameSite=Strict`; over TLS it is `Secure` and bound to the host by its name prefix.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.consent.cases import Case

MOST: Final = 5
KEEP_SECONDS: Final = 90 * 24 * 3600
"""So that summary and receipt can be had for as long as the recording is kept."""
_BETWEEN: Final = "~"


def name(*, https: bool) -> str:
    """Name of the cookie."""
    return "__Host-case" if https else "case"


def held(request: Request, *, https: bool) -> tuple[str, ...]:
    """Signed values the browser brought, newest case first; not verified yet."""
    values = request.cookies.get(name(https=https), "").split(_BETWEEN)
    return tuple(value for value in values if value)[:MOST]


def chosen(request: Request, ref: str | None, *, https: bool) -> str:
    """The value for the case `ref`, or for the newest one; empty if there is none."""
    for value in held(request, https=https):
        if ref is None or value.partition(".")[0] == ref:
            return value
    return ""


def keep(request: Request, response: Response, case: Case, *, https: bool) -> None:
    """Have the browser keep `case` as its newest."""
    others = [value for value in held(request, https=https) if value != case.cookie]
    response.set_cookie(
        name(https=https),
        _BETWEEN.join([case.cookie, *others][:MOST]),
        max_age=KEEP_SECONDS,
        path="/",
        httponly=True,
        samesite="strict",
        secure=https,
    )
