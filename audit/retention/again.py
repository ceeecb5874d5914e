"""What an older key database does not know: keys that `erase.done` says are destroyed, and holds that stand.

Asked at every open before anything is served, so that a restored backup, or one row put back, opens nothing that was
erased. Reads the erasures of this log, and of a newer copy of it where one is known (`Erasures.of_heads`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_args

from audit.entry import Kind, RetentionClass
from audit.erased import words
from audit.keys.ring import KeyRing
from audit.keys.store import HeldThing, HoldKind, KeyStore
from audit.leaf import Head

_HOLD_FACTS: Mapping[str, HoldKind] = {
    "ks": "ks",
    "sessions": "session",
    "consents": "consent",
    "subscribers": "subscriber",
}
"""Facts of `hold.set` that list what is held."""


@dataclass(slots=True)
class Standing:
    """What the log says about keys, at its end."""

    erased: dict[str, set[str]] = field(default_factory=dict)
    """Key set to compartments."""
    months: set[tuple[RetentionClass, str]] = field(default_factory=set)
    holds: dict[str, set[HeldThing]] = field(default_factory=dict)
    """Those that were not released."""

    @classmethod
    def of_heads(cls, heads: Iterable[Head]) -> "Standing":
        """From entries in order; others than `erase.done`, `hold.set` and `hold.release` are passed over."""
        standing = cls()
        for head in heads:
            if head.kind is Kind.ERASE_DONE:
                standing._erase(head)
            elif head.kind is Kind.HOLD_SET:
                standing.holds.setdefault(str(head.facts["hold"]), set()).update(held_things(head))
            elif head.kind is Kind.HOLD_RELEASE:
                standing.holds.pop(str(head.facts["hold"]), None)
        return standing

    def _erase(self, head: Head) -> None:
        facts = head.facts
        if facts.get("scope") == "month":
            for retention in get_args(RetentionClass):
                if facts["class"] == retention:
                    self.months.add((retention, str(facts["month"])))
            return
        for key_set in words(facts.get("ks")):
            self.erased.setdefault(key_set, set()).update(words(facts.get("comp")))


KINDS = frozenset({Kind.ERASE_DONE, Kind.HOLD_SET, Kind.HOLD_RELEASE})
"""What `Standing.of_heads` reads."""


def held_things(head: Head) -> Iterator[HeldThing]:
    """What a `hold.set` names."""
    for fact, kind in _HOLD_FACTS.items():
        for name in words(head.facts.get(fact)):
            yield kind, name


def apply(standing: Standing, keys: KeyStore, ring: KeyRing) -> list[str]:
    """Bring the key store in line; the key sets that had to be destroyed again. Run between entries.

    Holds first. What a hold keeps stays: the log says that it was not there when that was erased, or it was spared.
    """
    known = keys.holds()
    for hold, things in standing.holds.items():
        if not things <= set(known.get(hold, ())):
            keys.hold(hold, things)
    for hold in known.keys() - standing.holds.keys():
        keys.release(hold)
    again = []
    for one in list(keys.key_sets(ids=standing.erased.keys())):
        doomed = standing.erased[one.id] & set(one.alive)
        if doomed and not one.holds:
            keys.destroy(one.id, sorted(doomed))
            again.append(one.id)
    ring.forget(again)
    return again


def months_again(standing: Standing, keys: KeyStore) -> list[tuple[RetentionClass, str]]:
    """Class-months that are over by the log, and of which keys exist that nothing holds. `expiry.run` ends them."""
    return [
        (retention, month)
        for retention, month in sorted(standing.months)
        if any(
            one.month == month and one.alive and not one.holds
            for one in keys.key_sets(retention=retention, until=month)
        )
    ]
