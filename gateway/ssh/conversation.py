"""Talking with a rep before a session is open: lines typed ahead are kept, and a missing consent can be asked for."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.access.identity import Authenticated
from gateway.consent.model import Consent, State
from gateway.consent.secrecy import CODE_DIGITS, is_code
from gateway.errors import BadRequest, ConsentProblem
from gateway.policy.capabilities import CAPABILITIES, SCOPE
from gateway.session.service import AccessService

POLL_SECONDS: Final = 0.5
MOST_AHEAD: Final = 1000
"""Lines typed ahead at which reading from the client stops."""
WAITING: Final = frozenset({State.REQUESTED, State.MORE_INFO_REQUESTED})


class InputClosed(Exception):
    """The rep left (Ctrl-C, Ctrl-D or a closed connection) before a session was open."""


def _never(on: bool) -> None:
    """Nobody is there to be stopped."""


class Conversation:
    """Lines of the client while no live session takes them. Same three methods as a `LiveSession`.

    `throttle` is told when so many wait that reading from the client should stop, and when it may go on.
    """

    def __init__(self, throttle: Callable[[bool], None] = _never) -> None:
        self._lines: deque[str] = deque()
        self._throttle = throttle
        self._arrived = asyncio.Event()
        self._interrupted = False
        self.ended = False

    def line(self, text: str) -> None:
        """The client submitted one line."""
        self._lines.append(text)
        if len(self._lines) == MOST_AHEAD:
            self._throttle(True)
        self._arrived.set()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._interrupted = True
        self._lines.clear()
        self._throttle(False)
        self._arrived.set()

    def input_ended(self) -> None:
        """The client will send no more."""
        self.ended = True
        self._arrived.set()

    def left_over(self) -> list[str]:
        """Lines typed ahead that nobody read, in order; they belong to the session."""
        lines = list(self._lines)
        self._lines.clear()
        self._throttle(False)
        return lines

    async def ask(self, timeout: float | None = None) -> str | None:
        """The next line; none after `timeout` seconds. Raises `InputClosed`."""
        try:
            async with asyncio.timeout(timeout):
                while not self._lines and not self._interrupted and not self.ended:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return None
        if self._interrupted or not self._lines:
            raise InputClosed
        line = self._lines.popleft()
        if len(self._lines) == MOST_AHEAD // 2:
            self._throttle(False)
        return line


async def lead_to_consent(
    service: AccessService,
    auth: Authenticated,
    router_name: str,
    problem: ConsentProblem,
    conversation: Conversation,
    say: Callable[[str], None],
) -> None:
    """Ask the rep for what a request needs, send it, and wait for the subscriber.

    Returns when the consent is granted. Raises `InputClosed` if the rep leaves, `ConsentProblem` if it was not granted.
    """
    say(f"{problem}\n")
    waiting = await _pending(service, auth, router_name) if problem.code == "pending" else None
    if waiting is None:
        waiting = await _ask_and_send(service, auth, router_name, conversation, say)
    await _wait(service, auth, waiting, conversation, say)


async def _pending(service: AccessService, auth: Authenticated, router_name: str) -> Consent | None:
    for consent in await service.consents.list(auth):
        if consent.router_name == router_name and consent.state in WAITING:
            return consent
    return None


async def _ask_and_send(
    service: AccessService,
    auth: Authenticated,
    router_name: str,
    conversation: Conversation,
    say: Callable[[str], None],
) -> Consent:
    limits = service.parts.settings.consent
    say("Let us ask the subscriber (Ctrl-C leaves).\n")
    ticket = await _filled(conversation, say, "Ticket: ")
    reason = await _filled(conversation, say, "Reason, one sentence the subscriber reads: ")
    say("Reading state and testing the line come with every consent. What else may be asked:\n")
    for number, name in enumerate(SCOPE, 1):
        say(f"  {number:2}  {CAPABILITIES[name].en}\n")
    scope = await _numbers(conversation, say)
    say(f"Minutes [{limits.default_minutes}]: ")
    minutes = _number(await conversation.ask(), limits.default_minutes)
    say("Send a link, or a code that the subscriber reads out to you? [link/code]: ")
    spoken = (await conversation.ask() or "").strip().lower().startswith("c")
    return await service.consents.request(
        auth,
        router_name,
        ticket=ticket,
        reason=reason,
        scope=scope,
        minutes=minutes,
        sessions=1,
        language="en",
        channel="spoken_code" if spoken else "link",
    )


async def _filled(conversation: Conversation, say: Callable[[str], None], prompt: str) -> str:
    while True:
        say(prompt)
        text = (await conversation.ask() or "").strip()
        if text:
            return text


async def _numbers(conversation: Conversation, say: Callable[[str], None]) -> tuple[str, ...]:
    while True:
        say("Numbers, comma separated, or none: ")
        answer = (await conversation.ask() or "").strip()
        parts = [part.strip() for part in answer.split(",") if part.strip() not in {"", "none"}]
        if all(part.isdecimal() and 1 <= int(part) <= len(SCOPE) for part in parts):
            return tuple(SCOPE[int(part) - 1] for part in parts)
        say(f"Numbers from 1 to {len(SCOPE)}, please.\n")


def _number(text: str | None, default: int) -> int:
    text = (text or "").strip()
    if not text:
        return default
    if not text.isdecimal():
        raise BadRequest(f"'{text[:20]}' is no number of minutes.")
    return int(text)


async def _wait(
    service: AccessService,
    auth: Authenticated,
    consent: Consent,
    conversation: Conversation,
    say: Callable[[str], None],
) -> None:
    """Wait for the subscriber. A line typed meanwhile is a spoken code, or the answer to the subscriber's question."""
    say("Waiting for the subscriber (Ctrl-C leaves; the request stays). A spoken code can be typed here.\n")
    told: State | None = None
    while True:
        current = await service.consents.get(auth, consent.id)
        if current.state not in WAITING:
            break
        if current.state is State.MORE_INFO_REQUESTED and told is not current.state:
            say(f"The subscriber asks: {current.questions[-1].text}\nYour answer: ")
        told = current.state
        line = await conversation.ask(POLL_SECONDS)
        if line is None or not line.strip():
            continue
        try:
            if current.state is State.MORE_INFO_REQUESTED:
                await service.consents.answer_question(auth, consent.id, line)
            elif is_code(line):
                await service.consents.enter_code(auth, consent.id, line.strip())
            else:  # something typed ahead must not use up the attempts
                say(f"'{line.strip()[:20]}' is no code; a code has {CODE_DIGITS} digits.\n")
        except (BadRequest, ConsentProblem) as problem:
            say(f"{problem}\n")
    if current.state is State.GRANTED:
        say("Granted.\n")
        return
    raise ConsentProblem(current.state.value, f"The subscriber did not agree ({current.state.value}).")
