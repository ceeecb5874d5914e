"""Nobody gets a session without a consent that covers it: each is refused with one sentence, on record, and the router
hears nothing. Counterpart: `tests/system/test_consent_refusals.py` shows it over REST and ssh."""

from collections.abc import Awaitable, Callable

import pytest

from audit.entry import Kind
from audit.leaf import parse
from config.clock import FakeClock
from drivers.fakes import FakeDriver
from gateway.access.identity import Authenticated, Router
from gateway.errors import ConsentProblem
from gateway.session.terminal import FakeTerminal
from tests.forgeries import FORGERIES
from tests.stage import Stage, stage


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


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_token(on_stage: Stage, forgery: str) -> None:
    auth, router, _, token = await _with_token(on_stage)

    await _refused(on_stage, auth, router, FORGERIES[forgery](token), "forged")


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
