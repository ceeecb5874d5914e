"""KEKs of an open store: made and given back, found by their wrapped form only, moved to a root that proved itself."""

import os

import pytest

from audit.errors import KeyUnavailable
from audit.keys.keks import Keks, WrappedKek, wrapped_for_good
from audit.keys.root import FileRoot, Roots
from audit.keys.root_age import AgeRoot, make_identity, read_identities

OLD, NEW = FileRoot(b"o" * 32), FileRoot(b"n" * 32)


class Forgetful:
    """A root that takes keys and gives back others."""

    name, opens = "forgetful", True

    def wrap(self, kek: bytes) -> bytes:
        return b"wrapped" + kek

    def unwrap(self, wrapped: bytes) -> bytes:
        return bytes(len(wrapped) - 7)

    def close(self) -> None:
        """Nothing to let go of."""


class Counting(FileRoot):
    """Counts how often it was asked to open something."""

    asked = 0

    def unwrap(self, wrapped: bytes) -> bytes:
        self.asked += 1
        return super().unwrap(wrapped)


@pytest.fixture
def party(tmp_path) -> tuple[AgeRoot, AgeRoot]:
    """A second party's root: as this machine has it, and as they have it."""
    recipient = make_identity(tmp_path / "identity")
    return AgeRoot([recipient]), AgeRoot([recipient], read_identities(tmp_path / "identity"))


def test_a_fresh_one_is_random_and_opens_with_its_root():
    keks = Keks(Roots(NEW))
    (stored, kek), (other, another) = keks.make(), keks.make()
    assert len(kek) == 32
    assert kek != another
    assert (stored.root, stored.recovery) == (NEW.name, None)
    assert kek not in stored.wrapped
    assert keks.unwrap(stored.root, stored.wrapped) == kek == NEW.unwrap(stored.wrapped)
    assert Keks(Roots(NEW)).unwrap(other.root, other.wrapped) == another


def test_it_is_opened_once_and_after_forgetting_again():
    root = Counting(b"c" * 32)
    stored, kek = Keks(Roots(root)).make()
    keks = Keks(Roots(root))
    assert [keks.unwrap(stored.root, stored.wrapped) for _ in range(3)] == [kek] * 3
    assert root.asked == 1
    keks.forget()
    assert keks.unwrap(stored.root, stored.wrapped) == kek
    assert root.asked == 2


def test_a_destroyed_one_is_gone_although_it_was_open():
    keks = Keks(Roots(NEW))
    stored, _ = keks.make()
    with pytest.raises(KeyUnavailable, match="destroyed at the end of its retention"):
        keks.unwrap(stored.root, None)
    assert keks.serves(stored.root, None), "no new one is made in its place: the month is over"


def test_another_wrapped_form_finds_nothing_that_is_open():
    keks = Keks(Roots(NEW))
    stored, _ = keks.make()
    with pytest.raises(KeyUnavailable):
        keks.unwrap(stored.root, stored.wrapped[:-1] + bytes([stored.wrapped[-1] ^ 1]))
    with pytest.raises(KeyUnavailable, match="another one"):
        keks.unwrap("file:unknown", os.urandom(40))


def test_a_month_goes_on_with_what_opens_here(party):
    recipients, _ = party
    keks = Keks(Roots(recipients))
    stored, kek = keks.make()
    assert keks.serves(stored.root, stored.wrapped), "made in this boot"
    assert keks.unwrap(stored.root, stored.wrapped) == kek
    keks.forget()
    assert not keks.serves(stored.root, stored.wrapped), "only they open it now: the month gets another"
    with pytest.raises(KeyUnavailable):
        Keks(Roots(NEW)).serves("file:unknown", stored.wrapped)


def test_what_another_root_wrapped_is_moved():
    before, kek = Keks(Roots(OLD)).make()
    keks = Keks(Roots(NEW, [OLD]))
    assert keks.is_stale(before)
    moved = keks.moved(before)
    assert (moved.root, moved.recovery) == (NEW.name, None)
    assert NEW.unwrap(moved.wrapped) == kek
    assert not keks.is_stale(moved)
    with pytest.raises(KeyUnavailable, match="another one"):
        Keks(Roots(NEW)).is_stale(before)
    given = WrappedKek(OLD.name, before.wrapped, b"for them")
    assert keks.moved(given).recovery == b"for them", "who could recover can go on"


def test_what_cannot_be_opened_here_stays(party):
    recipients, _ = party
    stored, _ = Keks(Roots(recipients)).make()
    assert not Keks(Roots(NEW, [recipients])).is_stale(stored)


def test_a_second_party_can_open_what_is_made_and_what_was_there(party):
    recipients, identity = party
    there, first = Keks(Roots(NEW)).make()
    keks = Keks(Roots(NEW, recovery=recipients))
    made, second = keks.make()
    assert made.recovery is not None
    assert identity.unwrap(made.recovery) == second
    assert (keks.is_stale(made), keks.is_stale(there)) == (False, True)
    moved = keks.moved(there)
    assert moved.recovery is not None
    assert identity.unwrap(moved.recovery) == first
    assert (moved.root, moved.wrapped) == (there.root, there.wrapped), "its root keeps it as it is"


def test_a_root_that_does_not_give_back_what_it_wrapped_gets_nothing():
    before, kek = Keks(Roots(OLD)).make()
    with pytest.raises(KeyUnavailable, match=r"'forgetful' does not give back .* Nothing was moved"):
        Keks(Roots(Forgetful(), [OLD])).moved(before)
    with pytest.raises(KeyUnavailable, match="forgetful"):
        wrapped_for_good(Forgetful(), kek)


def test_a_root_that_opens_nothing_here_cannot_prove_itself(party):
    recipients, identity = party
    kek = os.urandom(32)
    assert identity.unwrap(wrapped_for_good(recipients, kek)) == kek
