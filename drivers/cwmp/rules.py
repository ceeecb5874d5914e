"""What one policy says about CPEs, as far as a driver needs it. Counterpart: `gateway.policy.cwmp.policy.CwmpPolicy`.

A line is carried out by the rules that it was judged by, to its last answer, whatever policy comes into force
meanwhile: the words in it mean what they meant then, and its answers are looked at through that gate.
"""

from dataclasses import dataclass
from typing import Protocol

from drivers.cwmp.gate import ParameterGate
from drivers.cwmp.words import Words


class Rules(Protocol):
    """Of one policy; they never change."""

    @property
    def gate(self) -> ParameterGate:
        """What may be shown."""
        ...

    @property
    def words(self) -> Words:
        """What the words of lines mean."""
        ...


@dataclass(frozen=True, slots=True)
class FixedRules:
    """`Rules` put together by hand."""

    gate: ParameterGate
    words: Words


@dataclass(frozen=True, slots=True)
class Sight:
    """What the answers to one line are looked at through: a gate, and the reading rights of the recorded line."""

    gate: ParameterGate
    caps: frozenset[str] = frozenset()
