"""Tokens: genuine ones verify, everything else is forged, whatever it looks like."""

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey

from config.errors import ConfigError
from gateway.consent import token
from gateway.consent.model import Consent, State
from gateway.errors import ConsentProblem

NOW = datetime(2026, 3, 1, 9, 30, 0, 250000, tzinfo=UTC)
KEY = OKPKey.generate_key("Ed25519", private=True)
CONSENT = Consent(
    id="01J0000000000000000000000C",
    state=State.GRANTED,
    rep_id="01J0000000000000000000000A",
    router_id="01J0000000000000000000000R",
    subscriber_ref="01J0000000000000000000000S",
    ticket="TICKET-SEED",
    reason="REASON-SEED",
    language="en",
    asked=("device.reboot", "dns.change"),
    granted=("dns.change", "device.reboot"),
    minutes=30,
    sessions=2,
    requested_at=NOW,
    lapses_at=NOW + timedelta(hours=1),
    granted_at=NOW,
    starts_at=NOW,
    expires_at=NOW + timedelta(minutes=30),
    statement_digest="ab" * 32,
    channel="link",
    evidence_digest="cd" * 32,
    entry_index=41,
)
TOKEN = token.issue(CONSENT, KEY)


def part(text: str) -> dict[str, object]:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def packed(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def code(text: str, now: datetime = NOW, key: OKPKey = KEY) -> str:
    with pytest.raises(ConsentProblem) as caught:
        token.verify(text, key, now)
    return caught.value.code


def test_a_token_says_what_the_consent_says() -> None:
    claims = token.verify(TOKEN, KEY, NOW)
    assert claims.consent_id == CONSENT.id
    assert claims.subscriber_ref == CONSENT.subscriber_ref
    assert (claims.rep_id, claims.router_id) == (CONSENT.rep_id, CONSENT.router_id)
    assert claims.scope == {"device.reboot", "dns.change"}
    assert claims.not_before == NOW.replace(microsecond=0)
    assert claims.expires_at == (NOW + timedelta(minutes=30)).replace(microsecond=0)
    assert (claims.sessions, claims.entry_index) == (2, 41)
    assert (claims.statement_digest, claims.evidence_digest) == ("ab" * 32, "cd" * 32)


def test_it_is_a_plain_eddsa_jwt_without_personal_text() -> None:
    header, body, _ = TOKEN.split(".")
    assert part(header) == {"alg": "EdDSA", "typ": "vestibule-consent+jwt"}
    assert part(body)["jti"] == CONSENT.id
    assert "SEED" not in json.dumps(part(body))


def test_it_verifies_with_the_public_key_alone_and_is_issued_the_same_again() -> None:
    public = OKPKey.import_key(KEY.as_dict(private=False))
    assert token.verify(TOKEN, public, NOW) == token.verify(TOKEN, KEY, NOW)
    assert token.issue(CONSENT, KEY) == TOKEN


@pytest.mark.parametrize("state", [state for state in State if state not in {State.GRANTED, State.IN_USE}])
def test_no_token_without_a_live_grant(state: State) -> None:
    if state is State.EXTENSION_REQUESTED:
        assert token.issue(replace(CONSENT, state=state), KEY) == TOKEN
        return
    with pytest.raises(ConsentProblem):
        token.issue(replace(CONSENT, state=state), KEY)


def test_time() -> None:
    assert code(TOKEN, NOW - timedelta(seconds=1)) == "not_yet"
    assert code(TOKEN, NOW + timedelta(minutes=30)) == "expired"
    token.verify(TOKEN, KEY, NOW + timedelta(minutes=29, seconds=59))


def test_alg_none_is_forged() -> None:
    _, body, signature = TOKEN.split(".")
    for alg in ("none", "None", "NONE", ""):
        header = packed({"alg": alg, "typ": "vestibule-consent+jwt"})
        for tail in ("", signature):
            assert code(f"{header}.{body}.{tail}") == "forged"


def test_another_key_is_forged() -> None:
    other = OKPKey.generate_key("Ed25519", private=True)
    assert code(token.issue(CONSENT, other)) == "forged"
    assert code(TOKEN, key=other) == "forged"


def test_our_public_key_as_a_shared_secret_is_forged() -> None:
    signed = packed({"alg": "HS256", "typ": "vestibule-consent+jwt"}) + "." + TOKEN.split(".")[1]
    for secret in (KEY.as_pem(private=False), base64.urlsafe_b64decode(str(KEY.as_dict()["x"]) + "=")):
        assert code(f"{signed}.{packed(hmac.digest(secret, signed.encode(), 'sha256'))}") == "forged"


def test_other_algorithms_are_forged() -> None:
    claims = part(TOKEN.split(".")[1])
    for alg, key in (("ES256", ECKey.generate_key("P-256", private=True)), ("Ed25519", KEY)):
        header = {"alg": alg, "typ": "vestibule-consent+jwt"}
        assert code(jwt.encode(header, claims, key, algorithms=[alg])) == "forged"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "EdDSA"},
        {"alg": "EdDSA", "typ": "JWT"},
        {"alg": "EdDSA", "typ": "vestibule-consent+jwt", "kid": "x"},
        {"alg": "EdDSA", "typ": "vestibule-consent+jwt", "crit": ["b64"], "b64": False},
        {"alg": "EdDSA", "typ": "vestibule-consent+jwt", "jwk": KEY.as_dict(private=False)},
    ],
)
def test_a_header_that_is_not_ours_is_forged_though_signed(header: dict[str, object]) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    body = TOKEN.split(".")[1]
    signer = load_pem_private_key(KEY.as_pem(private=True), None)
    signed = f"{packed(header)}.{body}"
    signature = packed(signer.sign(signed.encode()))  # type: ignore[union-attr,call-arg]
    assert code(f"{signed}.{signature}") == "forged"


