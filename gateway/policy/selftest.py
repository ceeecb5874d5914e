"""The tests that tables carry, and what else must hold of a table. Counterpart: `tests:` of a table file.

Run by the unit tests and by everything that checks tables before they are used.
"""

import re
from collections import Counter
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Final

from gateway.policy.capabilities import SCOPE
from gateway.policy.cwmp.policy import PLATFORM
from gateway.policy.decide import decide
from gateway.policy.position import place_of
from gateway.policy.schema import TestSpec
from gateway.policy.table import PolicyBundle, Table
from gateway.policy.verdict import Allow, Deny, Position, Rights, Site, Verdict

TEST_SITE: Final = Site(
    lan=(ip_network("192.168.1.0/24"), ip_network("192.168.88.0/24"), ip_network("fd00::/64")),
    approved_dns=frozenset({"203.0.113.53", "203.0.113.54"}),
    approved_firmware_hosts=frozenset({"fw.isp.example"}),
    speedtest_hosts=frozenset({"speed.isp.example"}),
    firmware_files=frozenset({"home-1.2.bin"}),
)
"""The subscriber that table tests assume."""

_RIGHTS: Final = re.compile(r" with [a-z_.,]+\Z")

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING: Final = Rights(scope=frozenset(SCOPE), deadline=datetime(9999, 1, 1, tzinfo=UTC))
"""A consent with every capability ticked."""


def failures(bundle: PolicyBundle) -> list[str]:
    """One sentence for each table test that fails, naming file and row; empty if all pass."""
    return [sentence for table in bundle.tables.values() for sentence in _table_failures(bundle, table)]


def _table_failures(bundle: PolicyBundle, table: Table) -> list[str]:
    found: list[str] = []
    own = [(table.file, test) for test in table.spec.tests]
    numbers: Counter[str] = Counter()
    for file, test in (*own, *table.site_tests):
        numbers[file] += 1
        mode = test.mode or table.spec.start or table.spec.modes[0]
        position = Position(table.platform, mode, test.context)
        verdict = decide(bundle, TEST_SITE, position, test.line, EVERYTHING, NOW)
        if file == table.file and ".+" in verdict.rule_id:
            continue  # the site wants this line judged otherwise than the table does
        problem = _differs(table, test, verdict) or _not_stable(bundle, position, verdict)
        if problem:
            found.append(f"{file}: tests row {numbers[file]}, {test.line!r}: {problem}.")
    return found


def _differs(table: Table, test: TestSpec, verdict: Verdict) -> str:
    if isinstance(verdict, Deny):
        if test.deny is None:
            return f"refused ({verdict.kind}, {verdict.capability}, {verdict.rule_id}: {verdict.reason.rstrip('.')})"
        if test.deny is True or test.deny in (verdict.kind, verdict.capability):
            return ""
        return f"refused as {verdict.capability} ({verdict.kind}), not as {test.deny}"
    if test.deny is not None:
        return f"not refused, it sends {verdict.canonical!r} under {verdict.capability} by {verdict.rule_id}"
    if test.sends is not None and test.sends != verdict.canonical:
        return f"sends {verdict.canonical!r}"
    if test.cap is not None and test.cap != verdict.capability:
        return f"needs {verdict.capability} by {verdict.rule_id}"
    if test.ask is not None and test.ask != verdict.confirm:
        return f"the rep is {'' if verdict.confirm else 'not '}asked"
    entered = "" if verdict.enters is None else place_of(table, verdict.enters) or "?"
    if test.enters is not None and test.enters != entered:
        return f"leads to {entered or 'no other position'}"
    return ""


def as_typed(position: Position, verdict: Allow) -> str:
    """What is sent, as a rep would type it: without the reading rights that stand behind a line of a CWMP router."""
    return _RIGHTS.sub("", verdict.canonical) if position.platform == PLATFORM else verdict.canonical


def _not_stable(bundle: PolicyBundle, position: Position, verdict: Verdict) -> str:
    """What is sent must be a line that the table reads the same way."""
    if isinstance(verdict, Deny) or verdict.help:
        return ""
    again = decide(bundle, TEST_SITE, position, as_typed(position, verdict), EVERYTHING, NOW)
    if not isinstance(again, Allow) or again.canonical != verdict.canonical or again.capability != verdict.capability:
        return f"what it sends, {verdict.shown!r}, is not read the same way again"
    return ""
