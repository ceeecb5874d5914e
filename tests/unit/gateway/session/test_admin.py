"""What the operator does to people: who hears of a suspension."""

from typing import Any, cast

from audit.entry import EntryRef, NewEntry
from audit.journal import Journal
from gateway.access.identity import Authenticated, Role
from gateway.session.admin import Administration, Inventory
from tests.stage import stage


class _Names:
    """An inventory that takes whatever it is told about people."""

    async def set_disabled(self, name: str, disabled: bool) -> None: ...

    async def remove_person(self, name: str) -> None: ...


class _Order:
    """A journal that notes when it recorded."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    async def append(self, entry: NewEntry) -> EntryRef:
        self._told.append(str(entry.facts["act"]))
        return EntryRef(0, b"", None)


async def _operator(role: Role = "operator") -> Authenticated:
    return await stage().person("oli", role)


async def test_who_is_suspended_or_removed_is_told_about_after_it_is_on_record() -> None:
    told: list[str] = []
    inventory = cast("Inventory", cast("Any", _Names()))
    admin = Administration(inventory, cast("Journal", _Order(told)), on_suspended=told.append)
    oli = await _operator()

    await admin.set_disabled(oli, "ada", True)
    await admin.set_disabled(oli, "bob", False)
    await admin.remove_person(oli, "eve")

    assert told == ["person.disable", "ada", "person.enable", "person.remove", "eve"]
