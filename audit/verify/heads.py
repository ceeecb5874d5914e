"""Reads heads quickly: what `audit.leaf.parse` accepts, in a third of its time. Pure.

The usual spelling of a head is one regular expression, which checks form and canonical spelling at once; whatever it
does not match goes to `audit.leaf.parse`, which decides. It must never match what that refuses: tests compare both.
"""

import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from audit.entry import Json, Kind
from audit.errors import BadEntry
from audit.leaf import COMPARTMENTS, KINDS, MAX_HEAD_BYTES, Head, parse

_HASH = "[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
"""32 bytes in base64; the last digit has two bits that are not used, and must be zero."""
_COUNT = "(?:0|[1-9][0-9]{0,14}|[1-8][0-9]{15})"
"""Below 2^53 for sure."""
_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_SCALAR = r'(?:true|false|0|-?[1-9][0-9]{0,14}|"[!#-\[\]-~]{0,128}")'
_FACT = rf'"[a-z][a-z0-9_]{{0,31}}":(?:{_SCALAR}|\[(?:{_SCALAR}(?:,{_SCALAR}){{0,63}})?\])'
_PART = f'"(?:{"|".join(sorted(COMPARTMENTS))})":"{_HASH}"'
_HEAD = re.compile(
    r"\{"
    rf'(?:"c":\{{({_PART}(?:,{_PART}){{0,3}})\}},)?'
    rf'(?:"cr":"({_ULID})",)?'
    rf'"d":(\{{(?:{_FACT}(?:,{_FACT}){{0,31}})?\}}),'
    rf'"gen":({_COUNT}),'
    r'"k":"([a-z_.]{1,32})",'
    rf'(?:"ks":"({_ULID})",)?'
    rf'(?:"n":({_COUNT}),)?'
    r'(?:"pol":"([!#-\[\]-~]{1,128})",)?'
    rf'(?:"prev":"({_HASH})",)?'
    r'"rc":"(access|recording|strike|consent)",'
    rf'(?:"s":"({_ULID})",)?'
    r'"t":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)",'
    rf'"tm":({_COUNT}),'
    r'"v":1,'
    r'"w":"([a-z0-9-]{1,32}/[0-9]{1,15})"\}',
    re.ASCII,
)
_FACT_NAMES = re.compile(r'"([a-z][a-z0-9_]*)":')
_PARTS = re.compile(r'"([a-z]+)":"([^"]+)"')
_NOTHING: list[tuple[str, str]] = []


class QuickHead:
    """As `audit.leaf.Head`, with facts read when asked for and commitments left in base64."""

    __slots__ = ("_facts", "committed", "consent_ref", "generation", "key_set", "kind", "monotonic_ns", "n", "previous",
                 "retention", "session", "time", "worker")  # fmt: skip

    def __init__(self, fields: tuple[Any, ...], committed: dict[str, str], kind: Kind, time: datetime) -> None:
        """`fields`: the groups of `_HEAD`."""
        (_, self.consent_ref, facts, generation, _, self.key_set, n, _, previous, self.retention, self.session, _,
         monotonic_ns, self.worker) = fields  # fmt: skip
        self._facts: str | dict[str, Json] = facts
        self.kind = kind
        self.time = time
        self.committed = committed
        self.generation = int(generation)
        self.monotonic_ns = int(monotonic_ns)
        self.n: int | None = None if n is None else int(n)
        self.previous: bytes | None = None if previous is None else binascii.a2b_base64(previous)

    @property
    def facts(self) -> Mapping[str, Json]:
        """The facts of the head."""
        facts = self._facts
        if isinstance(facts, str):
            found: dict[str, Json] = json.loads(facts)
            facts = self._facts = found
        return facts


def read_head(data: bytes) -> QuickHead | Head:
    """The head in leaf bytes. Raises `BadEntry` exactly when `audit.leaf.parse` does."""
    try:
        found = _HEAD.fullmatch(data.decode("ascii")) if len(data) <= MAX_HEAD_BYTES else None
    except UnicodeDecodeError:
        found = None
    if found is None:
        return parse(data)
    fields = found.groups()
    parts, _, facts, _, kind, key_set, n, _, previous, _, session, time, _, _ = fields
    names = _FACT_NAMES.findall(facts)
    ordered = len(names) < 2 or all(map(str.__lt__, names, names[1:]))
    pairs = _NOTHING if parts is None else _PARTS.findall(parts)
    if parts is not None:
        names = [name for name, _ in pairs]
        ordered = ordered and key_set is not None and all(map(str.__lt__, names, names[1:]))
    linked = (n is None) == (session is None) and (previous is None) == (n in (None, "0"))
    if not (ordered and linked and kind in KINDS):
        return parse(data)
    try:
        return QuickHead(fields, dict(pairs), KINDS[kind], datetime.fromisoformat(time))
    except ValueError as error:
        raise BadEntry("The time of the entry does not exist.") from error


def committed(head: QuickHead | Head) -> Mapping[str, str]:
    """Compartment to commitment, in base64."""
    if isinstance(head, QuickHead):
        return head.committed
    return {name: binascii.b2a_base64(value, newline=False).decode() for name, value in head.commitments.items()}
