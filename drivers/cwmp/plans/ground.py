"""What a plan stands on: the CPE's contact, the gate, the table of words, and what the session remembers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.cwmp.gate import ParameterGate, Reading
from drivers.cwmp.link import Contact
from drivers.cwmp.quirks import Quirks
from drivers.cwmp.tree import NameTree
from drivers.cwmp.undo import UndoList
from drivers.cwmp.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareFile:
    """One file of the provider's approved list."""

    name: str
    url: str
    size: int
    sha256: str
    """Hexadecimal; for the record and the rep: CWMP has no place for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds of what a plan waits for."""

    first_look: float = 15.0
    """So long is the router left alone with a test before it is asked how far it is."""
    look_again: float = 10.0
    test: float = 300.0
    """Longest wait for a test, whatever the table of words says."""
    transfer: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """All that does not come from the command itself."""

    contact: Contact
    gate: ParameterGate
    words: Words
    firmware: Mapping[str, FirmwareFile]
    tree: NameTree
    undo: UndoList
    session: str
    """Id of the session; it is the ParameterKey of all that is written."""
    number: int
    """Of the command in the session's chain."""
    caps: frozenset[str]
    """Reading rights of the recorded line."""
    times: Times = Times()

    @property
    def root(self) -> str:
        return self.contact.root

    @property
    def quirks(self) -> Quirks:
        return self.contact.quirks

    @property
    def parameter_key(self) -> str:
        """At most 32 characters (TR-069, A.3.2.1)."""
        return self.session[:32]

    @property
    def command_key(self) -> str:
        """At most 32 characters; no other command has it."""
        return command_key(self.session, self.number)

    def reading(self, path: str) -> Reading:
        """What of `path` may be shown."""
        return self.gate.reading(path, self.caps)


def command_key(session: str, number: int) -> str:
    """The CommandKey of a session's command: by it a later BOOT or TransferComplete finds its session."""
    return f"{session[:26]}-{number:x}"[:32]