@pytest.mark.parametrize("name", ["jti", "sub", "rep", "rtr", "cap", "nbf", "exp", "ses", "stm", "evd", "idx"])
def test_an_edited_claim_is_forged(name: str) -> None:
    header, body, signature = TOKEN.split(".")
    claims = part(body)
    claims[name] = 2**33 if isinstance(claims[name], int) else ["config.read"] if name == "cap" else "other"
    assert code(f"{header}.{packed(claims)}.{signature}") == "forged"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": "1999999999"},
        {"exp": 1.5},
        {"exp": True},
        {"nbf": -1},
        {"exp": 2**60},
        {"cap": "device.reboot"},
        {"cap": [1]},
        {"rep": 7},
        {"extra": "x"},
    ],
    ids=str,
)
def test_a_body_of_another_form_is_forged_though_signed(changes: dict[str, object]) -> None:
    claims = {**part(TOKEN.split(".")[1]), **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": "EdDSA", "typ": "vestibule-consent+jwt"}
    signed = jwt.encode(header, claims, KEY, registry=token._REGISTRY)
    assert code(signed) == "forged"


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("ABab01-_.=~é\x00 "))
def test_one_changed_character_is_never_another_valid_token(position: int, character: str) -> None:
    changed = TOKEN[:position] + character + TOKEN[position + 1 :]
    if changed == TOKEN:
        return
    try:
        claims = token.verify(changed, KEY, NOW)
    except ConsentProblem as problem:
        assert problem.code == "forged"
    else:
        # Unused bits of the last base 64 character: the same claims, but not the same token by its digest.
        assert claims == token.verify(TOKEN, KEY, NOW)
        assert token.digest(changed) != token.digest(TOKEN)


@given(st.text(max_size=200))
def test_any_text_is_forged(text: str) -> None:
    assert code(text) == "forged"


def test_a_long_text_is_refused_before_it_is_parsed() -> None:
    assert code(TOKEN + "A" * 5000) == "forged"


# --- the key file -----------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    first, second = token.ensure_key(directory), token.ensure_key(directory)
    assert first.as_dict() == second.as_dict()
    assert (directory / "consent.key").stat().st_mode & 0o777 == 0o600
    token.verify(token.issue(CONSENT, first), second, NOW)


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    token.ensure_key(tmp_path)
    (tmp_path / "consent.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        token.ensure_key(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a key", ECKey.generate_key("P-256", private=True).as_pem(private=True),
                                     OKPKey.generate_key("X25519", private=True).as_pem(private=True),
                                     OKPKey.generate_key("Ed25519", private=True).as_pem(private=False)])  # fmt: skip
def test_a_file_that_is_not_the_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "consent.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=r"consent\.key"):
        token.ensure_key(tmp_path)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        token.load_key(tmp_path / "consent.key")
