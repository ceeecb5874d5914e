"""Finds the lines that need a closer look, at memory speed. Pure; used by `gateway.redaction.stream`.

Searching for a fixed word costs half a nanosecond a character, a regular expression ten times as much. So whole pieces
of output are searched for a dozen hints. Counterpart: `gateway.redaction.shapes`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from gateway.redaction.rules import Rule, RuleSet

MOST_KEPT: Final = 1000
"""Combinations of hints whose rules are remembered."""


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What to look for on one platform."""

    hints: tuple[bytes, ...]
    rules: tuple[Rule, ...]
    before_address: tuple[bytes, ...]
    """Hints of rules whose name stands before an address."""
    every: tuple[bytes, ...]
    """All of these."""
    found: dict[tuple[object, ...], tuple[Rule, ...]] = field(default_factory=dict)
    """Rules by the hints of a line."""

    @staticmethod
    @cache
    def of(rules: RuleSet, *, devices: bool) -> "Search":
        """The search for the rules of one platform, with those about devices or without."""
        secret, device = rules.hints
        wanted = tuple(rule for rule in rules.rules if devices or rule.kind != "device")
        hints = secret + device if devices else secret
        before = tuple(sorted({hint for rule in wanted if rule.needs_address for hint in rule.hints}))
        return Search(hints=hints, rules=wanted, before_address=before, every=tuple(dict.fromkeys(hints + before)))

    def lines(self, low: bytes, text: str, own: tuple[str, ...]) -> Iterator[tuple[int, int]]:
        """Start and end of each line that holds a hint, a secret of the gateway's own, or more than plain text."""
        places = [(at, hint) for hint in self.hints if (at := low.find(hint)) >= 0]
        # A word may be drawn in colours (`grep --color`), so that no hint is found in it.
        places += [(at, mark) for mark in (b"\x1b", b"\x08") if (at := low.find(mark)) >= 0]
        own_places = [(at, secret) for secret in own if (at := text.find(secret)) >= 0]
        while places or own_places:
            hit = min([at for at, _ in places] + [at for at, _ in own_places])
            start = low.rfind(b"\n", 0, hit) + 1
            end = low.find(b"\n", hit) + 1 or len(low)
            yield start, end
            places = [(at, hint) for was, hint in places if (at := was if was >= end else low.find(hint, end)) >= 0]
            own_places = [
                (at, secret) for was, secret in own_places if (at := was if was >= end else text.find(secret, end)) >= 0
            ]

    def rules_for(self, low: bytes, *, address: bool) -> tuple[Rule, ...]:
        """The rules that may fit the line `low`; `address`: there is a MAC address on it."""
        present = [hint for hint in self.every if hint in low]
        key = (address, *present)
        rules = self.found.get(key)
        if rules is None:
            rules = tuple(rule for rule in self.rules if _may_fit(rule, set(present), address=address))
            if len(self.found) < MOST_KEPT:
                self.found[key] = rules
        return rules


def _may_fit(rule: Rule, present: set[bytes], *, address: bool) -> bool:
    if rule.needs_address and not address:
        return False
    return not rule.hints or not present.isdisjoint(rule.hints)
