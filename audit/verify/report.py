"""What a verification found. Made by `audit.verify.log`; never just "OK". Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from config.counting import counted, entries

Severity = Literal["contradiction", "missing"]
"""`contradiction`: the log was changed or lies. `missing`: it may be true, but something is not there to prove it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: how bad, at which entry (none: the log as a whole), one sentence."""

    severity: Severity
    index: int | None
    text: str

    def __str__(self) -> str:
        where = "" if self.index is None else f"entry {self.index}: "
        return f"{self.severity}: {where}{self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCheck:
    """One session: whether its chain is whole, and if not why."""

    session: str
    consent_ref: str | None
    state: str
    """requested, open, killed, frozen or closed."""
    entries: int
    commands: int
    blocked: int
    chunks: int
    unanswered: tuple[int, ...]
    """Numbers of commands that have no result (yet)."""
    close_reason: str | None
    reasons: tuple[str, ...] = ()
    """Why it is not complete; empty if it is."""

    @property
    def complete(self) -> bool:
        """Dense from 0 to a closing entry, every link whole."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock moved against the monotonic clock before entry `index`, by `seconds` (negative: back)."""

    index: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ErasedRange:
    """What the `erase.done` at `index` took: number of sealed parts and chunks, and the entries they belong to."""

    index: int
    scope: str
    """`keys` or `month`."""
    basis: str
    parts: int
    first: int
    last: int
    """-1, as `first`, if no entry of this log holds a part that it covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessing:
    """What a trust policy says of the newest checkpoint that has its quorum (else of the newest)."""

    quorum_name: str
    quorum: bool
    cosigned: tuple[tuple[str, int], ...]
    """(witness, Unix time)."""
    witnesses: int
    """How many the policy knows."""
    size: int
    """Entries that this checkpoint covers."""
    age: int | None
    """Seconds since a quorum had seen it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a verification looked at."""

    origin: str
    signer: str
    """Verifier key that the checkpoint was checked with."""
    size: int
    root: bytes
    """Of all `size` entries."""
    signed_size: int
    """Entries covered by the signed checkpoint; 0 if there is none."""
    entries_checked: int
    sessions: tuple[SessionCheck, ...]
    clock_steps: tuple[ClockStep, ...]
    starts: int
    """How often the log was started."""
    parts_committed: int
    """Sealed parts that heads commit to."""
    parts_checked: int
    """Of these, opened and found to match (needs the keys)."""
    chunks_recorded: int
    chunks_checked: int
    keys_given: bool
    problems: tuple[Problem, ...]
    erased: tuple[ErasedRange, ...] = ()
    gaps: tuple[str, ...] = ()
    """Indexes that are not there."""
    seals_compared: int = 0
    tiles_compared: int | None = None
    """Published tiles and entry bundles that agree with the entries; none if nothing is published here."""
    witnessing: Witnessing | None = None
    """None without a policy."""
    parts_erased: int = 0
    """Sealed parts that are gone lawfully."""
    chunks_erased: int = 0
    goes_on_from: int | None = None
    """Entries of the older checkpoint that was given, if this log is an extension of it."""

    @property
    def beyond_checkpoint(self) -> int:
        """Entries that no signature covers yet."""
        return self.size - self.signed_size

    @property
    def unanswered(self) -> int:
        """Commands that have no result, over all sessions."""
        return sum(len(session.unanswered) for session in self.sessions)

    @property
    def exit_code(self) -> int:
        """0 verified, 1 contradiction, 2 incomplete."""
        severities = {problem.severity for problem in self.problems}
        return 1 if "contradiction" in severities else 2 if severities else 0

    def lines(self) -> Iterator[str]:
        """The report for people."""
        yield f"log         {self.origin}"
        yield f"entries     {self.size} ({self.entries_checked} recomputed), started {counted(self.starts, 'time')}"
        yield f"root        {self.root.hex()}"
        if self.signed_size:
            yield f"checkpoint  {entries(self.signed_size)}, signed by {self.signer}"
            yield f"unsigned    {entries(self.beyond_checkpoint)} after the checkpoint"
        yield from self._outside_lines()
        complete = sum(session.complete for session in self.sessions)
        yield f"sessions    {complete} complete, {len(self.sessions) - complete} not"
        yield f"commands    {sum(s.commands for s in self.sessions)} recorded, {self.unanswered} without a result"
        yield from self._part_lines()
        yield f"gaps        {', '.join(self.gaps) or 'none'}"
        for step in self.clock_steps:
            yield f"clock       moved by {step.seconds:+.3f} s before entry {step.index}"
        for session in self.sessions:
            if not session.complete:
                yield f"incomplete  session {session.session}: {'; '.join(session.reasons)}"
        for text in self.not_checked:
            yield f"not checked {text}"
        for problem in self.problems:
            yield str(problem)
        yield ("verified", "CONTRADICTION: this log was changed or is not what was signed", "INCOMPLETE")[
            self.exit_code
        ]

    def _outside_lines(self) -> Iterator[str]:
        """What others hold of the log."""
        if self.tiles_compared is not None:
            yield f"published   {self.tiles_compared} tiles and entry bundles as the entries give them"
        if self.witnessing is not None:
            seen = self.witnessing
            yield f"witnesses   {len(seen.cosigned)} of {seen.witnesses} cosigned {entries(seen.size)}"
            reached = "reached" if seen.quorum else "NOT reached"
            age = "" if seen.age is None else f", {seen.age} s ago"
            asked = f"{seen.quorum_name}: {reached}{age}"
            yield "quorum      " + ("the policy asks for no witness" if seen.quorum_name == "none" else asked)
        if self.goes_on_from is not None:
            yield f"since       goes on from the older checkpoint, over {entries(self.goes_on_from)}"

    def _part_lines(self) -> Iterator[str]:
        parts, chunks = (
            f"{self.parts_checked} of {counted(self.parts_committed, 'part')}",
            f"{self.chunks_checked} of {counted(self.chunks_recorded, 'chunk')}",
        )
        if self.keys_given:
            yield f"sealed      {parts} opened and matching, {self.parts_erased} lawfully erased"
            yield f"recording   {chunks} opened and matching, {self.chunks_erased} lawfully erased"
        else:
            parts, chunks = counted(self.parts_committed, "part"), counted(self.chunks_recorded, "chunk")
            yield f"sealed      {parts} present or listed below, not opened: no keys were given"
            yield f"recording   {chunks}, digests compared, not opened: no keys were given"
        if self.seals_compared:
            yield f"seals       {self.seals_compared} of 256 entries each, as sealed"
        for done in self.erased:
            where = (
                f"{counted(done.parts, 'part')} of entries {done.first} to {done.last}"
                if done.parts
                else "nothing that was here"
            )
            yield f"erased      by entry {done.index} (scope {done.scope}, basis {done.basis}): {where}"

    @property
    def not_checked(self) -> tuple[str, ...]:
        """What was not looked at, and why."""
        left = []
        if not self.keys_given and self.parts_committed:
            left.append("the content of sealed parts and recordings: no keys were given")
        if self.witnessing is None:
            left.append("witnesses: no policy was given, so only the log's own key vouches for it")
        if self.tiles_compared is None:
            left.append("published tiles: there are none beside this log")
        if self.beyond_checkpoint:
            left.append(f"signatures over the last {entries(self.beyond_checkpoint)}: not signed yet")
        return tuple(left)
