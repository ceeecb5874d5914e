"""The head of an entry: the bytes that become a leaf of the tree and are never erased. Pure.

`build` writes a `Head` as canonical JSON, `parse` is its strict counterpart (parse, then re-encode and compare). Also
here: commitments to sealed content, and which facts may stand in a head. Fields: docs/reference/entry.md.
"""

import binascii
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from functools import lru_cache
from typing import get_args

from audit.encoding import MAX_INT, decode, encode_checked
from audit.entry import Compartment, Json, Kind, RetentionClass
from audit.errors import BadEntry
from config.ids import is_id
from config.records import record

VERSION = 1
MAX_HEAD_BYTES = 8192
"""Far below the 65,535 that a length frame of a C2SP entry bundle can hold."""

MAX_TOKEN = 128
"""Longest text in facts: an identifier or digest fits, a sentence does not."""

MAX_FACTS = 32
MAX_LIST = 64

COMPARTMENTS: frozenset[str] = frozenset(get_args(Compartment))
RETENTION_CLASSES: frozenset[str] = frozenset(get_args(RetentionClass))
_RETENTION: dict[str, RetentionClass] = {name: name for name in get_args(RetentionClass)}
KINDS: dict[str, Kind] = {kind.value: kind for kind in Kind}

_TOKEN = re.compile(r"[!#-\[\]-~]{0,128}\Z")
"""Printable ASCII without space, quotation mark and backslash: a command line or a sentence cannot be a token."""

_FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_WORKER = re.compile(r"[a-z0-9-]{1,32}/[0-9]{1,15}\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z", re.ASCII)
_FIELDS = frozenset({"v", "k", "t", "tm", "w", "s", "n", "prev", "cr", "pol", "gen", "rc", "ks", "c", "d"})


@record(kw_only=True)
class Head:
    """The public part of an entry, field by field."""

    kind: Kind
    time: datetime
    """UTC, microseconds."""
    monotonic_ns: int
    """Since the start of the worker; against `time` it shows steps of the wall clock."""
    worker: str
    """`<worker id>/<epoch>`; the epoch rises with every start, and when the monotonic clock has run for long."""
    session: str | None = None
    n: int | None = None
    """Number of the entry in its session, from 0; there is one exactly if there is a session."""
    previous: bytes | None = None
    """Leaf hash of the session's previous entry; none for number 0."""
    consent_ref: str | None = None
    policy_digest: str | None = None
    generation: int = 0
    """Number of revocations, kills and the like anywhere in the log before this entry."""
    retention: RetentionClass = "access"
    key_set: str | None = None
    """Which key set seals the parts of this entry; none if nothing is sealed."""
    commitments: Mapping[str, bytes] = field(default_factory=dict)
    """Compartment to 32 bytes."""
    facts: Mapping[str, Json] = field(default_factory=dict)


def build(head: Head) -> bytes:
    """The leaf bytes. `head.facts` MUST have passed `check_facts`.

    Raises `BadEntry` if they would be longer than 8 KiB or the head contradicts itself.
    """
    value: dict[str, Json] = {
        "v": VERSION,
        "k": head.kind.value,
        "t": format_time(head.time),
        "tm": head.monotonic_ns,
        "w": head.worker,
        "gen": head.generation,
        "rc": head.retention,
        "d": dict(head.facts),
    }
    if head.session is not None:
        value["s"] = head.session
    if head.n is not None:
        value["n"] = head.n
    if head.previous is not None:
        value["prev"] = _b64(head.previous)
    if head.consent_ref is not None:
        value["cr"] = head.consent_ref
    if head.policy_digest is not None:
        value["pol"] = head.policy_digest
    if head.key_set is not None:
        value["ks"] = head.key_set
    if head.commitments:
        value["c"] = {name: _b64(commitment) for name, commitment in head.commitments.items()}
    _check_structure(value)
    data = encode_checked(value)
    if len(data) > MAX_HEAD_BYTES:
        raise BadEntry(f"The public part of the entry has {len(data)} bytes; {MAX_HEAD_BYTES} are allowed.")
    return data


