"""What `gateway/session/entries.py` promises: facts hold nothing personal, and nothing about a password."""

from datetime import UTC, datetime

import pytest

from audit.command import Purpose
from audit.entry import Kind
from gateway.mediation.events import RecordBlocked, RecordResult
from gateway.policy.verdict import Deny
from gateway.session import entries
from tests.stage import Stage, stage
from tests.unit.drivers.minting import Minting


@pytest.fixture
async def grant():
    on: Stage = stage()
    auth, router = await on.person("rep"), on.router()
    await on.consent(auth, router)
    active = await on.consents.claim(auth, router)
    target = await on.directory.target(router.id)
    from gateway.access.authorize import authorize
    from gateway.policy.verdict import Site

    assert target is not None
    return authorize(auth, active, router, target, Site(), datetime.now(UTC))


@pytest.mark.parametrize(("purpose", "told"), [("command", True), ("interrupt", True), ("answer", False)])
async def test_the_length_of_an_answer_is_not_told(grant, purpose: Purpose, told: bool) -> None:
    entry = entries.sent("S", grant, Minting()(b"hunter2\n", purpose))

    assert entry.kind is Kind.CMD_SENT
    assert ("bytes" in entry.facts) is told


async def test_texts_are_sealed(grant) -> None:
    deny = Deny(
        kind="never",
        capability="pivot.ssh",
        rule_id="ios.1.1",
        reason="Onward login is not possible.",
        typed_shown="ssh somebody",
        policy_digest="",
    )
    refused = entries.blocked("S", grant, RecordBlocked(deny))
    ended = entries.result(
        "S",
        grant,
        RecordResult(
            n=3,
            entry_index=9,
            outcome="done",
            output_bytes=7,
            first_line="secret",
            last_line="secret",
            digest=b"d" * 32,
        ),
    )

    assert refused.policy_digest is None
    assert "somebody" not in str(dict(refused.facts))
    assert refused.sealed["act"]["typed"] == "ssh somebody"
    assert "secret" not in str(dict(ended.facts))
    assert ended.sealed["out"]["first"] == "secret"
