"""What the gateway itself says in a session. Pure; one place, so that people and scripts can rely on the words."""

import re
from datetime import datetime
from typing import Final

from gateway.policy.verdict import Allow, Deny, Position, Verdict

CLOSING: Final = {
    "revoked": "The subscriber has withdrawn consent. The session is closed.",
    "expired": "The consent has expired. The session is closed.",
    "ended": "This access has ended. The session is closed.",
    "closed": "The consent is closed. The session is closed.",
    "used_up": "The consent is used up. The session is closed.",
    "killed": "This session was ended by hand, on record.",
    "suspended": "Your access is suspended. The session is closed.",
    "frozen": "A supervisor has frozen this session. It is closed until they release it.",
    "idle": "Nothing was typed for too long. The session is closed.",
    "shutdown": "The gateway is shutting down. The session is closed.",
    "record_failed": "The record could not be written, so nothing more can be sent. The session is closed.",
    "record_mismatch": "The record does not match the command, so nothing was sent. The session is closed.",
    "strikes": "Too many commands that are never allowed. The session is closed and will be reviewed.",
    "router_ended": "The router has ended the session.",
    "no_prompt": "The router showed no prompt that is known. The session is closed.",
    "stuck": "The router did not come back to its prompt. The session is closed.",
}
"""Reason of `Ended`, `RecordRefusedEvent` or `Close` to the last sentence of a session."""

CONFIRM: Final = "{what}. Send it? [y/N] "
OFFER: Final = "Ask the subscriber for it now ({capability})? [y/N] "
ASKING: Final = "The subscriber is being asked. You will be told; then type the command again."
NOT_ASKED: Final = "Nobody was asked."
NOT_SENT: Final = "Not sent."
NOT_SENT_AHEAD: Final = (
    "Not sent: this command needs a confirmation, and lines were typed ahead. Type it again and answer the question."
)
NOT_SENT_NOBODY: Final = "Not sent: this command needs a confirmation, and nobody can be asked here."
CANCELLED: Final = "The router asked something that has no answer here. The command was cancelled."
DROPPED: Final = "Dropped: {lines} that waited."
WARNING: Final = "This access ends in {left}."
UNSURE: Final = (
    "The router's prompt is not the one that was expected ({prompt}). Nothing is sent until a line such as `end` or "
    "`exit` brings it back."
)
PROMPT_CHANGED: Final = "Not sent: the router's prompt changed meanwhile."
MOVED: Final = "The router went back to {prompt} by itself."
CONTROL_CHARACTERS: Final = "The line holds control characters, which are never sent."
NO_VERDICT: Final = "No command was judged yet."
NO_HELP: Final = "There is no help for this."

_RIGHTS: Final = re.compile(r" with [a-z_]+\.[a-z_.,]+\Z")
"""The reading rights that the gateway writes behind a line for a CWMP router."""


def unsure(prompt: str) -> str:
    """Why nothing but a way back is sent now."""
    return UNSURE.format(prompt=prompt.strip().replace("\n", " "))


def moved(prompt: str) -> str:
    """The router changed its mode by itself."""
    return MOVED.format(prompt=prompt.strip().replace("\n", " "))


def closing(reason: str) -> str:
    """The last sentence for a session that ends for `reason`."""
    return CLOSING.get(reason, f"The session is closed ({reason}).")


def confirmation(verdict: Allow) -> str:
    """The question before a command of class `ask`."""
    line = verdict.shown
    if verdict.rule_id.startswith("cwmp."):
        line = _RIGHTS.sub("", line)
    return CONFIRM.format(what=f"`{line}` can interrupt or change something ({verdict.capability})")


def refusal(verdict: Deny, strike: int | None, strikes: int) -> str:
    """Why a line was not sent; one to four lines, each ended by LF."""
    lines = [verdict.hint] if verdict.hint is not None else []
    if verdict.askable is not None:
        lines.append(f"The subscriber could still allow this ({verdict.askable}).")
    if strike is not None:
        lines.append(f"Strike {strike} of {strikes}.")
    return refused(verdict) + "".join(f"{line}\n" for line in lines)


def refused(verdict: Deny) -> str:
    """The first line of a refusal, ended by LF."""
    return f"Refused: {verdict.reason}\n"


def explanation(verdict: Verdict | None) -> str:
    """The last verdict in full, for the word `why`; lines ended by LF."""
    match verdict:
        case None:
            lines = [NO_VERDICT]
        case Allow():
            lines = [
                f"Allowed: {verdict.typed_shown}",
                f"Sent as: {verdict.shown}",
                f"Capability: {', '.join(verdict.capabilities)}",
            ]
        case Deny():
            lines = [
                f"Refused: {verdict.typed_shown}",
                f"Reason: {verdict.reason}",
                f"Capability: {verdict.capability} ({verdict.kind})",
            ]
            lines += [f"Possible instead: {verdict.hint}"] if verdict.hint else []
            lines += [f"The subscriber could still allow: {verdict.askable}"] if verdict.askable else []
    if verdict is not None:
        lines.append(f"Rule: {verdict.rule_id} of policy {verdict.policy_digest[:16]}")
    return "".join(f"{line}\n" for line in lines)


def time_left(now: datetime, deadline: datetime) -> str:
    """The remaining time as people say it."""
    seconds = max(0, round((deadline - now).total_seconds()))
    if seconds < 90:
        return f"{seconds} seconds"
    return f"{round(seconds / 60)} minutes"


def control_characters(position: Position) -> Deny:
    """The verdict on a line with control characters, which the policy must never see."""
    return Deny(
        kind="invalid",
        capability="parse.invalid",
        rule_id=f"{position.platform}.control",
        reason=CONTROL_CHARACTERS,
        typed_shown="<control characters>",
        policy_digest="",
    )


def not_confirmed(verdict: Allow, reason: str) -> Deny:
    """The record of a line that policy allowed and nobody confirmed."""
    return Deny(
        kind="invalid",
        capability=verdict.capability,
        rule_id=verdict.rule_id,
        reason=reason,
        typed_shown=verdict.typed_shown,
        policy_digest=verdict.policy_digest,
    )
