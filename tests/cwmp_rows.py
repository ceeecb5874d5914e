"""What the tests of CWMP's policy share: the shipped policy, and lines judged under several consents."""

from collections.abc import Iterator
from pathlib import Path

from drivers.cwmp.paths import ROOTS
from gateway.policy.capabilities import SCOPE
from gateway.policy.cwmp.policy import CwmpPolicy
from gateway.policy.cwmp.rows import Row
from gateway.policy.decide import decide
from gateway.policy.load import load_bundle
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Position, Rights, Site, Verdict


def _shipped() -> tuple[PolicyBundle, CwmpPolicy]:
    bundle = load_bundle()
    assert bundle.cwmp is not None
    return bundle, bundle.cwmp


BUNDLE, POLICY = _shipped()
NOTHING = Rights(scope=frozenset(), deadline=EVERYTHING.deadline)
ALL = frozenset(SCOPE) | {"wifi.scan"}


HIDDEN = [
    line
    for line in Path(__file__).with_name("cwmp_hidden.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
"""Generic paths of what never shows a value."""


def judged(line: str, context: str = "tr181", *, rights: Rights = EVERYTHING, site: Site = TEST_SITE) -> Verdict:
    """The verdict on a line."""
    return decide(BUNDLE, site, Position("cwmp", "exec", context), line, rights, NOW)


def context_of(path: str) -> str:
    """The data model of a path."""
    return next(name for root, name in ROOTS.items() if path.startswith(root))


def concrete(pattern: str) -> str:
    """A path that a pattern of a row means: a parameter."""
    if pattern.startswith(("StorageService", "VoiceService")):
        pattern = f"Device.Services.{pattern}"
    if pattern.startswith("**"):
        pattern = "Device.Thing" + pattern.removeprefix("**") if pattern[2] != "." else "Device.Thing" + pattern[2:]
    return pattern.replace(".**", ".Some.Thing").replace("{i}", "2").replace("*", "x")


def lines_of(row: Row) -> Iterator[str]:
    """Paths that this row, and none before it, is about."""
    for pattern in row.paths:
        path = concrete(pattern)
        if POLICY.rows.classify(path).id == row.id:
            yield path
