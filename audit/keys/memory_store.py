"""Keys in memory: the fake that ships, for tests and for `Journal.in_memory`. Counterpart: `audit.keys.file_store`."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from audit.entry import RetentionClass
from audit.errors import KeyHeld, KeyUnavailable
from audit.keys.store import HeldThing, KeySet, StoredKeys, SubjectKind


class MemoryKeyStore:
    """A `KeyStore` that forgets everything. `fail` makes the next `add` raise that error."""

    def __init__(self) -> None:
        self._sets: dict[str, KeySet] = {}
        self._keys: dict[tuple[str, str], bytes] = {}
        self._holds: dict[str, set[HeldThing]] = {}
        self._dead_months: set[tuple[str, str]] = set()
        self.fail: OSError | None = None

    def add(self, sets: Sequence[KeySet]) -> None:
        if self.fail is not None:
            raise self.fail
        if any((key_set.retention, key_set.month) in self._dead_months for key_set in sets):
            raise KeyUnavailable("The month's key was destroyed at the end of its retention.")
        for key_set in sets:
            self._sets[key_set.id] = key_set
            for compartment, key in key_set.keys.items():
                self._keys[key_set.id, compartment] = key

    def get(self, key_set: str, compartment: str) -> bytes:
        key = self._keys.get((key_set, compartment))
        if key is None:
            raise KeyUnavailable(f"The key for '{compartment}' of key set {key_set} is missing or was destroyed.")
        return key

    def key_sets(
        self,
        *,
        ids: Collection[str] | None = None,
        subjects: Collection[tuple[SubjectKind, str]] | None = None,
        retention: RetentionClass | None = None,
        until: str | None = None,
    ) -> Iterator[StoredKeys]:
        for name, found in sorted(self._sets.items()):
            if (
                (ids is None or name in ids)
                and (subjects is None or (found.subject_kind, found.subject) in subjects)
                and (retention is None or found.retention == retention)
                and (until is None or found.month <= until)
            ):
                yield StoredKeys(
                    id=name,
                    subject_kind=found.subject_kind,
                    subject=found.subject,
                    retention=found.retention,
                    month=found.month,
                    alive=tuple(sorted(compartment for ks, compartment in self._keys if ks == name)),
                    holds=tuple(self._holding(found)),
                )

    def _holding(self, found: KeySet) -> list[str]:
        names = {("ks", found.id), (found.subject_kind, found.subject)}
        return sorted(hold for hold, things in self._holds.items() if not names.isdisjoint(things))

    def destroy(self, key_set: str, compartments: Sequence[str]) -> None:
        self.destroy_all({key_set: compartments})

    def destroy_all(self, doomed: Mapping[str, Sequence[str]]) -> int:
        for name in doomed:
            if name not in self._sets:
                raise KeyUnavailable(f"There is no key set {name}.")
            if holding := self._holding(self._sets[name]):
                raise KeyHeld(holding[0])
        places = {(name, compartment) for name, compartments in doomed.items() for compartment in compartments}
        return sum(self._keys.pop(place, None) is not None for place in places)

    def destroy_month(self, retention: RetentionClass, month: str, *, keep_held: bool = False) -> int:
        found = [ks for ks in self._sets.values() if (ks.retention, ks.month) == (retention, month)]
        held = {ks.id: holding[0] for ks in found if (holding := self._holding(ks))}
        if held and not keep_held:
            raise KeyHeld(next(iter(held.values())))
        doomed = {ks.id: list(ks.keys) for ks in found if ks.id not in held}
        if found:
            self._dead_months.add((retention, month))
        alive = {ks for ks, _ in self._keys}
        self.destroy_all(doomed)
        return len(alive & doomed.keys())

    def hold(self, hold: str, things: Collection[HeldThing]) -> int:
        self._holds.setdefault(hold, set()).update(things)
        return sum(hold in self._holding(key_set) for key_set in self._sets.values())

    def release(self, hold: str) -> bool:
        return self._holds.pop(hold, None) is not None

    def holds(self) -> dict[str, list[HeldThing]]:
        return {hold: sorted(things) for hold, things in sorted(self._holds.items())}

    def close(self) -> None:
        """Nothing to release."""
