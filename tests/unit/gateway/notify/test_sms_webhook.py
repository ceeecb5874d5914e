"""The SMS webhook in particular: the bearer token goes along, redirects are not followed."""

import asyncio
import json

import pytest

from gateway.consent.notifier import Contact, Message, NotifyFailed
from gateway.notify.sms_webhook import SmsWebhookNotifier

MESSAGE = Message(
    to=Contact(kind="phone", address="+15145550100", language="fr"), kind="code", language="fr", subject="S", body="Été"
)


class Gateway:
    """An HTTP server that answers as told and keeps what it was asked."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.heads: list[str] = []
        self.bodies: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(next(line for line in head.splitlines() if line.startswith("content-length"))[15:])
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(length))
        writer.write(f"HTTP/1.1 {self.answer}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


async def send(gateway: Gateway, token: str | None) -> None:
    server = await asyncio.start_server(gateway, "127.0.0.1", 0)
    notifier = SmsWebhookNotifier(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/sms", token=token)
    try:
        await notifier.send(MESSAGE)
    finally:
        await notifier.close()
        server.close()
        await server.wait_closed()


async def test_the_request() -> None:
    gateway = Gateway("200 OK\r\n")
    await send(gateway, "bearer-secret")
    assert gateway.heads[0].startswith("post /sms http/1.1\r\n")
    assert "authorization: bearer bearer-secret\r\n" in gateway.heads[0]
    assert json.loads(gateway.bodies[0]) == {"to": "+15145550100", "text": "Été", "language": "fr", "kind": "code"}


async def test_without_a_token_there_is_no_header() -> None:
    gateway = Gateway("200 OK\r\n")
    await send(gateway, None)
    assert "authorization" not in gateway.heads[0]


async def test_a_redirect_is_a_refusal() -> None:
    gateway = Gateway("307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\n")
    with pytest.raises(NotifyFailed, match="307"):
        await send(gateway, None)
    assert len(gateway.heads) == 1


async def test_an_address_that_is_none_is_a_failure() -> None:
    for url in ("http://", "not a url", "http://127.0.0.1:1/x"):
        notifier = SmsWebhookNotifier(url=url)
        with pytest.raises(NotifyFailed):
            await notifier.send(MESSAGE)
        await notifier.close()
