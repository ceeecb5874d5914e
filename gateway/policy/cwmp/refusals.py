"""What a site's overlay (`cwmp+tier1.yaml`) switches off: whole commands, by the words they begin with.

Lines cannot be added: what a line may do is in its parameters. Counterparts: `gateway.policy.overlay`, which reads the
file; `judge`, which heeds it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.cwmp.line import Command, SetWord, spell
from gateway.policy.errors import PolicyError
from gateway.policy.overlay import FILE, OverlaySpec

_WORDS: Final = re.compile(r"[a-z0-9-]+(?: [a-z0-9-]+){0,2}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class SiteRefusal:
    """Lines that begin with `words` are refused."""

    words: tuple[str, ...]
    capability: str
    rule: str
    say: str
    hint: str | None = None

    def means(self, command: Command) -> bool:
        """Whether a command begins so."""
        if isinstance(command, SetWord):
            said: tuple[str, ...] = ("set", command.topic.partition("-")[0], command.word)
        else:
            said = tuple(spell(command).lower().split(" ")[:3])
        return said[: len(self.words)] == self.words


def read_refusals(overlays: Mapping[str, OverlaySpec]) -> tuple[SiteRefusal, ...]:
    """The refusals of overlays of this platform, by file name. Raises `PolicyError`."""
    found: list[SiteRefusal] = []
    for file, overlay in overlays.items():
        named = FILE.match(file)
        name = "" if named is None else named["name"]
        if overlay.add or overlay.types:
            raise PolicyError(
                f"{file}: lines cannot be added for routers that speak TR-069; write refuse and tests only."
            )
        for number, row in enumerate(overlay.refuse, 1):
            for at, cmd in enumerate(row.cmd, 1):
                if _WORDS.match(cmd) is None:
                    raise PolicyError(
                        f"{file}: refuse row {number}: {cmd!r} is not up to three plain words such as reboot or "
                        "set wifi password; parameters cannot be named here."
                    )
                rule = f"cwmp.+{name}.r{number}.{at}"
                found.append(SiteRefusal(tuple(cmd.split(" ")), row.cap, rule, row.say, row.hint))
    return tuple(found)
