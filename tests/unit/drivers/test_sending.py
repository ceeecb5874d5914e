"""A recorded command goes out once, in order, in its own session."""

import pytest

from drivers.errors import DriverError
from drivers.sending import SendOnce
from tests.unit.drivers.minting import Minting


def test_commands_of_one_session_pass_in_order():
    mint, once = Minting(), SendOnce()
    assert [once.admit(mint(wire)) for wire in ("a\n", "b\n")] == [b"a\n", b"b\n"]


def test_the_same_command_does_not_pass_twice():
    mint, once = Minting(), SendOnce()
    command = mint("a\n")
    once.admit(command)
    with pytest.raises(DriverError, match="second time"):
        once.admit(command)


def test_an_earlier_command_does_not_pass_later():
    mint, once = Minting(), SendOnce()
    early, late = mint("a\n"), mint("b\n")
    once.admit(late)
    with pytest.raises(DriverError):
        once.admit(early)


def test_a_command_of_another_session_does_not_pass():
    mint, once = Minting(), SendOnce()
    once.admit(mint("a\n"))
    other = Minting("01J99999999999999999999999")
    other("first\n")
    with pytest.raises(DriverError, match="another"):
        once.admit(other("b\n"))
