"""Messages: whole in both languages, naming provider and alias and nobody else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.consent.messages import code_message, link_message, notice_message
from gateway.consent.model import Consent, Language, State
from gateway.consent.notifier import Contact

LINK = "https://x.example/l/SECRET"
TO = Contact(kind="phone", address="+15145550100", language="en")
LANGUAGES: tuple[Language, ...] = ("en", "fr")


def consent(language: Language) -> Consent:
    now = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    return Consent(
        id="01J0000000000000000000000C",
        state=State.REQUESTED,
        rep_id="01J0000000000000000000000A",
        rep_alias="Rep 7F3A",
        router_id="01J0000000000000000000000R",
        router_name="ROUTER-SEED",
        subscriber_ref="01J0000000000000000000000S",
        ticket="TICKET-SEED",
        reason="REASON-SEED",
        language=language,
        asked=("device.reboot",),
        minutes=30,
        sessions=1,
        requested_at=now,
        lapses_at=now,
        statement_digest="ab" * 32,
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_link(language: Language) -> None:
    message = link_message(consent(language), TO, "ISP {x}", LINK)
    assert (message.kind, message.language, message.to) == ("link", language, TO)
    assert LINK in message.body
    assert "ISP {x}" in message.subject
    assert "Rep 7F3A" in message.body
    assert "30" in message.body
    assert "SEED" not in message.body + message.subject
    assert LINK not in message.subject
    assert "SECRET" not in repr(message)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_comes_with_what_it_allows(language: Language) -> None:
    message = code_message(consent(language), TO, "ISP", LINK, "12345678")
    assert message.kind == "code"
    assert "1234 5678" in message.body
    assert "1234" not in message.subject
    assert LINK in message.body
    words = {"en": "Restart your router", "fr": "Redémarrer votre routeur"}[language]
    assert words in message.body
    bare = code_message(replace(consent(language), asked=()), TO, "ISP", LINK, "12345678")
    assert words not in bare.body


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("about", ["answer", "extension"])
def test_a_notice_holds_no_secret(language: Language, about: str) -> None:
    message = notice_message(consent(language), TO, "ISP", about, "https://x.example/case")
    assert message.kind == "notice"
    assert "https://x.example/case" in message.body
    assert "/l/" not in message.body
    assert "{" not in message.body + message.subject
