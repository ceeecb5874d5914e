"""What a shipped table can send, worked out for the tests that run it: the canonical text of every example that goes.

Counterpart: `gateway.policy.examples`, which makes the examples.
"""

from dataclasses import dataclass
from functools import cache

from gateway.policy.decide import decide
from gateway.policy.examples import examples
from gateway.policy.load import TABLES, compile_bundle
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.table import PolicyBundle, Table
from gateway.policy.verdict import Allow, Position


@dataclass(frozen=True, slots=True)
class Sent:
    """A line as it leaves, and where the session stands before and (if that changes) after it."""

    place: str
    text: str
    capability: str
    moves: bool


@cache
def bundle(platform: str) -> PolicyBundle:
    """The one table, compiled."""
    return compile_bundle({f"{platform}.yaml": (TABLES / f"{platform}.yaml").read_bytes()})


def table(platform: str) -> Table:
    """The one table."""
    return bundle(platform).tables[platform]


@cache
def judged(platform: str) -> tuple[tuple[Sent, ...], tuple[str, ...]]:
    """Every example of a rule that may go: what is sent, once for each place; and the typed lines that are refused."""
    sent: dict[Sent, None] = {}
    refused: list[str] = []
    for example in examples(table(platform)):
        if example.rule.never:
            continue
        mode, _, context = example.place.partition("/")
        position = Position(platform, mode, context)
        verdict = decide(bundle(platform), TEST_SITE, position, example.line, EVERYTHING, NOW)
        if isinstance(verdict, Allow):
            moves = verdict.enters is not None or verdict.leaves
            sent[Sent(example.place, verdict.canonical, verdict.capability, moves)] = None
        else:
            refused.append(example.line)
    return tuple(sent), tuple(refused)


def lines(platform: str) -> tuple[Sent, ...]:
    """What `platform` can send."""
    return judged(platform)[0]
