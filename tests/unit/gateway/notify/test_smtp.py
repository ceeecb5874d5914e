"""Mail in particular: TLS is never optional once asked for, headers are ours alone."""

import asyncio
import email
import email.policy

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from gateway.consent.notifier import Contact, Message, NotifyFailed
from gateway.notify.smtp import SmtpNotifier


class Box:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        self.mails.append(envelope.content)  # type: ignore[attr-defined]
        return "250 ok"


def message(address: str = "marie@subscriber.example") -> Message:
    to = Contact(kind="mail", address=address, language="fr")
    return Message(to=to, kind="link", language="fr", subject="Une demande : accès", body="Bonjour\n")


async def start(box: Box, **options: object) -> tuple[asyncio.Server, int]:
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box, **options), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_without_tls_on_offer_nothing_is_sent() -> None:
    box = Box()
    server, port = await start(box)
    notifier = SmtpNotifier(host="127.0.0.1", port=port, sender="no-reply@isp.example", starttls=True)
    with pytest.raises(NotifyFailed):
        await notifier.send(message())
    assert box.mails == []
    server.close()
    await server.wait_closed()


async def test_the_headers() -> None:
    box = Box()
    server, port = await start(box)
    await SmtpNotifier(host="127.0.0.1", port=port, sender="no-reply@isp.example", starttls=False).send(message())
    mail = email.message_from_bytes(box.mails[0], policy=email.policy.default)
    assert mail["Subject"] == "Une demande : accès"
    assert mail["From"] == "no-reply@isp.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "fr"
    assert mail["Message-ID"].endswith("@isp.example>")
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("address", ["a@b.example\r\nBcc: x@y.example", "a@b.example\nX: y"])
async def test_an_address_cannot_add_headers(address: str) -> None:
    box = Box()
    server, port = await start(box)
    notifier = SmtpNotifier(host="127.0.0.1", port=port, sender="no-reply@isp.example", starttls=False)
    with pytest.raises(NotifyFailed):
        await notifier.send(message(address))
    assert box.mails == []
    server.close()
    await server.wait_closed()


async def test_a_refused_login_is_named() -> None:
    box = Box()
    server, port = await start(
        box, auth_require_tls=False, authenticator=lambda *_: AuthResult(success=False, handled=False)
    )
    notifier = SmtpNotifier(
        host="127.0.0.1", port=port, sender="no-reply@isp.example", starttls=False, user="u", password="wrong"
    )
    with pytest.raises(NotifyFailed, match="login") as caught:
        await notifier.send(message())
    assert "wrong" not in str(caught.value)
    server.close()
    await server.wait_closed()
