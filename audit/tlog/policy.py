"""Trust policies of C2SP tlog-policy: which logs and witnesses are known, and whose word is enough. Pure.

Counterpart: `audit.tlog.policy_text` reads and writes the file form.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from audit.errors import BadEntry
from audit.tlog import policy_text
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import cosigned_at
from audit.tlog.note import Note, VerifierKey, parse_note
from audit.tlog.policy_text import Group, KnownLog, Lines, Witness

__all__ = ["AHEAD_SECONDS", "NONE", "Group", "Judgement", "KnownLog", "Policy", "Witness"]

NONE = policy_text.NONE
"""The quorum that is always reached."""
AHEAD_SECONDS = 300
"""So far may a witness's clock be ahead of ours before its cosignature is left out of the count."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a policy says of one checkpoint."""

    log_key: VerifierKey
    """The first key of the policy's logs that signed; its name is the origin."""
    cosigned: tuple[tuple[str, int], ...]
    """(witness's name in the policy, Unix time of its newest cosignature), in the policy's order."""
    quorum: bool
    """Whether enough of the known witnesses cosigned."""
    quorum_time: int | None
    """Unix time at or after which a quorum cosigned, for telling its age; None without one and for `quorum none`."""
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Policy:
    """Known logs, witnesses, groups of witnesses, and the name of the witness or group whose word is needed."""

    logs: tuple[KnownLog, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str

    def __post_init__(self) -> None:
        policy_text.check(Lines(self.logs, self.witnesses, self.groups, self.quorum))

    @classmethod
    def parse(cls, text: str | bytes) -> "Policy":
        """Read the file form. Strict; comments and spacing are not kept. Raises `BadEntry`, naming the line."""
        lines = policy_text.parse(text)
        return cls(lines.logs, lines.witnesses, lines.groups, lines.quorum)

    def __str__(self) -> str:
        return policy_text.render(Lines(self.logs, self.witnesses, self.groups, self.quorum))

    def witness_urls(self) -> dict[str, str]:
        """URL by witness, for those that have one: what C2SP tlog-witness calls the submission prefix."""
        return {witness.name: witness.url for witness in self.witnesses if witness.url is not None}

    def judge(self, note: bytes, now: float | None = None, *, logs: Sequence[VerifierKey] = ()) -> Judgement:
        """Judge a signed checkpoint; whether a quorum is there, the result says.

        With `now` (Unix seconds) cosignatures more than `AHEAD_SECONDS` ahead of it do not count. `logs` are known
        besides the policy's own. Raises `BadEntry` if this is no checkpoint, no known log of this origin signed it, or
        one of the signatures claims a known key that did not make it.
        """
        parsed = parse_note(note)
        checkpoint = Checkpoint.parse(parsed.text, extended=True)
        known = [*(log.key for log in self.logs), *logs]
        signed = parsed.verified_by(key for key in known if key.name == checkpoint.origin)
        if not signed:
            raise BadEntry("The checkpoint is not signed by a log that the policy knows.")
        times = {witness.name: _newest(parsed, witness.key, now) for witness in self.witnesses}
        cosigned = {name: time for name, time in times.items() if time is not None}
        return Judgement(
            log_key=signed[0],
            cosigned=tuple(cosigned.items()),
            quorum=self.satisfied_by(cosigned.__contains__),
            quorum_time=self._quorum_time(cosigned),
            checkpoint=checkpoint,
        )

    def satisfied_by(self, cosigned: Callable[[str], bool]) -> bool:
        """Whether these witnesses are a quorum: `cosigned` says it of one, by its name in the policy."""
        if self.quorum == NONE:
            return True
        reached = {witness.name for witness in self.witnesses if cosigned(witness.name)}
        for group in self.groups:  # members stand before the groups that name them
            if sum(member in reached for member in group.members) >= group.threshold:
                reached.add(group.name)
        return self.quorum in reached

    def _quorum_time(self, times: Mapping[str, int]) -> int | None:
        if self.quorum == NONE:
            return None
        for time in sorted(set(times.values()), reverse=True):
            late = {name for name, at in times.items() if at >= time}
            if self.satisfied_by(late.__contains__):
                return time
        return None


def _newest(note: Note, key: VerifierKey, now: float | None) -> int | None:
    """When `key` cosigned last, if it did. Raises `BadEntry` for a forgery in its name."""
    times = [cosigned_at(signature) for signature in note.signatures_of(key)]
    return max((time for time in times if now is None or time <= now + AHEAD_SECONDS), default=None)
