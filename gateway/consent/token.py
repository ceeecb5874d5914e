"""The consent token: a JWT signed with Ed25519 (RFC 7519, RFC 8037) that any worker can verify offline.

Counterpart: `gateway.consent.lifecycle.activate` compares its claims with the record; the token alone opens nothing.
A token is a pure function of the consent and the key, so it can be issued again and needs to be stored only as hash.
"""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from config.errors import ConfigError
from config.files import make_private_dir, read_private, write_private
from gateway.consent.model import LIVE, Claims, Consent
from gateway.errors import ConsentProblem

TYPE: Final = "vestibule-consent+jwt"
MAX_LENGTH: Final = 4096
KEY_FILE: Final = "consent.key"


class _EdDsaOnly(JWSRegistry):
    """Knows one algorithm, whatever a header says. The curve is the key's, which is always Ed25519."""

    def get_alg(self, name: str) -> Any:
        if name != "EdDSA":
            raise UnsupportedAlgorithmError("only EdDSA is accepted")
        return self.algorithms["EdDSA"]


_REGISTRY: Final = _EdDsaOnly()


def issue(consent: Consent, key: OKPKey) -> str:
    """The token of a granted consent. Raises `ConsentProblem` (missing) if there is no grant on record."""
    if consent.state not in LIVE or consent.entry_index is None or consent.starts_at is None:
        raise ConsentProblem("missing", "There is no token: this consent is not granted, or has ended.")
    assert consent.expires_at is not None  # set with starts_at
    claims = {
        "jti": consent.id,
        "sub": consent.subscriber_ref,
        "rep": consent.rep_id,
        "rtr": consent.router_id,
        "cap": sorted(consent.granted),
        "nbf": int(consent.starts_at.timestamp()),
        "exp": int(consent.expires_at.timestamp()),
        "ses": consent.sessions,
        "stm": consent.statement_digest,
        "evd": consent.evidence_digest,
        "idx": consent.entry_index,
    }
    return jwt.encode({"alg": "EdDSA", "typ": TYPE}, claims, key, registry=_REGISTRY)


def verify(token: str, key: OKPKey, now: datetime) -> Claims:
    """The claims of a genuine token within its time. Raises `ConsentProblem` (forged, not_yet, expired)."""
    if len(token) > MAX_LENGTH or not token.isascii():
        raise _forged()
    try:
        found = jwt.decode(token, key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _forged() from error
    if found.header != {"alg": "EdDSA", "typ": TYPE}:
        raise _forged()
    claims = _parse(found.claims)
    if now < claims.not_before:
        raise ConsentProblem("not_yet", "This consent token is not valid yet.")
    if now >= claims.expires_at:
        raise ConsentProblem("expired", "The time on this consent token is over; ask for a new consent.")
    return claims


def digest(token: str) -> str:
    """SHA-256 of a token, hex: what is stored, and compared in constant time."""
    return sha256(token.encode()).hexdigest()


def ensure_key(keys_dir: Path) -> OKPKey:
    """The signing key from `keys_dir/consent.key` (PKCS#8 PEM, mode 0600), made on first use."""
    path = keys_dir / KEY_FILE
    if not path.exists():
        make_private_dir(keys_dir)
        write_private(path, OKPKey.generate_key("Ed25519", private=True).as_pem(private=True))
    return load_key(path)


def load_key(path: Path) -> OKPKey:
    """Read the signing key. Raises `ConfigError` if it is missing, readable by others, or not Ed25519."""
    try:
        key = OKPKey.import_key(read_private(path))
    except (JoseError, ValueError, TypeError) as error:
        raise ConfigError(f"{path} is not a private key in PEM form; restore it from the backup.") from error
    if key.curve_name != "Ed25519" or not key.is_private:
        raise ConfigError(f"{path} is not an Ed25519 private key; restore it from the backup.")
    return key


def _forged() -> ConsentProblem:
    return ConsentProblem("forged", "This consent token is not genuine; it is not accepted.")


def _parse(raw: dict[str, Any]) -> Claims:
    """Exactly the fields `issue` writes, of exactly their types."""
    expected = {"jti", "sub", "rep", "rtr", "cap", "nbf", "exp", "ses", "stm", "evd", "idx"}
    texts = ("jti", "sub", "rep", "rtr", "stm", "evd")
    numbers = ("nbf", "exp", "ses", "idx")
    well_formed = (
        set(raw) == expected
        and all(isinstance(raw[name], str) for name in texts)
        and all(type(raw[name]) is int and 0 <= raw[name] < 2**40 for name in numbers)
        and isinstance(raw["cap"], list)
        and all(isinstance(capability, str) for capability in raw["cap"])
    )
    if not well_formed:
        raise _forged()
    return Claims(
        consent_id=raw["jti"],
        subscriber_ref=raw["sub"],
        rep_id=raw["rep"],
        router_id=raw["rtr"],
        scope=frozenset(raw["cap"]),
        not_before=datetime.fromtimestamp(raw["nbf"], UTC),
        expires_at=datetime.fromtimestamp(raw["exp"], UTC),
        sessions=raw["ses"],
        statement_digest=raw["stm"],
        evidence_digest=raw["evd"],
        entry_index=raw["idx"],
    )
