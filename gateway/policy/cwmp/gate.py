"""What of a CPE's tree may be shown: the `ParameterGate` of the rows. Counterpart: `drivers.cwmp.gate`, the seam."""

from drivers.cwmp.gate import Reading
from drivers.cwmp.paths import readable
from gateway.policy.cwmp.rows import Row, Rows


class RowGate:
    """Implements `drivers.cwmp.gate.ParameterGate`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def reading(self, path: str, caps: frozenset[str]) -> Reading:
        """How much may be shown. A name that cannot be compared is hidden; an object is hidden if all below it is."""
        if not readable(path):
            return "hide"
        if not path.endswith("."):
            return _reading(self._rows.classify(path), caps)
        within = {_reading(row, caps) for row in self._rows.below(path).named}
        return "hide" if within == {"hide"} else "show"

    def secret_write(self, path: str) -> bool:
        """Whether what is written there must not be seen: wherever the value is not shown either."""
        return self._rows.classify(path).read in {"redact", "deny"}

    def narrowed(self, path: str, caps: frozenset[str]) -> bool:
        """Whether something below `path` must not be asked for."""
        below = self._rows.below(path)
        return any(_reading(row, caps) == "hide" for row in (*below.named, *below.anywhere))


def _reading(row: Row, caps: frozenset[str]) -> Reading:
    if row.secret:
        return "mask"
    return "show" if row.readable(caps) else "hide"
