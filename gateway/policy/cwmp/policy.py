"""All that the policy knows about CWMP routers, read from its files: rows of parameters, words, the machine profile.

Counterparts: `gateway.policy.load`, which reads the files; `judge`, `gate`, `machine`, which ask.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from drivers.cwmp.words import Words, read_words
from drivers.errors import DriverError
from gateway.policy.cwmp.gate import RowGate
from gateway.policy.cwmp.machine import Profile, read_profile
from gateway.policy.cwmp.refusals import SiteRefusal
from gateway.policy.cwmp.rows import Rows, read_rows
from gateway.policy.errors import PolicyError

PLATFORM: Final = "cwmp"
PARAMS, MACHINE, WORDS = "cwmp-params.yaml", "cwmp-machine.yaml", "cwmp-words.yaml"
FILES: Final = (PARAMS, MACHINE, WORDS)
"""The files beside the table `cwmp.yaml`, as a bundle and its archive name them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CwmpPolicy:
    """What lines, parameters and the RPCs of an ACS are judged by."""

    rows: Rows = field(repr=False)
    words: Words = field(repr=False)
    profile: Profile = field(repr=False)
    gate: RowGate = field(repr=False)
    refusals: tuple[SiteRefusal, ...] = ()
    """Of the site's overlays."""


def shipped_files() -> dict[str, bytes]:
    """The files that come with the program."""
    own, words = files("gateway.policy.cwmp"), files("drivers.cwmp")
    return {
        PARAMS: own.joinpath("params.yaml").read_bytes(),
        MACHINE: own.joinpath("machine.yaml").read_bytes(),
        WORDS: words.joinpath("words.yaml").read_bytes(),
    }


def compile_cwmp(documents: Mapping[str, Any], contents: Mapping[str, bytes]) -> CwmpPolicy:
    """From the parsed documents of `PARAMS` and `MACHINE` and the bytes of `WORDS`. Raises `PolicyError`."""
    rows = read_rows(PARAMS, documents[PARAMS])
    try:
        words = read_words(contents[WORDS].decode())
    except (DriverError, UnicodeDecodeError) as error:
        raise PolicyError(f"{WORDS}: {error}") from error
    return CwmpPolicy(rows=rows, words=words, profile=read_profile(MACHINE, documents[MACHINE]), gate=RowGate(rows))
