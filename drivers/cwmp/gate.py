"""The seam through which a driver asks what of a CPE's tree may be shown. Counterpart: `gateway.policy.cwmp.gate`.

Asked for every name in a request and again for every name in an answer, since a CPE may send more than was asked for.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

Reading = Literal["show", "mask", "hide"]
"""`show`: name and value. `mask`: the name, never the value. `hide`: neither; it is not asked for."""

MASK = "<hidden>"
"""What stands for a masked value."""


class ParameterGate(Protocol):
    """What the policy in force says about parameters. Pure, total, fast enough to be asked for every name."""

    def reading(self, path: str, caps: frozenset[str]) -> Reading:
        """How much of a parameter or object may be shown under the reading rights `caps` of a recorded line. A name
        that cannot be read is hidden. An object (it ends in a dot) is hidden only if all below it is."""
        ...

    def secret_write(self, path: str) -> bool:
        """Whether a value written there is a secret: kept as a keyed hash, shown as `<hidden>`."""
        ...

    def narrowed(self, path: str, caps: frozenset[str]) -> bool:
        """Whether something below a partial path must not be asked for, so that its names are walked first."""
        ...


@dataclass(frozen=True, slots=True)
class OpenGate:
    """The fake: shows all but the paths listed, which begin alike."""

    masked: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def reading(self, path: str, caps: frozenset[str]) -> Reading:  # noqa: ARG002
        if path.startswith(self.hidden or ("\0",)):
            return "hide"
        return "mask" if path.startswith(self.masked or ("\0",)) else "show"

    def secret_write(self, path: str) -> bool:
        return path.startswith(self.masked or ("\0",))

    def narrowed(self, path: str, caps: frozenset[str]) -> bool:  # noqa: ARG002
        return any(hidden.startswith(path) for hidden in self.hidden)
