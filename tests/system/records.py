"""What a running gateway has put on record since a moment, read with its own keys."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from audit.entry import Kind
from audit.reader import EvidenceReader, StoredEntry
from tests.running import RunningGateway

PATIENCE = 60.0


@dataclass(frozen=True)
class Attempt:
    """A feature that was refused: the gateway's word for it, the client's own, and the router it was asked at."""

    feature: str
    asked: str
    router: str


class Records:
    """Entries of one gateway from now on."""

    def __init__(self, gateway: RunningGateway) -> None:
        self._gateway = gateway
        with self._reader() as reader:
            self._start = reader.size

    def of(self, *kinds: Kind) -> list[StoredEntry]:
        """Entries of these kinds, or all."""
        with self._reader() as reader:
            return [entry for entry in reader.entries(self._start) if not kinds or entry.kind in kinds]

    def until(self, enough: Callable[[list[StoredEntry]], bool], *kinds: Kind) -> list[StoredEntry]:
        """As `of`, once there are enough; whatever is there after a while otherwise."""
        deadline = time.monotonic() + PATIENCE
        while not enough(found := self.of(*kinds)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def attempts(self, at_least: int = 1) -> list[Attempt]:
        """Refused features, in order."""
        entries = self.until(lambda found: len(found) >= at_least, Kind.SESSION_ATTEMPT)
        with self._reader() as reader:
            return [
                Attempt(
                    str(entry.facts["feature"]),
                    str(reader.sealed(entry.index, "act")["asked"]),
                    str(reader.sealed(entry.index, "subj")["router"]),
                )
                for entry in entries
            ]

    def blocked(self) -> list[str]:
        """Refused lines as they were typed, in order."""
        entries = self.of(Kind.CMD_BLOCKED)
        with self._reader() as reader:
            return [str(reader.sealed(entry.index, "act")["typed"]) for entry in entries]

    def sent(self) -> list[str]:
        """Lines of reps that went to a router, as they were sent."""
        entries = self.of(Kind.CMD_INTENT)
        with self._reader() as reader:
            return [str(reader.sealed(entry.index, "act")["canonical"]) for entry in entries]

    def _reader(self) -> "contextlib.closing[EvidenceReader]":
        settings = self._gateway.settings
        return contextlib.closing(EvidenceReader.open(settings.evidence_dir, settings.keys_dir))
