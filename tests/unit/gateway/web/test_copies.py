"""What subscribers take with them: their own copy, and a receipt with its proof."""

import json
from dataclasses import dataclass, field

import pytest

from audit.errors import RecordFailed
from gateway.evidence.exporting import GrantProof


@dataclass
class Copies:
    """Makes copies that say whose they are."""

    made: list[str] = field(default_factory=list)
    failure: Exception | None = None

    async def own_copy(self, consent, language):
        if self.failure is not None:
            raise self.failure
        self.made.append(consent.id)
        return f"copy of {consent.id} in {language}".encode()

    async def grant_proof(self, index):
        if self.failure is not None:
            raise self.failure
        return GrantProof(head=b'{"k":"consent.granted"}', proof=f"proof of {index}".encode(), subj={"content": "{}"})


@pytest.fixture
def copies():
    return Copies()


@pytest.mark.parametrize("over", [False, True])
async def test_the_copy_is_offered_and_had_while_live_and_after(place, copies, over):
    browser = place.browser()
    consent, page = await place.granted(browser)
    if over:
        page = await browser.submit(page, "/case/revoke")
    assert "Download my copy" in page.text
    response = await browser.client.get("/case/copy")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/zip")
    assert response.headers["content-disposition"] == f'attachment; filename="router-access-{consent.id}.zip"'
    assert response.content == f"copy of {consent.id} in en".encode()


async def test_copies_are_limited(place, copies):
    browser = place.browser()
    await place.granted(browser)
    statuses = [(await browser.client.get("/case/copy")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert len(copies.made) == 2
    place.clock.advance(60)
    assert (await browser.client.get("/case/copy")).status_code == 200


async def test_no_copy_for_strangers_nor_before_a_grant(place, copies):
    assert (await place.browser().get("/case/copy")).status == 404
    await place.ask()
    browser = place.browser()
    page = await place.opened(browser)
    assert "Download my copy" not in page.text
    assert (await browser.get("/case/copy")).status == 404
    assert (await browser.get("/case/receipt.tlog-proof")).status == 404
    assert copies.made == []


async def test_a_copy_that_is_not_on_record_is_not_given(place, copies):
    browser = place.browser()
    await place.granted(browser)
    copies.failure = RecordFailed("The disk is full.")
    assert (await browser.get("/case/copy")).status == 503


async def test_the_receipt_holds_its_proof(place, copies):
    browser = place.browser()
    await place.granted(browser)
    record = json.loads((await browser.client.get("/case/receipt")).content)
    assert record["evidence"] == {
        "head": '{"k":"consent.granted"}',
        "proof": "proof of 1",
        "disclosed": {"subj": {"content": "{}"}},
    }
    assert (await browser.client.get("/case/receipt.tlog-proof")).content == b"proof of 1"
    copies.failure = RecordFailed("later")
    assert json.loads((await browser.client.get("/case/receipt")).content)["evidence"] is None
    assert (await browser.get("/case/receipt.tlog-proof")).status == 404
