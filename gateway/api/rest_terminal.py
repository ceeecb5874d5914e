"""The terminal of a session over REST: nobody is asked there, and a command says itself that it is confirmed.

Counterpart: `gateway.session.program`, which collects what became of lines.
"""

from typing import Final

from gateway.session.program import MOST_OUTPUT, ProgramTerminal
from gateway.session.terminal import TerminalTraits

NEEDS_CONFIRMATION: Final = "This command can interrupt or change something; send it again with `confirm` set."


def rest_terminal(most_output: int = MOST_OUTPUT) -> ProgramTerminal:
    """A new one, for one session."""
    traits = TerminalTraits(pty=False, asks=False, confirmed_by="rest")
    return ProgramTerminal(traits, unconfirmed=NEEDS_CONFIRMATION, most_output=most_output)
