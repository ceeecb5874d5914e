"""Approvals, erasures, holds and retention over REST: who may, what is answered, and that one person is not enough."""

import pytest

from audit.entry import Kind
from config.ids import new_id
from gateway.evidence.custody import Custody
from gateway.evidence.persons import Found, StoredConsent, Subject


class Persons:
    def __init__(self, consent: str, subscriber: str) -> None:
        self.known = {"consent": consent, "subscriber": subscriber}
        self.consent = consent

    async def find(self, subject: Subject) -> Found | None:
        if self.known.get(subject.kind) != subject.id:
            return None
        return Found(consents=(StoredConsent(self.consent, final=True),))

    async def erase(self, *, consents, subscriber) -> int:
        return len(consents)

    async def reconciled_to(self) -> int:
        return 1 << 40


@pytest.fixture
async def kept(gateway):
    """A gateway with custody, and a consent that ended."""
    session = await gateway.opened()
    await gateway.run(session, "show version")
    consent = (await gateway.call("crm", "GET", "/v1/consents")).json()[0]["id"]
    await gateway.call("crm", "POST", f"/v1/consents/{consent}/close")
    for _ in range(100):
        if not len(gateway.service.live):
            break
        await gateway.call("crm", "GET", f"/v1/sessions/{session}")
    persons = Persons(consent, new_id())
    settings = gateway.service.parts.settings
    gateway.app.state.custody = await Custody.open(gateway.journal, gateway.clock, settings, persons)
    return consent


async def test_an_erasure_takes_two(gateway, kept):
    wanted = {"kind": "consent", "id": kept}
    plan = await gateway.call("oli", "POST", "/v1/erasures/plan", wanted)
    assert plan.status_code == 200, plan.text
    assert plan.json()["possible"]
    assert (await gateway.call("oli", "POST", "/v1/erasures", wanted)).status_code == 400, "a reason is needed"
    asked = await gateway.call("oli", "POST", "/v1/erasures", {**wanted, "reason": "she asked"})
    assert asked.status_code == 201, asked.text
    approval = asked.json()["approval"]
    for who in ("ada", "crm", "oli"):
        answer = await gateway.call(who, "POST", f"/v1/erasures/{approval}/approve", {})
        assert answer.status_code == 403, who
    listed = (await gateway.call("sue", "GET", "/v1/approvals")).json()
    assert [(one["id"], one["state"], one["reason"]) for one in listed] == [(approval, "asked", "she asked")]
    assert listed[0]["about"].startswith(f"consent {kept}")
    assert (await gateway.call("ada", "GET", "/v1/approvals")).json() == []
    assert (await gateway.call("ada", "GET", f"/v1/approvals/{approval}")).status_code == 403
    done = await gateway.call("sue", "POST", f"/v1/erasures/{approval}/approve", {"reason": "seen"})
    assert done.status_code == 200, done.text
    assert done.json()["deleted"] > 5
    facts = await gateway.facts(Kind.ERASE_DONE)
    assert {one["approval"] for one in facts} == {approval}
    assert (await gateway.call("sue", "GET", f"/v1/approvals/{approval}")).json()["state"] == "used"
    assert len((await gateway.call("amy", "GET", "/v1/erasures")).json()) == 1
    nothing = await gateway.call("oli", "POST", "/v1/erasures", {**wanted, "reason": "again"})
    assert nothing.status_code == 400


async def test_a_hold_and_its_end(gateway, kept):
    words = {"authority": "court", "reference": "1/26", "reason": "case"}
    assert (await gateway.call("ada", "POST", "/v1/holds", {"consents": [kept], **words})).status_code == 403
    assert (await gateway.call("amy", "POST", "/v1/holds", words)).status_code == 400, "nothing is named"
    held = await gateway.call("amy", "POST", "/v1/holds", {"consents": [kept], **words})
    assert held.status_code == 201, held.text
    hold = held.json()["hold"]
    refused = await gateway.call("oli", "POST", "/v1/erasures", {"kind": "consent", "id": kept, "reason": "she asked"})
    assert refused.status_code == 503
    assert hold in refused.json()["detail"]
    (listed,) = (await gateway.call("sue", "GET", "/v1/holds")).json()
    assert (listed["authority"], listed["released_at"]) == ("court", None)
    assert f"consent:{kept}" in listed["things"]
    assert [thing for thing in listed["things"] if thing.startswith("session:")], "what belongs to it is held too"
    release = await gateway.call("amy", "POST", f"/v1/holds/{hold}/release", {"reason": "over"})
    assert release.status_code == 201, release.text
    approval = release.json()["approval"]
    assert (await gateway.call("amy", "POST", f"/v1/approvals/{approval}/approve", {})).status_code == 403
    assert (await gateway.call("sue", "POST", f"/v1/approvals/{approval}/approve", {})).json()["state"] == "used"
    (listed,) = (await gateway.call("sue", "GET", "/v1/holds")).json()
    assert listed["released_at"] is not None
    assert (await gateway.facts(Kind.HOLD_RELEASE))[0]["approval"] == approval


async def test_refusing_and_taking_back(gateway, kept):
    asked = [
        (
            await gateway.call(
                "oli", "POST", "/v1/erasures", {"kind": "consent", "id": kept, "reason": f"reason {number}"}
            )
        ).json()["approval"]
        for number in range(2)
    ]
    for who, approval in zip(("sue", "oli"), asked, strict=True):
        answer = await gateway.call(who, "POST", f"/v1/approvals/{approval}/refuse", {"reason": "no"})
        assert answer.json()["state"] == "refused"
        assert (await gateway.call("sue", "POST", f"/v1/erasures/{approval}/approve", {})).status_code == 403
    assert await gateway.facts(Kind.ERASE_DONE) == []


async def test_retention_is_looked_at_and_run(gateway, kept):
    plan = await gateway.call("amy", "GET", "/v1/retention")
    assert plan.json() == {"digest": plan.json()["digest"], "due": [], "warnings": []}
    assert (await gateway.call("amy", "POST", "/v1/retention/run", {})).status_code == 403
    assert (await gateway.call("oli", "POST", "/v1/retention/run", {"digest": "0" * 16})).status_code == 400
    done = await gateway.call("oli", "POST", "/v1/retention/run", {"digest": plan.json()["digest"]})
    assert done.status_code == 200
    assert (await gateway.call("ada", "GET", "/v1/retention")).status_code == 403


async def test_without_custody_nothing_is_erased(gateway):
    assert (await gateway.call("oli", "GET", "/v1/holds")).status_code == 503


async def test_the_end_of_the_log_is_asked_for_and_approved(gateway, kept):
    for who in ("ada", "crm"):
        assert (await gateway.call(who, "POST", "/v1/rotations", {"reason": "no"})).status_code == 403, who
    assert (await gateway.call("oli", "POST", "/v1/rotations", {})).status_code == 400, "a reason is needed"
    asked = await gateway.call("oli", "POST", "/v1/rotations", {"reason": "the disk"})
    assert asked.status_code == 201, asked.text
    name = asked.json()["approval"]
    assert (await gateway.call("oli", "POST", f"/v1/approvals/{name}/approve", {})).status_code == 403
    given = (await gateway.call("sue", "POST", f"/v1/approvals/{name}/approve", {})).json()
    assert (given["act"], given["state"], given["about"]) == ("log.rotate", "given", f"origin {gateway.journal.origin}")
