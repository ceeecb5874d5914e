"""Brings links, codes and notices to the subscriber: by a contact on file, and to no address anybody names.

Counterpart: `gateway.consent.service`, which says when; `gateway.consent.messages` has the words.
"""

from collections.abc import Callable

import structlog

from config.clock import Clock
from gateway.consent.cases import Cases
from gateway.consent.messages import code_message, link_message, notice_message
from gateway.consent.model import FINAL, PENDING, Consent
from gateway.consent.notifier import Contact, Contacts, Message, Notifier, NotifyFailed
from gateway.consent.secrecy import CODE_BYTES, code_digest, code_text
from gateway.consent.store import Code, ConsentStore
from gateway.consent.transition import problem
from gateway.errors import BadRequest

_log = structlog.get_logger("consent")


class Courier:
    """`secret` is 32 bytes that code digests are keyed with; `random` gives that many random bytes."""

    def __init__(
        self,
        *,
        store: ConsentStore,
        cases: Cases,
        contacts: Contacts,
        notifier: Notifier,
        clock: Clock,
        controller: str,
        public_url: str,
        secret: bytes,
        random: Callable[[int], bytes],
    ) -> None:
        self.public_url = public_url
        self._store = store
        self._cases = cases
        self._contacts = contacts
        self._notifier = notifier
        self._clock = clock
        self._controller = controller
        self._secret = secret
        self._random = random

    async def contact(self, subscriber_ref: str) -> Contact:
        """The preferred contact that the notifier can reach. Raises `BadRequest` if there is none."""
        for contact in await self._contacts.contacts(subscriber_ref):
            if contact.kind in self._notifier.reaches:
                return contact
        raise BadRequest("No contact on file can be reached, so the subscriber cannot be asked. Add one first.")

    async def send(self, consent: Consent, contact: Contact, *, with_code: bool) -> None:
        """A fresh link, and a fresh code if wanted; earlier ones stop working. Raises `NotifyFailed`."""
        link = f"{self.public_url.rstrip('/')}/l/{await self._cases.new_link(consent.id)}"
        message: Message
        if with_code:
            code = code_text(self._random(CODE_BYTES))
            digest = code_digest(self._secret, consent.id, consent.rep_id, code)
            await self._store.put_code(Code(consent_id=consent.id, digest=digest, made_at=self._clock.now()))
            message = code_message(consent, contact, self._controller, link, code)
        else:
            message = link_message(consent, contact, self._controller, link)
        await self._notifier.send(message)

    async def send_again(self, consent: Consent, *, with_code: bool) -> None:
        """The same later, while it still makes sense. Raises `ConsentProblem`, `NotifyFailed`."""
        if consent.state in FINAL:
            raise problem(consent)
        await self.send(
            consent, await self.contact(consent.subscriber_ref), with_code=with_code and consent.state in PENDING
        )

    async def notice(self, consent: Consent, about: str) -> None:
        """Point the subscriber to the page. It shows the same without this message, so a failure is only logged."""
        page = f"{self.public_url.rstrip('/')}/case"
        try:
            contact = await self.contact(consent.subscriber_ref)
            await self._notifier.send(notice_message(consent, contact, self._controller, about, page))
        except (NotifyFailed, BadRequest) as error:
            _log.warning("consent.notice_failed", consent=consent.id, error=type(error).__name__)
