"""Digest and Basic of HTTP, both sides, without I/O and clock. Pure. Source: RFC 7616, 7617, 2617, 2069.

Server side: `Challenger`. A nonce is its time, its number and an HMAC over these and the client's address, so it holds
on any connection of that client (some CPEs open a new one after 401) and needs no memory. PROMISED: a captured answer
is worth nothing from another address, for another method or target, after `lifetime`, or once it was used; only who
may repeat it (`verify`: `again`) is let in with it twice. Used answers are in `drivers.cwmp.wire.spent`.

Client side: `answer`, for Connection Requests and for the provider's own ACS. It says `qop`, `nc`, `cnonce` and
`opaque` only where the challenge asks for them (CWMP.md, quirk 19). Header fields are bytes as Latin-1 on both sides.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from drivers.cwmp.wire.spent import Spent
from drivers.errors import LoginRefused

Algorithm = Literal["MD5", "SHA-256"]
Lookup: TypeAlias = Callable[[str], str | None]
"""User name to password; None (or an empty password) for a user who cannot sign in."""

NONCE_SECONDS: Final = 300
_HASHES: Final = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_TCHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_TEXT: Final = r"[^\"\\\x00-\x08\x0a-\x1f\x7f]"
_PIECE: Final = re.compile(
    rf"[ \t,]*+({_TCHAR}++)(?:[ \t]*+(=)[ \t]*+(?:\"((?:{_TEXT}|\\{_TEXT}|\\[\"\\])*+)\"|([^\s,\"\x00-\x1f\x7f]*+)))?"
)
_NONCE: Final = re.compile(r"([0-9a-f]{10})([0-9a-f]{6})[0-9a-f]{26}")
_COUNT: Final = re.compile(r"[0-9a-fA-F]{1,8}")
_LONGEST: Final = 8192
_MD5_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme, in lower case, with its parameters: lower-case names, values as they stand between the quotes."""

    scheme: str
    parameters: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first value of that name, without its backslashes."""
        for key, value in self.parameters:
            if key == name:
                return _unescaped(value)
        return None

    def all(self, name: str) -> tuple[str, ...]:
        return tuple([_unescaped(value) for key, value in self.parameters if key == name])


def read_challenges(header: str) -> tuple[Challenge, ...]:
    """The challenges (or the one credential) in a field. What cannot be read ends the list; nothing is raised."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    at = 0
    while at < min(len(header), _LONGEST) and (piece := _PIECE.match(header, at)) is not None:
        name, equals, quoted, plain = piece.groups()
        if not equals:
            found.append((name.lower(), []))
        elif found:
            found[-1][1].append((name.lower(), quoted if quoted is not None else plain))
        at = piece.end()
    return tuple([Challenge(scheme, tuple(parameters)) for scheme, parameters in found])


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL) if "\\" in value else value


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _hash(algorithm: str, *parts: bytes) -> bytes:
    return _HASHES[algorithm](b":".join(parts), usedforsecurity=False).hexdigest().encode()


# --- server side ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verified:
    """The user knows the password. `response`: by what it was shown, if that may be used once only."""

    user: str
    scheme: Literal["digest", "basic"]
    response: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Stale:
    """The user knows the password, but the nonce is too old, of another address or of an earlier start, or the answer
    was used before: challenge again with `stale`, and the CPE answers without asking anybody."""

    user: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """Not signed in. `why` is for the record: it names no password and repeats nothing that was sent."""

    why: str


Verdict: TypeAlias = Verified | Stale | Wrong


