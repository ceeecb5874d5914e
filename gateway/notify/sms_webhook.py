"""SMS, by an HTTP gateway: one POST of JSON a message, with a bearer token.

Body: `{"to": "+15145550100", "text": "…", "language": "en", "kind": "link"}`. Any 2xx answer means accepted.
"""

from typing import Final

import httpx

from gateway.consent.notifier import ContactKind, Message, NotifyFailed

TIMEOUT_SECONDS: Final = 15.0


class SmsWebhookNotifier:
    """Sends to contacts of kind phone."""

    def __init__(self, *, url: str, token: str | None = None) -> None:
        self._url = url
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        # Redirects are not followed: they would hand a one-time link to another address.
        self._client = httpx.AsyncClient(
            headers=headers, timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False
        )

    @property
    def reaches(self) -> frozenset[ContactKind]:
        return frozenset({"phone"})

    async def send(self, message: Message) -> None:
        """Accepted by the gateway when it returns. Raises `NotifyFailed`."""
        if message.to.kind != "phone":
            raise NotifyFailed("SMS reaches only contacts with a phone number.")
        body = {
            "to": message.to.address,
            "text": message.body,
            "language": message.language,
            "kind": message.kind,
        }
        try:
            answer = await self._client.post(self._url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise NotifyFailed("The SMS gateway could not be reached.") from error
        if not answer.is_success:
            raise NotifyFailed(f"The SMS gateway did not take the message (HTTP {answer.status_code}).")

    async def close(self) -> None:
        await self._client.aclose()
