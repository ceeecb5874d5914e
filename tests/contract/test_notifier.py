"""What every `Notifier` does, over real servers on loopback: it delivers whole, or says that it did not."""

import asyncio
import email
import email.policy
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP

from gateway.consent.fakes import MemoryNotifier
from gateway.consent.notifier import Contact, ContactKind, Message, Notifier, NotifyFailed
from gateway.notify.outbox import OutboxNotifier
from gateway.notify.sms_webhook import SmsWebhookNotifier
from gateway.notify.smtp import SmtpNotifier

ADDRESS: dict[ContactKind, str] = {"mail": "marie@subscriber.example", "phone": "+15145550100"}
BODY = "Héberge : lisez ceci.\n\nhttps://x.example/l/AAAA_bbb-ccc\n" + "mot " * 60 + "\n"


@dataclass
class Received:
    """One message as it arrived."""

    to: str
    text: str
    raw: str = ""


@dataclass
class Way:
    """A notifier and what arrives at its other end."""

    notifier: Notifier
    received: Callable[[], list[Received]]
    refuse: Callable[[], None]
    """Make the other end refuse from now on."""
    vanish: Callable[[], Awaitable[None]]
    """Take the other end away."""
    close: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


class Mailbox:
    """An SMTP server's memory."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.refusing = False

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        if self.refusing:
            return "554 no"
        content = envelope.content  # type: ignore[attr-defined]
        mail = email.message_from_bytes(content, policy=email.policy.default)
        text = mail.get_body().get_content()  # type: ignore[union-attr]
        (to,) = envelope.rcpt_tos  # type: ignore[attr-defined]
        self.received.append(Received(to, text.replace("\r\n", "\n"), content.decode()))
        return "250 ok"


async def smtp() -> Way:
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box, enable_SMTPUTF8=True), "127.0.0.1", 0)

    async def stop() -> None:
        server.close()
        await server.wait_closed()

    def refuse() -> None:
        box.refusing = True

    notifier = SmtpNotifier(
        host="127.0.0.1", port=server.sockets[0].getsockname()[1], sender="no-reply@isp.example", starttls=False
    )
    return Way(notifier, lambda: box.received, refuse, stop, [stop])


async def sms() -> Way:
    received: list[Received] = []
    state = {"status": "202 Accepted"}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(next(line for line in head.lower().splitlines() if line.startswith("content-length"))[15:])
        body = json.loads(await reader.readexactly(length))
        if state["status"].startswith("2"):
            received.append(Received(body["to"], body["text"], head))
        writer.write(f"HTTP/1.1 {state['status']}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)

    async def stop() -> None:
        server.close()
        await server.wait_closed()

    def refuse() -> None:
        state["status"] = "503 Later"

    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send"
    return Way(SmsWebhookNotifier(url=url, token="bearer-secret"), lambda: received, refuse, stop, [stop])


async def outbox(directory: Path) -> Way:
    def received() -> list[Received]:
        found = []
        for path in sorted(directory.glob("*.json")):
            assert path.stat().st_mode & 0o777 == 0o600
            content = json.loads(path.read_text())
            found.append(Received(content["to"]["address"], content["body"]))
        return found

    def block() -> None:
        directory.mkdir(exist_ok=True)
        directory.rename(directory.with_name("moved"))
        directory.write_text("in the way")

    async def vanish() -> None:
        block()

    return Way(OutboxNotifier(directory), received, block, vanish)


async def memory() -> Way:
    notifier = MemoryNotifier()

    def fail() -> None:
        notifier.failing = True

    async def vanish() -> None:
        fail()

    return Way(notifier, lambda: [Received(m.to.address, m.body) for m in notifier.sent], fail, vanish)


@pytest.fixture(params=["memory", "outbox", "smtp", "sms"])
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Way]:
    match request.param:
        case "memory":
            made = await memory()
        case "outbox":
            made = await outbox(tmp_path / "outbox")
        case "smtp":
            made = await smtp()
        case _:
            made = await sms()
    yield made
    await made.notifier.close()
    for close in made.close:
        await close()


def message(way: Way, body: str = BODY) -> Message:
    kind = min(way.notifier.reaches)
    to = Contact(kind=kind, address=ADDRESS[kind], language="fr")
    return Message(to=to, kind="link", language="fr", subject="Une demande d'accès à l'équipement", body=body)


async def test_it_delivers_the_whole_text_to_the_right_address(way: Way) -> None:
    sent = message(way)
    await way.notifier.send(sent)
    (received,) = way.received()
    assert received.to == sent.to.address
    assert received.text.rstrip("\n") == BODY.rstrip("\n")


async def test_it_delivers_in_order(way: Way) -> None:
    for n in range(3):
        await way.notifier.send(message(way, f"number {n}\n"))
    assert [r.text.strip() for r in way.received()] == ["number 0", "number 1", "number 2"]


async def test_a_refusal_is_a_failure_that_tells_no_secret(way: Way) -> None:
    way.refuse()
    with pytest.raises(NotifyFailed) as caught:
        await way.notifier.send(message(way))
    text = str(caught.value)
    assert text.endswith(".")
    assert "AAAA_bbb" not in text
    assert not any(address in text for address in ADDRESS.values())


async def test_a_missing_other_end_is_a_failure(way: Way) -> None:
    await way.vanish()
    with pytest.raises(NotifyFailed):
        await way.notifier.send(message(way))


async def test_a_contact_of_another_kind_is_a_failure(way: Way) -> None:
    kinds: tuple[ContactKind, ...] = ("mail", "phone")
    for kind in kinds:
        if kind in way.notifier.reaches:
            continue
        to = Contact(kind=kind, address=ADDRESS[kind], language="en")
        with pytest.raises(NotifyFailed):
            await way.notifier.send(Message(to=to, kind="link", language="en", subject="s", body="b"))
    assert way.received() == []


async def test_closing_twice_is_fine(way: Way) -> None:
    await way.notifier.close()
    await way.notifier.close()
