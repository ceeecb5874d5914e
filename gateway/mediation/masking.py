"""A router's output as the rep may see it and as it may be recorded: secrets and devices masked. Pure.

The two texts are the same but for one case: a command that the subscriber allowed for showing the key of the Wi-Fi
shows it on the screen, and nowhere else. Counterparts: `gateway.redaction`, `gateway.mediation.setup`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.mediation.setup import Setup
from gateway.policy.verdict import Allow
from gateway.redaction.devices import Devices
from gateway.redaction.rules import load_rules
from gateway.redaction.stream import Redactor
from gateway.redaction.what import EVERYTHING, What

SEES_DEVICES: Final = "lan.hosts.read"
SEES_WIFI_KEY: Final = "wifi.credentials.read"


_HOLD_NOTHING: Final = frozenset({"session.control", "diagnose.read", "diagnose.probe"})
"""What is read under these holds neither secrets nor devices."""

_HOLD_SECRETS: Final = frozenset({"config.read", SEES_WIFI_KEY})


@dataclass(frozen=True, slots=True)
class Masked:
    """Output for the screen, and for recording and log where that is another text."""

    text: str = field(repr=False)
    recorded: str | None = field(default=None, repr=False)

    @property
    def kept(self) -> str:
        """What goes on record."""
        return self.text if self.recorded is None else self.recorded


class Masking:
    """One stream of output. Streams of one session share `devices`, so that a device has one number in all of them."""

    def __init__(self, setup: Setup, devices: Devices) -> None:
        self._rules = load_rules(setup.definition.platform)
        self._devices = devices
        self._own = frozenset(setup.secrets.values()) | setup.hidden
        self._scope = setup.scope
        self._recorded = self._redactor(EVERYTHING)
        self._screen: Redactor | None = None

    def begin(self, verdict: Allow | None = None) -> None:
        """What comes next is the output of the line that `verdict` allowed; none: of nothing the rep asked for."""
        devices = SEES_DEVICES not in self._scope()
        command = "" if verdict is None else verdict.canonical
        holds_masked = verdict is not None and _holds_masked(verdict, devices=devices)
        self._recorded.begin(command, What(devices=devices), holds_masked=holds_masked)
        self._screen = None
        if verdict is not None and verdict.capability == SEES_WIFI_KEY:
            self._screen = self._redactor(What(wifi_key=False, devices=devices))
            self._screen.begin(command, holds_masked=holds_masked)

    def feed(self, text: str) -> Masked:
        """Take output; give back what is complete."""
        return self._both(lambda redactor: redactor.feed(text))

    def ease(self) -> Masked:
        """An unfinished line that cannot become a secret any more: dots of a ping, a bar."""
        return self._both(Redactor.ease)

    def pause(self) -> Masked:
        """What is held back, masked as if the line ended here; more may come."""
        return self._both(lambda redactor: redactor.flush(more=True))

    def flush(self) -> Masked:
        """All that is left, at the end of the output."""
        return self._both(Redactor.flush)

    def _both(self, part: Callable[[Redactor], str]) -> Masked:
        recorded = part(self._recorded)
        return Masked(recorded) if self._screen is None else Masked(part(self._screen), recorded)

    def _redactor(self, what: What) -> Redactor:
        return Redactor(self._rules, what, devices=self._devices, own=self._own)


def _holds_masked(verdict: Allow, *, devices: bool) -> bool:
    """Whether the command reads what is masked; `devices`: they are."""
    names = {verdict.capability, *verdict.capabilities}
    return bool(names - _HOLD_NOTHING if devices else names & _HOLD_SECRETS)