def parse(data: bytes) -> Head:
    """Read leaf bytes strictly. Raises `BadEntry` for anything `build` would not have written."""
    if len(data) > MAX_HEAD_BYTES:
        raise BadEntry("The head is longer than 8 KiB.")
    value = decode(data)
    if not isinstance(value, dict):
        raise BadEntry("The head is not a JSON object.")
    try:
        _check_structure(value)
        head = _head_of(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadEntry("A field of the head is missing or of the wrong type.") from error
    if check_facts(head.facts) != head.facts:
        raise BadEntry("A fact of the head is null; absent facts are left out.")
    return head


@record
class Outline:
    """What decides over later entries: kind, session, number in its chain, consent reference."""

    kind: Kind
    session: str | None
    n: int | None
    consent_ref: str | None


def outline(data: bytes) -> Outline:
    """The outline of a head that a worker of this log wrote; quick, without the checks of `parse`.

    Raises `BadEntry`.
    """
    try:
        value = json.loads(data)
        return Outline(KINDS[value["k"]], value.get("s"), value.get("n"), value.get("cr"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadEntry("The head cannot be read.") from error


def check_facts(facts: Mapping[str, Json]) -> dict[str, Json]:
    """Facts fit to stand in a head for ever, without those that are None. Raises `BadEntry`, naming the fact.

    Allowed are true/false, integers, tokens (printable ASCII without spaces, at most 128) and flat lists of these.
    """
    if len(facts) > MAX_FACTS:
        raise BadEntry(f"An entry has at most {MAX_FACTS} facts.")
    checked: dict[str, Json] = {}
    for name, value in facts.items():
        if not _is_fact_name(name):
            raise BadEntry("The name of a fact is a lower-case word of at most 32 characters.")
        if value is None:
            continue
        items = value if isinstance(value, list) else [value]
        if len(items) > MAX_LIST or not all(_is_scalar(item) for item in items):
            raise BadEntry(
                f"The fact '{name}' is not true/false, an integer, a token of at most {MAX_TOKEN} characters without "
                f"spaces, or a list of at most {MAX_LIST} of these. Texts belong into a sealed part."
            )
        checked[name] = value
    return checked


def commit(compartment: str, content: bytes, salt: bytes) -> bytes:
    """HMAC-SHA256(salt, "vestibule/v1/" + compartment + 0x00 + content); `content` is canonical JSON. 32 bytes."""
    return hmac.digest(salt, b"vestibule/v1/" + compartment.encode() + b"\x00" + content, "sha256")


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC with six decimals. `time` must carry a time zone."""
    if time.tzinfo is not UTC:
        if time.tzinfo is None:
            raise BadEntry("The time of an entry carries no time zone.")
        time = time.astimezone(UTC)
    return time.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """Strict counterpart of `format_time`. Raises `BadEntry`."""
    if not _TIME.match(text):
        raise BadEntry("The time of the entry is not RFC 3339 in UTC with six decimals.")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise BadEntry("The time of the entry does not exist.") from error


def _check_structure(value: Mapping[str, Json]) -> None:
    """What holds for every head, whoever wrote it: it is checked before writing and after reading."""
    wrong = _what_is_wrong(value)
    if wrong is not None:
        raise BadEntry(f"The head {wrong}.")


def _what_is_wrong(value: Mapping[str, Json]) -> str | None:
    """One thing that must not be so in a head; none if nothing is."""
    if not value.keys() <= _FIELDS:
        return "holds an unknown field"
    if value["v"] != VERSION or value["v"] is True:
        return "has an unknown version"
    if value["k"] not in KINDS or value["rc"] not in RETENTION_CLASSES:
        return "has an unknown kind or retention class"
    if not (_is_count(value["tm"]) and _is_count(value["gen"])):
        return "has a bad clock or generation"
    if not _matches(_WORKER, value["w"]):
        return "has a bad worker name"
    n = value.get("n")
    if ("s" in value) != ("n" in value):
        return "has a session without a number or a number without a session"
    if "s" in value and not (_is_name(value["s"]) and _is_count(n)):
        return "has a bad session or number"
    if ("prev" in value) != (n is not None and n != 0):
        return "has a bad link to the previous entry of its session"
    for name in ("cr", "ks"):
        if name in value and not _is_name(value[name]):
            return f"has a bad {name}"
    if "pol" in value and (value["pol"] == "" or not _matches(_TOKEN, value["pol"])):
        return "has a bad policy digest"
    return _what_is_wrong_sealed(value) if "c" in value else None


def _what_is_wrong_sealed(value: Mapping[str, Json]) -> str | None:
    parts = value["c"]
    if not isinstance(parts, dict) or not parts or "ks" not in value:
        return "has commitments without a key set"
    return None if parts.keys() <= COMPARTMENTS else "names an unknown compartment"


def _head_of(value: Mapping[str, Json]) -> Head:
    facts, parts = value["d"], value.get("c", {})
    if not isinstance(facts, dict) or not isinstance(parts, dict):
        raise BadEntry("The facts or commitments of the head are not objects.")
    return Head(
        kind=KINDS[_text(value["k"])],
        time=parse_time(_text(value["t"])),
        monotonic_ns=_number(value["tm"]),
        worker=_text(value["w"]),
        session=_text(value["s"]) if "s" in value else None,
        n=_number(value["n"]) if "n" in value else None,
        previous=_hash(value["prev"]) if "prev" in value else None,
        consent_ref=_text(value["cr"]) if "cr" in value else None,
        policy_digest=_text(value["pol"]) if "pol" in value else None,
        generation=_number(value["gen"]),
        retention=_retention(value["rc"]),
        key_set=_text(value["ks"]) if "ks" in value else None,
        commitments={name: _hash(item) for name, item in parts.items()},
        facts=facts,
    )


@lru_cache(maxsize=256)
def _is_fact_name(name: str) -> bool:
    return _FACT_NAME.match(name) is not None


def _is_scalar(value: Json) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return -MAX_INT <= value <= MAX_INT
    return isinstance(value, str) and _TOKEN.match(value) is not None


def _is_name(value: Json) -> bool:
    return isinstance(value, str) and is_id(value)


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INT


def _matches(pattern: re.Pattern[str], value: Json) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Json) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _retention(value: Json) -> RetentionClass:
    return _RETENTION[_text(value)]


def _hash(value: Json) -> bytes:
    text = _text(value)
    try:
        raw = binascii.a2b_base64(text)  # takes other spellings too; they are not what comes back
    except binascii.Error as error:
        raise BadEntry("A hash in the head is damaged.") from error
    if len(raw) != 32 or _b64(raw) != text:
        raise BadEntry("A hash in the head is not 32 bytes of canonical base64.")
    return raw


def _b64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()
