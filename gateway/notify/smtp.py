"""Mail, by the provider's SMTP server. One connection a message; TLS unless the settings say otherwise."""

import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from typing import Final

import aiosmtplib

from gateway.consent.notifier import ContactKind, Message, NotifyFailed

TIMEOUT_SECONDS: Final = 20.0


class SmtpNotifier:
    """Sends to contacts of kind mail. `password` comes with `user`."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sender: str,
        starttls: bool,
        user: str | None = None,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._starttls = starttls
        self._user = user
        self._password = password
        self._tls = tls

    @property
    def reaches(self) -> frozenset[ContactKind]:
        return frozenset({"mail"})

    async def send(self, message: Message) -> None:
        """Accepted by the server when it returns. Raises `NotifyFailed`."""
        if message.to.kind != "mail":
            raise NotifyFailed("Mail reaches only contacts with a mail address.")
        try:
            await aiosmtplib.send(
                self._mail(message),
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                # Never "if offered": who can strip the offer could read the link.
                start_tls=self._starttls,
                tls_context=self._tls if self._starttls else None,
                timeout=TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPAuthenticationError as error:
            raise NotifyFailed("The mail server did not accept our login; check notify.smtp_user.") from error
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
            raise NotifyFailed("The mail server did not take the message.") from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise NotifyFailed("The mail server could not be reached, or offers no TLS.") from error

    async def close(self) -> None:
        """Nothing to let go of."""

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = message.to.address
        mail["Subject"] = message.subject
        mail["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2] or "localhost")
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.body)
        mail["Content-Language"] = message.language  # after the content, which clears such headers
        return mail
