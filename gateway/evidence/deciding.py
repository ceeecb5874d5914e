"""What waits for a second person, and that person's decision: one way for REST and the review pages.

Counterparts: `gateway.evidence.approvals` keeps the requests, `gateway.evidence.erasure` and `.holds` carry out theirs.
"""

from dataclasses import dataclass

from config.counting import counted
from gateway.access.identity import Authenticated
from gateway.errors import NotAllowed
from gateway.evidence.approvals import MAY_ASK, Approval, Approvals
from gateway.evidence.erasure import Erasures
from gateway.evidence.holds import Holds


@dataclass(frozen=True, slots=True)
class Deciding:
    """The decisions of one log. Without erasures or holds (a place that has none) those cannot be decided here."""

    approvals: Approvals
    erasures: Erasures | None = None
    holds: Holds | None = None

    async def waiting(self, auth: Authenticated) -> list[Approval]:
        """Requests that this person's role may decide, their own included, oldest first."""
        await self.approvals.refresh()
        return [one for one in self.approvals.pending() if auth.principal.role in MAY_ASK[one.act]]

    async def show(self, auth: Authenticated, approval: str) -> Approval:
        """One that they may decide. Raises `NotAllowed`, the same for "unknown" and "not yours"."""
        await self.approvals.refresh()
        found = self.approvals.get(approval)
        if auth.principal.role not in MAY_ASK[found.act]:
            raise NotAllowed("There is no such approval.")
        return found

    async def approve(self, auth: Authenticated, approval: str, reason: str) -> Approval:
        """The second person agrees. An erasure or the end of a hold is done when this returns.

        Raises `NotAllowed`, `Unavailable` (a hold), `RecordFailed`.
        """
        match (await self.show(auth, approval)).act:
            case "erase":
                if self.erasures is None:
                    raise NotAllowed("Erasures are not decided here.")
                await self.erasures.approve(auth, approval, reason)
            case "hold.release":
                if self.holds is None:
                    raise NotAllowed("Holds are not decided here.")
                await self.holds.approve_release(auth, approval, reason)
            case _:
                await self.approvals.approve(approval, auth.principal, reason)
        return self.approvals.get(approval)

    async def refuse(self, auth: Authenticated, approval: str, reason: str) -> Approval:
        """Somebody does not agree, or takes back their own. Raises `NotAllowed`."""
        await self.show(auth, approval)
        return await self.approvals.refuse(approval, auth.principal, reason)


def about(one: Approval) -> str:
    """What it is for, in a few words: kinds, ids and counts."""
    subject = one.subject
    match one.act:
        case "erase":
            keys, sessions = subject.get("keys"), subject.get("sessions")
            counts = [len(part) for part in (keys, sessions) if isinstance(part, dict | list)]
            lost = f"{counted(counts[0], 'key set')}, {counted(counts[-1], 'session')}"
            return f"{subject.get('kind')} {subject.get('id')}: {lost}"
        case "hold.release":
            return f"hold {subject.get('hold')}"
        case _:
            return " ".join(f"{name} {value}" for name, value in subject.items() if isinstance(value, str) and value)
