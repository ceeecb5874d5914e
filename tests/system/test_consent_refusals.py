"""Nobody gets a session without a consent that covers it: each is refused with one sentence, on record, and the router
hears nothing. First every way a token can be wrong, in memory; then over REST and ssh against a real process."""

import base64
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.entry import Kind
from audit.leaf import parse
from audit.reader import EvidenceReader
from config.clock import FakeClock
from drivers.fakes import FakeDriver
from drivers.lab.openwrt import OpenWrtRouter
from gateway import exits
from gateway.access.identity import Authenticated, Router
from gateway.errors import ConsentProblem
from gateway.session.terminal import FakeTerminal
from tests.running import LoopThread, RunningGateway
from tests.stage import Stage, stage

OTHER_KEY = Ed25519PrivateKey.generate()


def _parts(token: str) -> tuple[dict[str, object], dict[str, object], str]:
    head, body, signature = token.split(".")
    return _unpack(head), _unpack(body), signature


def _unpack(part: str) -> dict[str, object]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _pack(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def without_signature(token: str) -> str:
    """`alg` none, as RFC 7519 section 6 has it."""
    _, body, _ = _parts(token)
    return f"{_pack({'alg': 'none', 'typ': 'JWT'})}.{_pack(body)}."


def with_other_key(token: str) -> str:
    """The same claims, signed by somebody else."""
    head, body, _ = _parts(token)
    signed = f"{_pack(head)}.{_pack(body)}"
    signature = OTHER_KEY.sign(signed.encode())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def with_edited_claims(token: str) -> str:
    """Every capability and a later end, under the old signature."""
    head, body, signature = _parts(token)
    return f"{_pack(head)}.{_pack({**body, 'exp': 4_000_000_000})}.{signature}"


def with_public_key_as_secret(token: str) -> str:
    """HMAC under a text that anybody knows."""
    import hmac

    _, body, _ = _parts(token)
    signed = f"{_pack({'alg': 'HS256', 'typ': 'JWT'})}.{_pack(body)}"
    mac = hmac.digest(b"public", signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


FORGERIES = [without_signature, with_other_key, with_edited_claims, with_public_key_as_secret, lambda _: "x.y.z"]


@pytest.fixture
def on_stage() -> Stage:
    return stage(clock=FakeClock())


async def _refused(on: Stage, auth: Authenticated, router: Router, token: str | None, code: str) -> None:
    with pytest.raises(ConsentProblem) as refused:
        await on.service.open(auth, router.name, FakeTerminal(), shape="shell", front_end="test", token=token)

    sentence = str(refused.value)
    assert refused.value.code == code
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 160
    assert token is None or token not in sentence
    assert on.store is not None
    last = parse(next(iter(on.store.entries(on.store.size() - 1, on.store.size()))).head)
    assert last.kind is Kind.SESSION_REFUSED
    assert last.facts["code"] == code
    assert isinstance(on.driver, FakeDriver)
    assert on.driver.opened == []


async def _with_token(on: Stage) -> tuple[Authenticated, Router, str, str]:
    auth, router = await on.person("rep"), on.router()
    consent, _ = await on.consent(auth, router)
    return auth, router, consent.id, await on.consents.token_for(auth, consent.id)


async def test_no_consent(on_stage: Stage) -> None:
    await _refused(on_stage, await on_stage.person("rep"), on_stage.router(), None, "missing")


async def test_the_right_token_opens(on_stage: Stage) -> None:
    auth, router, consent, token = await _with_token(on_stage)

    live = await on_stage.service.open(auth, router.name, FakeTerminal(), shape="shell", front_end="test", token=token)

    assert live.grant.consent_ref == consent


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda f: f.__name__)
async def test_a_forged_token(on_stage: Stage, forge: Callable[[str], str]) -> None:
    auth, router, _, token = await _with_token(on_stage)

    await _refused(on_stage, auth, router, forge(token), "forged")


async def test_another_reps_token(on_stage: Stage) -> None:
    _, router, _, token = await _with_token(on_stage)

    await _refused(on_stage, await on_stage.person("thief"), router, token, "other_rep")


async def test_another_routers_token(on_stage: Stage) -> None:
    auth, _, _, token = await _with_token(on_stage)

    await _refused(on_stage, auth, on_stage.router("r-2"), token, "other_router")


async def test_an_expired_token(on_stage: Stage) -> None:
    auth, router, _, token = await _with_token(on_stage)
    assert isinstance(on_stage.clock, FakeClock)
    on_stage.clock.advance(31 * 60)

    await _refused(on_stage, auth, router, token, "expired")


async def test_a_consent_that_expired_without_a_token(on_stage: Stage) -> None:
    auth, router, _, _ = await _with_token(on_stage)
    assert isinstance(on_stage.clock, FakeClock)
    on_stage.clock.advance(31 * 60)

    await _refused(on_stage, auth, router, None, "expired")


async def test_a_revoked_token(on_stage: Stage) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    consent, case = await on_stage.consent(auth, router)
    token = await on_stage.consents.token_for(auth, consent.id)
    await on_stage.consents.revoke(case)

    await _refused(on_stage, auth, router, token, "revoked")


async def _pending(on: Stage, auth: Authenticated, router: Router) -> None:
    await on.consents.request(auth, router.name, ticket="T", reason="r")


async def _denied(on: Stage, auth: Authenticated, router: Router) -> None:
    asked = await on.consents.request(auth, router.name, ticket="T", reason="r")
    await on.consents.deny(await on.consents.cases.open(await on.consents.cases.new_link(asked.id)))


async def _closed(on: Stage, auth: Authenticated, router: Router) -> None:
    consent, _ = await on.consent(auth, router)
    await on.consents.close(auth, consent.id)


async def _lapsed(on: Stage, auth: Authenticated, router: Router) -> None:
    await _pending(on, auth, router)
    assert isinstance(on.clock, FakeClock)
    on.clock.advance(61 * 60)
    await on.consents.expire_due()


async def _wrong_codes(on: Stage, auth: Authenticated, router: Router) -> None:
    asked = await on.consents.request(auth, router.name, ticket="T", reason="r", channel="spoken_code")
    for _ in range(5):
        with pytest.raises(ConsentProblem):
            await on.consents.enter_code(auth, asked.id, "00000000")


@pytest.mark.parametrize(
    ("before", "code"),
    [(_pending, "pending"), (_denied, "denied"), (_closed, "closed"), (_lapsed, "lapsed"), (_wrong_codes, "lapsed")],
)
async def test_a_consent_that_is_not_granted(
    on_stage: Stage, before: Callable[[Stage, Authenticated, Router], Awaitable[None]], code: str
) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    await before(on_stage, auth, router)

    await _refused(on_stage, auth, router, None, code)


@pytest.mark.timeout(180)
def test_over_rest_and_ssh(tmp_path: Path, lab_router: OpenWrtRouter, loop_thread: LoopThread) -> None:
    gateway = RunningGateway(tmp_path)
    people = {"alice": "rep", "boss": "supervisor", "script": "automation", "thief": "automation"}
    gateway.prepare(people, [lab_router.target("home-1"), lab_router.target("home-2")])
    with gateway:
        for person in ("alice", "boss"):
            refused = gateway.ssh(person, "home-1", "uptime")
            assert (refused.returncode, refused.stdout) == (exits.NOT_PERMITTED, b"")
            assert refused.stderr.decode().count("\n") == 1
        token = _rest_token(gateway, loop_thread)
        with gateway.rest("script") as own, gateway.rest("thief") as thief:
            answers = [
                (thief.post("/v1/sessions", json={"router": "home-1", "token": token}), "other_rep"),
                (own.post("/v1/sessions", json={"router": "home-2", "token": token}), "other_router"),
                *(
                    (own.post("/v1/sessions", json={"router": "home-1", "token": forge(token)}), "forged")
                    for forge in FORGERIES
                ),
                (thief.post("/v1/sessions", json={"router": "home-1"}), "missing"),
            ]
        for answer, code in answers:
            assert answer.status_code == 403, answer.text
            assert answer.json()["code"] == code
            assert answer.json()["detail"].endswith(".")
            assert "Traceback" not in answer.text
    assert lab_router.received == []
    with contextlib.closing(EvidenceReader.open(gateway.settings.evidence_dir)) as reader:
        refusals = [str(e.facts["code"]) for e in reader.entries() if e.kind is Kind.SESSION_REFUSED]
    assert sorted(refusals) == sorted(["missing", "missing", *(code for _, code in answers)])


def _rest_token(gateway: RunningGateway, loop_thread: LoopThread) -> str:
    """A token for the machine identity, granted by the subscriber."""
    from tests.running import browse

    with gateway.rest("script") as rest:
        asked = rest.post("/v1/consents", json={"router": "home-1", "ticket": "T-1", "reason": "test"})
        assert asked.status_code == 201, asked.text
        subscriber = loop_thread.run(browse(gateway.newest_link("home-1@example.org")))
        loop_thread.at_close(subscriber.close)
        loop_thread.run(subscriber.press("/grant", minutes="30"))
        answer = rest.post(f"/v1/consents/{asked.json()['id']}/token")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])