class Challenger:
    """Makes challenges and judges what comes back. `secret`: at least 16 random bytes, of this process alone.

    MD5 is offered first because older CPE software takes only the first challenge and knows nothing else; against
    somebody who reads along neither protects a guessable password.
    """

    def __init__(
        self,
        secret: bytes,
        realm: str,
        *,
        lifetime: float = NONCE_SECONDS,
        algorithms: tuple[Algorithm, ...] = ("MD5", "SHA-256"),
        without_qop: bool = False,
    ) -> None:
        """`without_qop`: take answers in the form of RFC 2069, which some CPEs give whatever was asked."""
        self._secret = secret
        self._realm = realm
        self._lifetime = lifetime
        self._algorithms = algorithms
        self._without_qop = without_qop
        self._number = 0
        self._spent = Spent(lifetime)

    def challenge(self, now: float, peer: str, *, stale: bool = False, basic: bool = False) -> tuple[str, ...]:
        """Values for as many `WWW-Authenticate` fields, with a nonce that was never given. `basic`: inside TLS only."""
        self._number = (self._number + 1) & 0xFFFFFF
        nonce = self._nonce(int(now), self._number, peer)
        realm = _escaped(self._realm)
        again = ", stale=true" if stale else ""
        digests = [
            f'Digest realm="{realm}", qop="auth", nonce="{nonce}", algorithm={algorithm}{again}'
            for algorithm in self._algorithms
        ]
        return (*digests, f'Basic realm="{realm}"') if basic else tuple(digests)

    def verify(
        self,
        header: str,
        method: str,
        target: str,
        lookup: Lookup,
        now: float,
        peer: str,
        *,
        basic: bool = False,
        again: str = "",
    ) -> Verdict:
        """Judge an `Authorization` field. `target` is the request's, as sent. `basic`: whether Basic is taken. `again`:
        the `response` that the sender was verified by before, on the same connection: it may be repeated there."""
        if len(header) > _LONGEST:
            return Wrong("the Authorization field is too long")
        scheme, _, rest = header.strip(" \t").partition(" ")
        if scheme.lower() == "basic":
            return _verify_basic(rest, lookup) if basic else Wrong("Basic is not taken here")
        said = read_challenges(header)
        if len(said) != 1 or said[0].scheme != "digest":
            return Wrong("the Authorization field is no Digest credential")
        verdict = self._verify_digest(said[0], method, target, lookup)
        if isinstance(verdict, Verified):
            if not self._fresh(said[0].get("nonce") or "", now, peer):
                return Stale(verdict.user)
            if verdict.response != again:
                if verdict.response in self._spent:
                    return Stale(verdict.user)
                self._spent.add(verdict.response, now)
        return verdict

    def _verify_digest(self, said: Challenge, method: str, target: str, lookup: Lookup) -> Verified | Wrong:
        """Whether the password is right, of whatever age the nonce is."""
        given = {name: _unescaped(value) for name, value in said.parameters}
        if len(given) != len(said.parameters):
            return Wrong("a parameter stands there twice")
        if (problem := self._problem(given, target)) is not None:
            return Wrong(problem)
        response = given["response"].lower().encode("latin-1")
        for name, user in _users(said):
            known = lookup(user)
            expected = [self._expected(given, method, name, password) for password in _spellings(known or "")]
            same = [hmac.compare_digest(response, each) for each in expected]
            if known and any(same):
                return Verified(user, "digest", given["response"].lower())
        return Wrong("the user or the password is wrong")

    def _problem(self, said: Mapping[str, str], target: str) -> str | None:
        if not (said.get("nonce") and said.get("uri") and said.get("response")):
            return "nonce, uri or response is missing"
        if said.get("realm") != self._realm:
            return "it is for another realm"
        if not _same_target(said.get("uri") or "", target):
            return "it is for another target"
        if _algorithm_of(said) not in self._algorithms:
            return "its algorithm was not offered"
        if (qop := said.get("qop")) is None:
            return None if self._without_qop else "it has no qop"
        if qop.lower() != "auth":
            return "its qop was not offered"
        return None if _COUNT.fullmatch(said.get("nc") or "") and said.get("cnonce") else "nc or cnonce is missing"

    def _expected(self, said: Mapping[str, str], method: str, name: bytes, password: bytes) -> bytes:
        algorithm = _algorithm_of(said)
        if len(said.get("response") or "") == _MD5_DIGITS and "MD5" in self._algorithms:
            algorithm = "MD5"  # it knows nothing else, and repeats the name that stood in the last challenge
        ha1 = _hash(algorithm, name, self._realm.encode(), password)
        ha2 = _hash(algorithm, method.encode(), (said.get("uri") or "").encode("latin-1"))
        middle = [said.get("nonce") or ""]
        if said.get("qop") is not None:
            middle += [said.get("nc") or "", said.get("cnonce") or "", said.get("qop") or ""]
        return _hash(algorithm, ha1, *[part.encode("latin-1") for part in middle], ha2)

    def _nonce(self, time: int, number: int, peer: str) -> str:
        said = f"{time:010x}{number:06x}"
        return f"{said}{hmac.digest(self._secret, f'{said} {peer}'.encode(), 'sha256')[:13].hex()}"

    def _fresh(self, nonce: str, now: float, peer: str) -> bool:
        if (found := _NONCE.fullmatch(nonce)) is None:
            return False
        time, number = (int(part, 16) for part in found.groups())
        ours = hmac.compare_digest(nonce, self._nonce(time, number, peer))
        return ours and time - 1 <= now <= time + self._lifetime and self._spent.remembers(time)


