"""HTTP sign-in as a CPE sees it: it answers its ACS's challenge, and challenges who sends a Connection Request.

A reading of RFC 2617 and RFC 7617 of its own; nothing of the gateway's is used.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

_PAIR = re.compile(r'([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def pairs(text: str) -> dict[str, str]:
    """`name="value"` pairs of a header; names in lower case, the first of each counts."""
    found: dict[str, str] = {}
    for name, quoted, plain in _PAIR.findall(text):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or plain)
    return found


def response(fields: Mapping[str, str], method: str, user: str, password: str) -> str:
    """The `response` that belongs to a Digest header's other fields (RFC 2617, 3.2.2)."""
    first = _md5(f"{user}:{fields.get('realm', '')}:{password}")
    if fields.get("algorithm", "").lower() == "md5-sess":
        first = _md5(f"{first}:{fields.get('nonce', '')}:{fields.get('cnonce', '')}")
    second = _md5(f"{method}:{fields.get('uri', '')}")
    if fields.get("qop"):
        middle = ":".join(fields.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
    else:
        middle = fields.get("nonce", "")
    return _md5(f"{first}:{middle}:{second}")


@dataclass(slots=True)
class SignIn:
    """A CPE's side towards its ACS. Remembers the challenge, counts its uses."""

    user: str
    password: str = field(repr=False)
    challenge: str = ""
    uses: int = 0

    def challenged(self, headers: list[str]) -> bool:
        """Take one of the ACS's challenges, Digest before Basic. False: none that is understood."""
        for scheme in ("digest", "basic"):
            for header in headers:
                if header.lower().startswith(scheme):
                    self.challenge, self.uses = header, 0
                    return True
        return False

    def header(self, method: str, uri: str) -> str | None:
        """The Authorization of the next request; none before a challenge."""
        if not self.challenge:
            return None
        if self.challenge.lower().startswith("basic"):
            return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        self.uses += 1
        asked = pairs(self.challenge[6:])
        fields = {"username": self.user, "realm": asked.get("realm", ""), "nonce": asked.get("nonce", ""), "uri": uri}
        for name in ("algorithm", "opaque"):
            if name in asked:
                fields[name] = asked[name]
        if "auth" in re.split(r"[\s,]+", asked.get("qop", "")):
            fields |= {"qop": "auth", "nc": f"{self.uses:08x}", "cnonce": secrets.token_hex(8)}
        fields["response"] = response(fields, method, self.user, self.password)
        bare = {"qop", "nc", "algorithm"}
        return "Digest " + ", ".join(
            f"{name}={value}" if name in bare else f'{name}="{value}"' for name, value in fields.items()
        )


@dataclass(slots=True)
class Doorkeeper:
    """A CPE's side towards who sends a Connection Request: a nonce serves once."""

    moods: frozenset[str] = frozenset()
    realm: str = "lab-cpe"
    nonces: set[str] = field(default_factory=set)

    def challenge(self) -> str:
        """The WWW-Authenticate of a 401."""
        if "basic-knock" in self.moods:
            return f'Basic realm="{self.realm}"'
        nonce = secrets.token_hex(16)
        self.nonces.add(nonce)
        qop = ', qop="auth"'
        if "digest-no-qop" in self.moods:
            qop = ""
        elif "qop-twice" in self.moods:
            qop = ', qop="auth", qop="auth,auth-int"'
        return f'Digest realm="{self.realm}"{qop}, nonce="{nonce}", opaque="{secrets.token_hex(8)}", algorithm=MD5'

    def admits(self, header: str, method: str, uri: str, user: str, password: str) -> bool:
        """Whether an Authorization is right."""
        scheme, _, rest = header.partition(" ")
        if "basic-knock" in self.moods:
            return (
                scheme.lower() == "basic" and rest.strip() == base64.b64encode(f"{user}:{password}".encode()).decode()
            )
        fields = pairs(rest)
        known = fields.get("nonce", "") in self.nonces
        self.nonces.discard(fields.get("nonce", ""))
        if "digest-no-qop" in self.moods and fields.get("qop"):
            return False  # such a one does not know the field and answers 401 for ever
        return (
            scheme.lower() == "digest"
            and known
            and fields.get("username") == user
            and fields.get("uri") == uri
            and fields.get("response") == response(fields, method, user, password)
        )
