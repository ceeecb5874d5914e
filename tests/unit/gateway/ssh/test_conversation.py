"""Asking for consent in the terminal: what is typed ahead uses nothing up."""

import asyncio
import re

from gateway.consent.model import State
from gateway.errors import ConsentProblem
from gateway.ssh.conversation import Conversation, lead_to_consent
from tests.stage import stage

ANSWERS = ("T-1", "the wifi drops", "", "", "code")


async def test_lines_typed_ahead_do_not_use_up_the_attempts_at_a_code() -> None:
    on = stage()
    auth, router = await on.person("rep"), on.router()
    conversation, said = Conversation(), []
    for line in (*ANSWERS, *["show version"] * 10):
        conversation.line(line)
    problem = ConsentProblem("missing", "There is no consent.")

    asking = asyncio.create_task(lead_to_consent(on.service, auth, router.name, problem, conversation, said.append))
    async with asyncio.timeout(5):
        while sum("is no code" in text for text in said) < 10:
            await asyncio.sleep(0.005)
    consent = (await on.consents.list(auth))[0]
    assert (consent.state, consent.code_attempts_left) == (State.REQUESTED, 5)

    code = re.search(r"\b\d{4} \d{4}\b", on.notifier.sent[-1].body)
    assert code is not None
    conversation.line(code[0])
    await asyncio.wait_for(asking, 5)

    assert said[-1] == "Granted.\n"
    on.journal.close()
