"""Who a simulated CPE is, where its ACS is, and how fast its clock runs. Counterpart: `drivers.lab.cpe.cpe`."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

ModelName = Literal["tr181", "tr098"]
NAMESPACE: Final = "urn:dslforum-org:cwmp-1-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things take, in seconds."""

    boot: float = 2.0
    transfer: float = 1.0
    diagnostics: float = 1.0
    retry: float = 5.0
    """Before the first retry of a session; doubled for each further one, up to ten (TR-069, 3.2.1.1)."""
    answer: float = 30.0
    """Patience with the ACS."""
    second: float = 1.0
    """A second of PeriodicInformInterval, DelaySeconds and the like: less, and they pass faster."""


FAST: Final = Pace(boot=0.02, transfer=0.01, diagnostics=0.01, retry=0.02, answer=5.0, second=0.01)
"""For tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpeConfig:
    """One CPE. `repr` shows no secret."""

    acs: str
    """URL of the ACS."""
    oui: str = "00D09E"
    product_class: str = "Lab"
    serial: str = "0001"
    manufacturer: str = "Lab Works"
    model: ModelName = "tr181"
    user: str = ""
    password: str = field(default="", repr=False)
    """With which it signs in at the ACS, by Basic or Digest as it is challenged."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """For an ACS behind https: whom it trusts, and its client certificate."""
    knock_user: str = "knock"
    knock_password: str = field(default="knock-password", repr=False)
    """ConnectionRequestUsername and -Password that it left the factory with."""
    knock_port: int = 0
    moods: frozenset[str] = frozenset()
    namespace: str = NAMESPACE
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Parameters more than the model has: `{path: "rw string value"}`, see `drivers.lab.cpe.model`."""
    uploads: bool = False
    """Whether it performs Upload; otherwise it refuses."""
    pace: Pace = Pace()
    bootstrapped: bool = False
    """It knows its ACS already: no 0 BOOTSTRAP at the start."""