def _algorithm_of(said: "Challenge | Mapping[str, str]") -> str:
    return (said.get("algorithm") or "MD5").upper()


def _users(said: Challenge) -> list[tuple[bytes, str]]:
    """What the client hashed as its name, and whom that means.

    Some clients put a backslash into quotes as it is, so the raw form is tried too.
    """
    raw = [value for key, value in said.parameters if key == "username"]
    forms = [form.encode("latin-1") for value in raw for form in (_unescaped(value), value)]
    if not raw and (extended := said.get("username*")) is not None:
        charset, _, quoted = extended.partition("''")
        if charset.lower() == "utf-8":
            forms = [re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), quoted.encode("latin-1"))]
    return [(form, _text(form)) for form in dict.fromkeys(forms)]


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _spellings(password: str) -> list[bytes]:
    """UTF-8, and Latin-1 for old clients where that differs."""
    forms = [password.encode()]
    if not password.isascii():
        forms.append(password.encode("latin-1", "replace"))
    return forms


def _same_target(uri: str, target: str) -> bool:
    return _path(uri) == _path(target)


def _path(uri: str) -> str:
    """Path and query of a target that may be an absolute URI."""
    scheme, found, rest = uri.partition("://")
    if not found or "/" in scheme:
        return uri
    at = re.search(r"[/?]", rest)
    path = rest[at.start() :] if at else ""
    return path if path.startswith("/") else "/" + path


def _verify_basic(encoded: str, lookup: Lookup) -> Verdict:
    try:
        pair = base64.b64decode(encoded.strip(" \t"), validate=True)
    except (binascii.Error, ValueError):
        return Wrong("the Basic credential is not base64")
    name, colon, password = pair.partition(b":")
    if not colon:
        return Wrong("the Basic credential has no colon")
    user = _text(name)
    known = lookup(user)
    same = [hmac.compare_digest(password, each) for each in _spellings(known or "")]
    return Verified(user, "basic") if known and any(same) else Wrong("the user or the password is wrong")


# --- client side ------------------------------------------------------------------------------------------------------


def answer(
    challenges: str | Iterable[str],
    method: str,
    uri: str,
    user: str,
    password: str,
    cnonce: str,
    *,
    nc: int = 1,
    basic: bool = False,
    body: bytes = b"",
) -> str:
    """The `Authorization` field that answers the `WWW-Authenticate` field(s) of a 401.

    `uri` is the request's target exactly as it is sent. The first Digest challenge that can be answered is; Basic only
    with `basic` and where no Digest was offered. `body` matters for qop=auth-int alone. Raises `LoginRefused`.
    """
    fields = [challenges] if isinstance(challenges, str) else list(challenges)
    offered = [challenge for header in fields for challenge in read_challenges(header)]
    for challenge in offered:
        if challenge.scheme == "digest" and _answerable(challenge):
            return _digest_answer(challenge, method, uri, user, password, cnonce, nc, body)
    if basic and any(challenge.scheme == "basic" for challenge in offered):
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    schemes = ", ".join(sorted({challenge.scheme for challenge in offered if challenge.scheme in ("basic", "digest")}))
    raise LoginRefused(
        f"The peer asks for a sign-in that is not done here ({schemes or 'neither Digest nor Basic'}); "
        "Digest with MD5 or SHA-256 is, and Basic where it is allowed for the model."
    )


