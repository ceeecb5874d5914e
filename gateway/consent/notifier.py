"""How a message reaches the subscriber: the protocol, and what is sent. Backends stand in `gateway.notify`."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from gateway.consent.model import Language
from gateway.errors import GatewayError

ContactKind = Literal["mail", "phone"]


class NotifyFailed(GatewayError):
    """The message did not leave. The sentence names the way that failed, never the address or the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A way to reach a subscriber, from the provider's file; never one that a rep or caller names."""

    kind: ContactKind
    address: str = field(repr=False)
    """Mail address, or phone number in E.164."""
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `body` holds the link or code and is a secret until used."""

    to: Contact
    kind: Literal["link", "code", "notice"]
    language: Language
    subject: str
    body: str = field(repr=False)


class Notifier(Protocol):
    """Sends messages. MUST raise `NotifyFailed` unless the message was accepted for delivery."""

    @property
    def reaches(self) -> frozenset[ContactKind]:
        """The kinds of contact it can send to."""
        ...

    async def send(self, message: Message) -> None: ...

    async def close(self) -> None:
        """Let go of connections. Safe to call twice."""
        ...


class Contacts(Protocol):
    """The contacts on file."""

    async def contacts(self, subscriber_ref: str) -> list[Contact]:
        """Preferred one first; empty if none is known."""
        ...
