"""Consent tokens that are not genuine, each made from one that is."""

import base64
import hmac
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

OTHER_KEY = Ed25519PrivateKey.generate()


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    head, body, signature = token.split(".")
    return _unpack(head), _unpack(body), signature


def _unpack(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _pack(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def without_signature(token: str) -> str:
    """`alg` none, as RFC 7519 section 6 has it."""
    head, body, _ = _parts(token)
    return f"{_pack({**head, 'alg': 'none'})}.{_pack(body)}."


def without_algorithm(token: str) -> str:
    """`alg` none in another spelling, the genuine signature left where it was."""
    head, body, signature = _parts(token)
    return f"{_pack({**head, 'alg': 'None'})}.{_pack(body)}.{signature}"


def with_other_key(token: str) -> str:
    """The same claims, signed by somebody else."""
    head, body, _ = _parts(token)
    signed = f"{_pack(head)}.{_pack(body)}"
    signature = OTHER_KEY.sign(signed.encode())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def with_edited_claim(token: str, claim: str) -> str:
    """Somebody else's name, another router, more capabilities or a later end, under the genuine signature."""
    head, body, signature = _parts(token)
    other = {"rep": "0" * 26, "rtr": "0" * 26, "cap": ["device.reboot"], "exp": 4_000_000_000, "ses": 100}[claim]
    return f"{_pack(head)}.{_pack({**body, claim: other})}.{signature}"


def with_public_key_as_secret(token: str) -> str:
    """HMAC under a text that anybody knows."""
    head, body, _ = _parts(token)
    signed = f"{_pack({**head, 'alg': 'HS256'})}.{_pack(body)}"
    mac = hmac.digest(b"public", signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def cut_short(token: str) -> str:
    """Without the last character of the signature."""
    return token[:-1]


FORGERIES: dict[str, Callable[[str], str]] = {
    "alg none": without_signature,
    "alg None": without_algorithm,
    "other key": with_other_key,
    "HMAC": with_public_key_as_secret,
    **{f"edited {claim}": partial(with_edited_claim, claim=claim) for claim in ("rep", "rtr", "cap", "exp", "ses")},
    "cut short": cut_short,
    "no token": lambda _: "x.y.z",
}
"""By name: makes a forged token of a genuine one."""
