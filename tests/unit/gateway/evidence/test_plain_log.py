"""The subscriber's log in plain words, read from a real journal; no command, name or secret is in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audit.command import NewCommand
from audit.entry import Kind, NewEntry
from audit.errors import LogMissing
from audit.journal import Journal
from config.clock import FakeClock
from config.ids import new_id
from gateway.consent.model import Language
from gateway.evidence import log_words
from gateway.evidence.plain_log import evidence_log, plain_log
from gateway.policy.capabilities import CAPABILITIES

CONSENT = new_id()


@pytest.fixture
async def journal(clock: FakeClock) -> AsyncIterator[Journal]:
    journal = Journal.in_memory(clock)
    yield journal
    journal.close()


async def command(
    journal: Journal, clock: FakeClock, session: str, capability: str, *, purpose: str = "command"
) -> None:
    clock.advance(60)
    await journal.append_command(
        NewCommand(
            session=session,
            consent_ref=CONSENT,
            deadline=clock.now().replace(year=2030),
            wire=b"show SEED-COMMAND\n",
            typed="show SEED-COMMAND",
            canonical="show SEED-COMMAND",
            capability=capability,
            rule_id="rule",
            policy_digest="ab" * 32,
            purpose=purpose,  # type: ignore[arg-type]
        )
    )


async def blocked(journal: Journal, clock: FakeClock, session: str, capability: str, why: str) -> None:
    clock.advance(60)
    facts = {"verdict": "deny", "why": why, "rule": "r", "cap": capability}
    sealed = {"act": {"typed": "ssh SEED-HOST"}}
    await journal.append(
        NewEntry(kind=Kind.CMD_BLOCKED, session=session, consent_ref=CONSENT, facts=facts, sealed=sealed)
    )


async def story(journal: Journal, clock: FakeClock) -> None:
    """Two sessions under one consent, an extension, a revocation; and another consent's noise in between."""
    noise = new_id()
    for number, session in enumerate((new_id(), new_id())):
        await journal.append(
            NewEntry(kind=Kind.CONSENT_USED, consent_ref=CONSENT, facts={"session": session, "rev": number})
        )
        await journal.append(NewEntry(kind=Kind.SESSION_OPENED, session=session, consent_ref=CONSENT))
        await command(journal, clock, session, "session.control", purpose="preparation")
        await command(journal, clock, session, "diagnose.read")
        await command(journal, clock, session, "diagnose.read")
        await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=noise))
        await blocked(journal, clock, session, "lan.hosts.read", "scope")
        await blocked(journal, clock, session, "pivot.ssh", "never")
        await blocked(journal, clock, session, "unknown.command", "unknown")
        await command(journal, clock, session, "wifi.radio.write")
        clock.advance(60)
        await journal.append(NewEntry(kind=Kind.SESSION_CLOSED, session=session, consent_ref=CONSENT))
    await journal.append(NewEntry(kind=Kind.CONSENT_EXTENSION, consent_ref=CONSENT, facts={"phase": "asked"}))
    await journal.append(NewEntry(kind=Kind.CONSENT_EXTENSION, consent_ref=CONSENT, facts={"phase": "refused"}))
    await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=CONSENT))


async def test_the_story_in_plain_words(journal: Journal, clock: FakeClock) -> None:
    await story(journal, clock)
    lines = plain_log(journal.reader(), CONSENT, "en")
    one_session = [
        ("session opened", False),
        ("looked at the condition of your router and line", False),
        ("tried something you did not allow: blocked (See the list of devices in your home.)", True),
        (f"tried something nobody may do: blocked. {CAPABILITIES['pivot.ssh'].en}", True),
        ("typed something that was not understood: not sent", True),
        ("changed channel or power of your wifi", False),
        ("session over", False),
    ]
    assert [(line.text, line.refused) for line in lines] == [
        *one_session,
        *one_session,
        ("you refused more", False),
        ("you took your consent back", False),
    ]
    assert [line.at for line in lines] == sorted(line.at for line in lines)


async def test_no_command_and_no_name_in_either_language(journal: Journal, clock: FakeClock) -> None:
    await story(journal, clock)
    languages: tuple[Language, ...] = ("en", "fr")
    for language in languages:
        lines = plain_log(journal.reader(), CONSENT, language)
        assert len(lines) == 16
        assert "SEED" not in repr(lines)


async def test_another_consent_shows_nothing(journal: Journal, clock: FakeClock) -> None:
    await story(journal, clock)
    assert plain_log(journal.reader(), new_id(), "en") == []


async def test_a_long_log_ends_with_the_newest(journal: Journal, clock: FakeClock) -> None:
    session = new_id()
    await journal.append(NewEntry(kind=Kind.CONSENT_USED, consent_ref=CONSENT, facts={"session": session}))
    await journal.append(NewEntry(kind=Kind.SESSION_OPENED, session=session, consent_ref=CONSENT))
    for number in range(600):
        await command(journal, clock, session, ("diagnose.read", "log.read")[number % 2])
    lines = plain_log(journal.reader(), CONSENT, "en")
    assert len(lines) == 500
    assert lines[-1].at == clock.now()


async def test_it_is_read_beside_a_running_journal(tmp_path: Path, clock: FakeClock) -> None:
    directory = tmp_path / "evidence"
    log_for = evidence_log(directory)
    with pytest.raises(LogMissing):
        await log_for(CONSENT, "en")
    journal = Journal.open(directory, keys_dir=tmp_path / "keys", origin="logs.isp", clock=clock)
    try:
        await story(journal, clock)
        assert len(await log_for(CONSENT, "fr")) == 16
    finally:
        journal.close()


def test_every_capability_that_can_be_granted_has_its_line() -> None:
    grantable = {name for name, capability in CAPABILITIES.items() if capability.kind != "never"}
    assert set(log_words._DONE) == grantable
    assert log_words.done("new.capability", "en") == "worked on your router"
    for pairs in (log_words._DONE, log_words._EVENTS):
        for english, french in pairs.values():
            assert english
            assert french
            assert english != french
