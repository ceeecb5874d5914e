"""What the gateway does when a running command waits for an answer: pagers, sub-prompts, unknown questions. Pure.

Free text never passes: an answer comes from the command's policy row, from the platform's definition, or is a password
of the inventory. A question without one of these is left by Ctrl-C once the router has been quiet for a while.

Output may look like a question where it is cut into pieces. A blank or Enter does no harm then; an answer with text in
it would stand in front of the next command, so it waits until the router is quiet.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from drivers.prompt import PagerSeen, QuestionSeen
from gateway.mediation.flight import Flight
from gateway.mediation.setup import Setup
from gateway.policy.decide import OwnReason


@dataclass(frozen=True, slots=True)
class Reply:
    """Record and send `answer`: exact characters, line end included."""

    kind: Literal["pager", "question"]
    answer: str

    @property
    def text(self) -> str:
        """The answer as the policy is asked about it."""
        return self.answer if self.kind == "pager" else self.answer.rstrip("\r\n")

    @property
    def reason(self) -> OwnReason:
        """What the policy is told it is for."""
        return "pager" if self.kind == "pager" else "answer"


@dataclass(frozen=True, slots=True)
class Leave:
    """Cancel the command."""


Response: TypeAlias = Reply | Leave


def respond(seen: PagerSeen | QuestionSeen, flight: Flight, setup: Setup, quiet: float) -> Response | None:
    """What to do about `seen`, or nothing yet. `quiet`: seconds without output. Counts what is given in `flight`."""
    settled = quiet >= setup.limits.settle_seconds
    if isinstance(seen, PagerSeen):
        if seen.answer.strip() and not settled:
            return None
        flight.pages += 1
        return Reply("pager", seen.answer) if flight.pages <= setup.limits.pages else Leave()
    answer = seen.answer
    if seen.secret is not None and seen.secret not in flight.secrets:
        secret = setup.secrets.get(seen.secret)
        answer = None if secret is None else secret + setup.definition.line_end
    if answer is None:
        return Leave() if seen.cancel or quiet >= setup.limits.question_seconds else None
    if not settled and (answer.strip() or not seen.certain):
        return None
    flight.answers += 1
    if seen.secret is not None:
        flight.secrets.add(seen.secret)
    return Reply("question", answer) if flight.answers <= setup.limits.answers else Leave()