def _answerable(challenge: Challenge) -> bool:
    algorithm = _algorithm_of(challenge).removesuffix("-SESS")
    return algorithm in _HASHES and challenge.get("nonce") is not None and challenge.get("realm") is not None


def _qop_of(challenge: Challenge) -> str | None:
    """`auth` before `auth-int`; None where the challenge has no qop, or only words that mean nothing (`undefined`)."""
    offered = [word.strip(' \t"').lower() for value in challenge.all("qop") for word in value.split(",")]
    return next((qop for qop in ("auth", "auth-int") if qop in offered), None)


def _digest_answer(
    challenge: Challenge, method: str, uri: str, user: str, password: str, cnonce: str, nc: int, body: bytes
) -> str:
    said = _algorithm_of(challenge)
    algorithm, session = said.removesuffix("-SESS"), said.endswith("-SESS")
    realm, nonce = challenge.get("realm") or "", challenge.get("nonce") or ""
    qop, count = _qop_of(challenge), f"{nc:08x}"
    name = user.encode()
    ha1 = _hash(algorithm, name, realm.encode("latin-1"), password.encode())
    if session:
        ha1 = _hash(algorithm, ha1, nonce.encode("latin-1"), cnonce.encode())
    last = [_hash(algorithm, body)] if qop == "auth-int" else []
    ha2 = _hash(algorithm, method.encode(), uri.encode("latin-1"), *last)
    middle = [nonce] if qop is None else [nonce, count, cnonce, qop]
    response = _hash(algorithm, ha1, *[part.encode("latin-1") for part in middle], ha2).decode()
    parts = [f'username="{_escaped(name.decode("latin-1"))}"', f'realm="{_escaped(realm)}"']
    parts += [f'nonce="{_escaped(nonce)}"', f'uri="{uri}"', f'response="{response}"']
    if (named := challenge.get("algorithm")) is not None:
        parts.append(f"algorithm={named}")
    if (opaque := challenge.get("opaque")) is not None:
        parts.append(f'opaque="{_escaped(opaque)}"')
    if qop is not None:
        parts += [f"qop={qop}", f"nc={count}"]
    if qop is not None or session:
        parts.append(f'cnonce="{cnonce}"')
    return "Digest " + ", ".join(parts)


@dataclass(slots=True)
class SignIn:
    """One user's sign-in at one server, over many requests: remembers the challenge and counts `nc`.

    Nothing is sent before the server asked.
    """

    user: str
    password: str = field(repr=False)
    basic: bool = False
    _challenges: tuple[str, ...] = field(default=(), repr=False)
    _count: int = field(default=0, repr=False)

    @property
    def asked_for(self) -> bool:
        """Whether the server asked."""
        return bool(self._challenges)

    def challenged(self, headers: Iterable[str]) -> None:
        """`WWW-Authenticate` fields of a 401: the next request answers these."""
        self._challenges, self._count = tuple(headers), 0

    def header(self, method: str, uri: str, cnonce: str, body: bytes = b"") -> str | None:
        """`Authorization` for the next request; None before the first challenge. Raises `LoginRefused`."""
        if not self._challenges:
            return None
        self._count += 1
        return answer(
            self._challenges,
            method,
            uri,
            self.user,
            self.password,
            cnonce,
            nc=self._count,
            basic=self.basic,
            body=body,
        )
