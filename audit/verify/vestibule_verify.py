#!/usr/bin/env python3
"""Verifies evidence of Vestibule on a machine without Vestibule: one file, Python 3.9 or newer, standard library only.

    vestibule-verify CASE.zip --policy policy.txt            an evidence bundle (zip, or the directory it unpacks to)
    vestibule-verify DIRECTORY --policy policy.txt           a published log: checkpoint, tile/…, tile/entries/…
    vestibule-verify https://log.example/ --policy …         the same over HTTP
    vestibule-verify 17.tlog-proof --entry 17.json --policy …   one entry and its proof

The policy file (C2SP tlog-policy) says whose log this is and which witnesses must have seen it. It must come from a
place you trust, not from whoever gave you the evidence: everything else is recomputed here from it. Nothing is written
but, at a contradiction, a small file with the two statements that contradict each other.

Exit status: 0 verified; 1 contradiction; 2 incomplete (something is missing, or too few or too old witnesses); 3 usage.

Written from the formats alone (RFC 6962, RFC 8032, RFC 8785; C2SP signed-note, tlog-checkpoint, tlog-cosignature,
tlog-tiles, tlog-proof, tlog-policy; docs/reference/entry.md); it shares no code with the gateway.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import struct
import sys
import time
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Callable, NamedTuple, NoReturn, Optional, Union

VERSION = "1"

MAX_LISTED = 200
"""Lines of one sort that are printed; the rest is counted."""
MAX_NOTE = 1_000_000
MAX_HEAD = 8192
MAX_PART = 16 << 20
MAX_BUNDLE_TILE = 256 * (2 + 65535)
MAX_MANIFEST = 256 << 20
MAX_CHUNK = 8 << 20
MAX_INT = 2**53 - 1
MAX_SIZE = 2**63 - 1
STEP_SECONDS = 1.0
AHEAD_SECONDS = 300
EXIT_VERIFIED, EXIT_CONTRADICTION, EXIT_INCOMPLETE, EXIT_USAGE = range(4)


class Unusable(Exception):
    """The command line, or a file named on it, cannot be used: exit status 3."""


class Broken(Exception):
    """Bytes are not what their format allows. `one` and `two` are what contradicts, for the counter-evidence."""

    def __init__(self, text: str, one: str = "", two: str = "", how: str = "") -> None:
        super().__init__(text)
        self.one, self.two, self.how = one, two, how


class Absent(Exception):
    """Something that should be there is not."""


# --- showing what others wrote ----------------------------------------------------------------------------------------


def visible(text: str, limit: int = 300) -> str:
    """Text of unknown origin in a form that no terminal acts upon and that looks like nothing else.

    Controls, bidirectional overrides, invisible and unassigned characters become `\\xNN` or `\\u{NNNN}`.
    """
    out = []
    for char in text[:limit]:
        if char == "\\":
            out.append("\\\\")
        elif char == " " or (char.isprintable() and unicodedata.category(char) not in ("Mn", "Me", "Zs")):
            out.append(char)
        else:
            out.append(f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{{{ord(char):x}}}")
    if len(text) > limit:
        out.append("… (%d more)" % (len(text) - limit))
    return "".join(out)


def counted(number: int, one: str, many: str = "") -> str:
    return "%d %s" % (number, one if number == 1 else many or one + "s")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def stamp(seconds: int) -> str:
    """Unix seconds as RFC 3339; far-off ones as the number."""
    if not 0 <= seconds < 253402300800:
        return "time %d" % seconds
    return (datetime(1970, 1, 1) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """Rough age for people."""
    sign, seconds = ("" if seconds >= 0 else "-"), abs(seconds)
    for size, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return "%s%d %s" % (sign, seconds // size, name)
    return "%s%d s" % (sign, seconds)


# --- Ed25519 (RFC 8032), verification only ----------------------------------------------------------------------------

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]
_IDENTITY: _Point = (0, 1, 1, 0)


def _add(p: _Point, q: _Point) -> _Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _double(p: _Point) -> _Point:
    a, b, c = p[0] * p[0] % _P, p[1] * p[1] % _P, 2 * p[2] * p[2] % _P
    h = a + b
    e, g = h - (p[0] + p[1]) ** 2 % _P, a - b
    f = c + g
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _decode_point(data: bytes) -> Optional[_Point]:
    """The point, or none where RFC 8032 section 5.1.3 says decoding fails: y >= p, no square root, or -0."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == (_P - u) % _P:
        x = x * _SQRT_M1 % _P
    if v * x * x % _P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


def _encode_point(p: _Point) -> bytes:
    z = pow(p[2], _P - 2, _P)
    x, y = p[0] * z % _P, p[1] * z % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE = _decode_point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little")) or _IDENTITY


def small_order(public: bytes) -> bool:
    """Whether a key is one of the few under which anybody can sign anything."""
    point = _decode_point(public)
    if point is None:
        return False
    for _ in range(3):
        point = _double(point)
    return point[0] % _P == 0 and (point[1] - point[2]) % _P == 0


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds: strict, without cofactor, every encoding canonical, no key of small order."""
    if len(public) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    a = _decode_point(public)
    if s >= _L or a is None or small_order(public):
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    minus_a = (_P - a[0], a[1], 1, _P - a[3])
    both, total = _add(_BASE, minus_a), _IDENTITY
    for bit in range(max(s.bit_length(), h.bit_length()) - 1, -1, -1):
        total = _double(total)
        pick = (s >> bit & 1) | (h >> bit & 1) << 1
        if pick:
            total = _add(total, (_BASE, minus_a, both)[pick - 1])
    return _encode_point(total) == signature[:32]


def mldsa44_verify(public: bytes, message: bytes, signature: bytes) -> Optional[bool]:
    """The same for ML-DSA-44, by the `cryptography` package if this machine has one that knows it; else none."""
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
    except Exception:
        return None
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
        return True
    except InvalidSignature:
        return False
    except UnsupportedAlgorithm:
        return None
    except ValueError:
        return False


# --- spelling ---------------------------------------------------------------------------------------------------------


def canonical_b64(text: str, what: str) -> bytes:
    """The bytes behind standard base64 in its only spelling."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise Broken(f"the base64 of {what} is damaged") from None
    if b64(raw) != text:
        raise Broken(f"the base64 of {what} is not in its only spelling")
    return raw


def decimal(text: str, what: str) -> int:
    """0..2^63-1 without leading zeros."""
    if not re.match(r"(0|[1-9][0-9]{0,18})\Z", text, re.ASCII) or int(text) > MAX_SIZE:
        raise Broken(f"{what} is no decimal number")
    return int(text)


def hash_line(text: str, what: str) -> bytes:
    raw = canonical_b64(text, what)
    if len(raw) != 32:
        raise Broken(f"{what} is no SHA-256 hash")
    return raw


# --- notes, checkpoints, cosignatures (C2SP) --------------------------------------------------------------------------

_PUBLIC_BYTES = {1: 32, 4: 32, 6: 1312}
_SIGNATURE_BYTES = {1: 64, 4: 72, 6: 2428}
_DASH = "\u2014 "


class Key(NamedTuple):
    """A verifier key: name, signature type (1 Ed25519, 4 cosignature Ed25519, 6 cosignature ML-DSA-44), public key."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64(bytes([self.kind]) + self.public)}"


def parse_key(text: str) -> Key:
    """`<name>+<hex id>+<base64>`, strictly."""
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")
    raw = canonical_b64(encoded, "the key")
    if not is_name(name) or not raw or len(raw) - 1 != _PUBLIC_BYTES.get(raw[0]):
        raise Broken("the key is of no known type, or has no name")
    key = Key(name, raw[0], raw[1:])
    if str(key) != text:
        raise Broken(f"the id in the key of {visible(name)} does not belong to it")
    if key.kind != 6 and (_decode_point(key.public) is None or small_order(key.public)):
        raise Broken(f"the key of {visible(name)} is no point of the curve that anybody may trust")
    return key


def is_name(name: str) -> bool:
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        return False
    return not any("\ud800" <= char <= "\udfff" for char in name)


class Note(NamedTuple):
    """Text and signatures: (name, key id, bytes)."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


def parse_note(data: bytes) -> Note:
    """A signed note, strictly; nothing is verified yet."""
    if len(data) > MAX_NOTE:
        raise Broken("the note is longer than a megabyte")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Broken("the note is not UTF-8 text") from None
    if any(char < " " and char != "\n" for char in whole):
        raise Broken("the note holds control characters")
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise Broken("the note has no signatures")
    lines = tail[:-1].split("\n")
    if len(lines) > 100:
        raise Broken("the note has more than 100 signatures")
    signatures = []
    for line in lines:
        name, space, encoded = line[2:].partition(" ")
        raw = canonical_b64(encoded, "a signature")
        if not line.startswith(_DASH) or not space or not is_name(name) or len(raw) < 5:
            raise Broken("a line below the note is no signature")
        signatures.append((name, raw[:4], raw[4:]))
    return Note(text + "\n", tuple(signatures))


class Checkpoint(NamedTuple):
    """What a log says about itself."""

    origin: str
    size: int
    root: bytes
    extra: tuple[str, ...] = ()


def parse_checkpoint(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise Broken("the checkpoint does not have its three lines: origin, size, root")
    size = decimal(lines[1], "the size in the checkpoint")
    return Checkpoint(lines[0], size, hash_line(lines[2], "the root in the checkpoint"), tuple(lines[3:]))


def signed_by(key: Key, text: bytes, value: bytes, head: Checkpoint) -> tuple[Optional[bool], Optional[int]]:
    """Whether `key` made this signature (none: this machine cannot tell), and the time in it if it is a cosignature."""
    if len(value) != _SIGNATURE_BYTES[key.kind]:
        return False, None
    if key.kind == 1:
        return ed25519_verify(key.public, text, value), None
    at = int.from_bytes(value[:8], "big")
    if at > MAX_SIZE:
        return False, None
    if key.kind == 4:
        return ed25519_verify(key.public, b"cosignature/v1\ntime %d\n" % at + text, value[8:]), at
    name, origin = key.name.encode(), head.origin.encode()
    if not 0 < len(name) < 256 or not 0 < len(origin) < 256:
        return False, None
    message = b"subtree/v1\n\0" + bytes([len(name)]) + name + struct.pack(">Q", at) + bytes([len(origin)]) + origin
    return mldsa44_verify(key.public, message + bytes(8) + struct.pack(">Q", head.size) + head.root, value[8:]), at


# --- policy (C2SP tlog-policy) ----------------------------------------------------------------------------------------


class Judged(NamedTuple):
    """What a policy says about a checkpoint."""

    checkpoint: Checkpoint
    log: Key
    cosigned: tuple[tuple[str, int], ...]
    """Name of the witness in the policy, Unix time."""
    quorum: bool
    quorum_time: Optional[int]
    """The latest time as of which a quorum had seen this tree; none if none is asked for."""
    strangers: int
    """Signatures by keys that the policy does not know: ignored."""
    unchecked: tuple[str, ...]


class Policy:
    """Whose log, which witnesses, how many of them."""

    def __init__(self) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        self._judged: dict[bytes, Judged] = {}

    @classmethod
    def parse(cls, data: bytes) -> Policy:
        """Strictly as C2SP has it. Raises `Broken`."""
        policy = cls()
        if len(data) > MAX_NOTE or re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data) or not data.endswith(b"\n"):
            raise Broken("it is too long, holds control characters, or is cut: its last line does not end")
        for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
            words = [word for word in re.split("[ \t]+", line) if word]
            if not words or words[0].startswith("#"):
                continue
            try:
                policy._line(words)
            except Broken as error:
                raise Broken("line %d of the policy: %s" % (number, error)) from None
        if max(map(len, (policy.logs, policy.witnesses, policy.groups))) > 256:
            raise Broken("it has too many lines")
        if not policy.quorum:
            raise Broken("the policy has no quorum line")
        if not policy.logs:
            raise Broken("the policy names no log, so nobody's signature would count")
        return policy

    def _line(self, words: list[str]) -> None:
        if words[0] == "log" and len(words) in (2, 3):
            key = parse_key(words[1])
            self._fresh(key, 4)
            self.logs.append(key)
        elif words[0] == "witness" and len(words) in (3, 4):
            key = parse_key(words[2])
            self._fresh(key, 1)
            self._name(words[1])
            self.witnesses[words[1]] = key
        elif words[0] == "group" and len(words) >= 4:
            members = words[3:]
            if len(set(members)) != len(members) or not all(self._known(member) for member in members):
                raise Broken("a group lists somebody twice, or somebody who is not defined above it")
            if any(member in other for _, other in self.groups.values() for member in members):
                raise Broken("somebody is a member of two groups")
            need = {"all": len(members), "any": 1}.get(words[2])
            need = decimal(words[2], "the number of members") if need is None else need
            if not 1 <= need <= len(members):
                raise Broken("a group needs more members than it has, or none")
            self._name(words[1])
            self.groups[words[1]] = (need, members)
        elif words[0] == "quorum" and len(words) == 2:
            if self.quorum or not (words[1] == "none" or self._known(words[1])):
                raise Broken("there are two quorum lines, or this one names nobody defined above it")
            self.quorum = words[1]
        else:
            raise Broken("it is none of log, witness, group, quorum with the words each needs")

    def _fresh(self, key: Key, wrong: int) -> None:
        kind = "log" if wrong == 4 else "witness"
        others: Iterable[Key] = self.logs if kind == "log" else self.witnesses.values()
        if key.kind == wrong or any(key.public == other.public for other in others):
            raise Broken(f"the key of a {kind} is of the wrong type, or stands twice")

    def _known(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def _name(self, name: str) -> None:
        if name == "none" or self._known(name):
            raise Broken(f"the name {visible(name)} is taken")

    def judge(self, data: bytes, now: float) -> Judged:
        """Verify a signed checkpoint. Raises `Broken` if no log of the policy signed it, or a signature is forged.

        Cosignatures from more than five minutes after `now` do not count.
        """
        if data not in self._judged:
            if len(self._judged) > 64:
                self._judged.clear()
            self._judged[data] = self._judge(data, now)
        return self._judged[data]

    def _judge(self, data: bytes, now: float) -> Judged:
        note = parse_note(data)
        head, text = parse_checkpoint(note.text), note.text.encode()
        known: dict[tuple[str, bytes], list[tuple[str, Key]]] = {}
        for key in self.logs:
            if key.name == head.origin:
                known.setdefault((key.name, key.id), []).append(("", key))
        for name, key in self.witnesses.items():
            known.setdefault((key.name, key.id), []).append((name, key))
        logs: list[Key] = []
        seen: dict[str, int] = {}
        unchecked: list[str] = []
        strangers = 0
        for name, key_id, value in note.signatures:
            whose = known.get((name, key_id), [])
            strangers += not whose
            for witness, key in whose:
                holds, at = signed_by(key, text, value, head)
                if holds is None:
                    unchecked.append(f"the ML-DSA-44 signature of {visible(key.name)}: this machine's Python cannot")
                elif not holds:
                    raise Broken(
                        f"a signature in the name of {visible(key.name)} was not made by its key",
                        "the signed text, as base64: " + b64(text),
                        f"key {key}; its signature line says: {b64(key_id + value)}",
                        "verify the signature over the text with any program for Ed25519 (C2SP signed-note)",
                    )
                elif witness and (at or 0) > now + AHEAD_SECONDS:
                    unchecked.append(f"the cosignature of {visible(witness)}: it is from the future")
                elif witness:
                    seen[witness] = max(seen.get(witness, 0), at or 0)
                else:
                    logs.append(key)
        if not logs:
            raise Broken(
                "it is signed by no log of the policy",
                "the note, as base64: " + b64(data[:4096]),
                "the policy's logs: " + ", ".join(str(key) for key in self.logs if key.kind == 1),
                "compare the key id in the note's signature lines with those of the policy",
            )
        at = self._time(self.quorum, seen)
        reached = self.quorum == "none" or at is not None
        return Judged(head, logs[0], tuple(sorted(seen.items())), reached, at, strangers, tuple(unchecked))

    def _time(self, name: str, seen: dict[str, int]) -> Optional[int]:
        """As of when `name` had witnessed: for a group the latest moment at which enough members had."""
        if name in self.witnesses:
            return seen.get(name)
        if name not in self.groups:
            return None
        need, members = self.groups[name]
        times = sorted((at for at in (self._time(m, seen) for m in members) if at is not None), reverse=True)
        return times[need - 1] if len(times) >= need else None


# --- trees (RFC 6962) -------------------------------------------------------------------------------------------------


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def included(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    fn, sn, node = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == root


class Tree:
    """A growing tree: for each level of tiles the hashes of its unfinished tile. Gives the root at any moment."""

    def __init__(self) -> None:
        self.size = 0
        self.rows: list[list[bytes]] = [[]]

    def add(self, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Add a leaf hash. Yields the tiles that become full: level, index, content."""
        self.size += 1
        level, node = 0, leaf
        while True:
            if level == len(self.rows):
                self.rows.append([])
            row = self.rows[level]
            row.append(node)
            if len(row) < 256:
                return
            yield level, (self.size >> 8 * (level + 1)) - 1, b"".join(row)
            node = _row_root(row)
            self.rows[level] = []
            level += 1

    def edge(self) -> Iterator[tuple[int, int, bytes]]:
        """The partial tiles of the tree as it stands now."""
        for level, row in enumerate(self.rows):
            if row:
                yield level, self.size >> 8 * (level + 1), b"".join(row)

    def root(self) -> bytes:
        if self.size == 0:
            return hashlib.sha256(b"").digest()
        node: Optional[bytes] = None
        for row in self.rows:  # a full tile's root stands in the row above, so a row is at most 255 wide
            hashes = list(row)
            while hashes:
                width = 1 << (len(hashes) & -len(hashes)).bit_length() - 1
                part = _row_root(hashes[-width:])
                node = part if node is None else node_hash(part, node)
                del hashes[-width:]
        assert node is not None
        return node


def _row_root(row: list[bytes]) -> bytes:
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def number_path(index: int) -> str:
    """`x001/x234/067` (C2SP tlog-tiles)."""
    text = "%03d" % (index % 1000)
    while index >= 1000:
        index //= 1000
        text = "x%03d/%s" % (index % 1000, text)
    return text


def tile_name(level: Union[int, str], index: int, width: int = 256) -> str:
    return "tile/{}/{}{}".format(level, number_path(index), "" if width == 256 else ".p/%d" % width)


_TILE = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?\Z", re.ASCII)


def read_tile_name(name: str) -> Optional[tuple[str, int, int]]:
    """Level (or `entries`), index, width; none for any other name or spelling."""
    match = _TILE.match(name)
    if match is None:
        return None
    level, number, partial = match.groups()
    index, width = int(number.replace("/", "").replace("x", "")), int(partial or 256)
    found = tile_name(level, index, width)
    return (level, index, width) if found == name and width <= 256 and not (partial and width == 256) else None


def split_bundle(data: bytes, width: int, what: str) -> list[bytes]:
    """The entries of an entry bundle: each behind its length, big-endian uint16."""
    entries, at = [], 0
    for _ in range(width):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise Broken("%s ends before its %d entries do" % (what, width))
        entries.append(data[at + 2 : end])
        at = end
    if at != len(data):
        raise Broken("%s is longer than its %d entries" % (what, width))
    return entries


class Proof(NamedTuple):
    """A C2SP tlog-proof."""

    at: int
    extra: bytes
    path: list[bytes]
    checkpoint: bytes


def parse_proof(data: bytes) -> Proof:
    """Strictly. Raises `Broken`."""
    if len(data) > 2 * MAX_NOTE:
        raise Broken("the proof is longer than two megabytes")
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Broken("the proof is not in the form of C2SP tlog-proof") from None
    if not blank or lines.pop(0) != "c2sp.org/tlog-proof@v1" or not lines:
        raise Broken("the proof is not in the form of C2SP tlog-proof")
    extra = b""
    if lines[0].startswith("extra "):
        extra = canonical_b64(lines.pop(0)[6:], "the extra data of the proof")
    if not lines or not lines[0].startswith("index "):
        raise Broken("the proof names no index")
    index = decimal(lines.pop(0)[6:], "the index of the proof")
    if len(lines) > 63 or len(extra) > 65536:
        raise Broken("the proof has more hashes than any tree is high, or more extra data than it may")
    return Proof(index, extra, [hash_line(line, "a hash of the proof") for line in lines], checkpoint)


# --- canonical JSON (RFC 8785, without floats) ------------------------------------------------------------------------

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
MAX_DEPTH = 16


def _integer(text: str) -> int:
    if len(text) > 17 or not -MAX_INT <= int(text) <= MAX_INT:
        raise ValueError("a number beyond 2^53-1")
    return int(text)


def _refuse(_text: str) -> NoReturn:
    raise ValueError("a number with a fraction")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_float=_refuse, parse_constant=_refuse, object_pairs_hook=_unique, strict=True
)


def _depth(value: Any, level: int) -> None:
    if isinstance(value, (dict, list)):
        if level >= MAX_DEPTH:
            raise ValueError("nested too deep")
        if isinstance(value, dict) and any(max(key, default="") > "\uffff" for key in value):
            raise ValueError("a key beyond the Basic Multilingual Plane")
        for item in value.values() if isinstance(value, dict) else value:
            _depth(item, level + 1)


def canonical(data: bytes, what: str) -> Any:
    """The value behind canonical JSON. Raises `Broken` for any other spelling."""
    try:
        value = _DECODER.decode(data.decode("utf-8"))
        _depth(value, 0)
        same = _ENCODER.encode(value).encode("utf-8") == data
    except (ValueError, RecursionError):
        raise Broken(f"{what} is not the JSON that it should be") from None
    if not same:
        raise Broken(f"{what} is JSON, but not in its only spelling (RFC 8785)")
    return value


# --- heads ------------------------------------------------------------------------------------------------------------

KINDS = frozenset(
    """log.start log.stop log.rotate log.key log.clock policy.load auth.ok auth.fail auth.mfa consent.asked
    consent.question consent.answer consent.granted consent.denied consent.lapsed consent.extension consent.revoked
    consent.expired consent.used consent.used_up consent.closed session.requested session.opened session.refused
    session.closed session.killed session.frozen session.attempt cmd.intent cmd.blocked cmd.sent cmd.result cmd.unknown
    rpc.intent rpc.blocked rpc.result cpe.inform cpe.refused cpe.violation cpe.event
    api.call rec.chunk rec.end watch.join watch.leave review.assigned review.graded review.escalated strike replay.view
    search.query export.made hold.set hold.release erase.done approval.asked approval.given approval.refused
    admin.change integrity.seal integrity.alarm""".split()
)
RETENTION = ("access", "recording", "strike", "consent")
COMPARTMENTS = ("act", "out", "subj", "who")
_FIELDS = frozenset("v k t tm w s n prev cr pol gen rc ks c d".split())
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")
_TOKEN = re.compile(r"[!#-\[\]-~]{0,128}\Z")
_FACT = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_WORKER = re.compile(r"[a-z0-9-]{1,32}/[0-9]{1,15}\Z")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z")
_HASH = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\Z")
"""Base64 of 32 bytes in its only spelling: the last digit carries two unused bits, which are zero."""


class Head:
    """The public part of one entry."""

    __slots__ = (
        "c",
        "cr",
        "d",
        "epoch",
        "gen",
        "index",
        "k",
        "ks",
        "leaf",
        "n",
        "prev",
        "rc",
        "s",
        "t",
        "tm",
        "worker",
    )

    def __init__(self, index: int, leaf: bytes, value: dict[str, Any], t: datetime) -> None:
        self.index, self.leaf, self.t = index, leaf, t
        self.k: str = value["k"]
        self.tm: int = value["tm"]
        self.worker, _, epoch = value["w"].rpartition("/")
        self.epoch = int(epoch)
        self.s: Optional[str] = value.get("s")
        self.n: Optional[int] = value.get("n")
        self.prev: Optional[str] = value.get("prev")
        self.cr: Optional[str] = value.get("cr")
        self.gen: int = value["gen"]
        self.rc: str = value["rc"]
        self.ks: Optional[str] = value.get("ks")
        self.c: dict[str, str] = value.get("c", {})
        self.d: dict[str, Any] = value["d"]

    @property
    def number(self) -> int:
        """What salts and associated data count by."""
        return self.index if self.n is None else self.n


def parse_head(index: int, data: bytes) -> Head:
    """A head, as docs/reference/entry.md has it and no other way. Raises `Broken`."""
    if len(data) > MAX_HEAD:
        raise Broken("it is longer than 8 KiB")
    value = canonical(data, "it")
    if not isinstance(value, dict):
        raise Broken("it is no JSON object")
    for ok, what in _structure(value):
        if not ok:
            raise Broken(f"it has {what}")
    try:
        # Not by `fromisoformat` with the Z, which Python before 3.11 does not take.
        t = datetime.fromisoformat(value["t"][:-1])
    except ValueError:
        raise Broken("its time does not exist") from None
    return Head(index, leaf_hash(data), value, t)


def _structure(value: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    yield value.keys() <= _FIELDS, "an unknown field"
    yield {"v", "k", "t", "tm", "w", "gen", "rc", "d"} <= value.keys(), "not all its fields"
    yield type(value["v"]) is int and value["v"] == 1, "an unknown version"
    yield type(value["k"]) is str and value["k"] in KINDS, "an unknown kind"
    yield type(value["rc"]) is str and value["rc"] in RETENTION, "an unknown retention class"
    yield _is(value["t"], _TIME), "a bad time"
    yield _count(value["tm"]) and _count(value["gen"]), "a bad clock or generation"
    yield _is(value["w"], _WORKER), "a bad worker"
    yield ("s" in value) == ("n" in value), "a session without a number or a number without a session"
    yield "s" not in value or (_is(value["s"], _ULID) and _count(value["n"])), "a bad session or number"
    yield ("prev" in value) == bool(value.get("n", 0)), "a bad link to the entry before it"
    yield "prev" not in value or _is(value["prev"], _HASH), "a bad link to the entry before it"
    for name in ("cr", "ks"):
        yield name not in value or _is(value[name], _ULID), f"a bad {name}"
    yield "pol" not in value or (value["pol"] != "" and _is(value["pol"], _TOKEN)), "a bad policy digest"
    if "c" in value:
        parts = value["c"]
        yield isinstance(parts, dict) and bool(parts) and "ks" in value, "commitments without a key set"
        yield all(name in COMPARTMENTS for name in parts), "a commitment to an unknown compartment"
        yield all(_is(item, _HASH) for item in parts.values()), "a bad commitment"
    facts = value["d"]
    yield isinstance(facts, dict) and len(facts) <= 32, "too many facts, or none"
    for name, fact in facts.items():
        items = fact if isinstance(fact, list) else [fact]
        yield _is(name, _FACT) and len(items) <= 64 and all(_scalar(item) for item in items), "a fact that is none"


def _is(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_INT


def _scalar(value: Any) -> bool:
    return type(value) is bool or type(value) is int or _is(value, _TOKEN)


def commitment(compartment: str, content: bytes, salt: bytes) -> str:
    message = b"vestibule/v1/" + compartment.encode() + b"\x00" + content
    return b64(hmac.new(salt, message, hashlib.sha256).digest())


_CROCKFORD = {char: number for number, char in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}


def month_of(ulid: str) -> str:
    """`YYYY-MM` (UTC) of the time in a ULID."""
    milliseconds = 0
    for char in ulid[:10]:
        milliseconds = milliseconds * 32 + _CROCKFORD[char]
    try:
        return (datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)).strftime("%Y-%m")
    except OverflowError:
        return "never"


# --- the order of entries ---------------------------------------------------------------------------------------------

_CHAINED = ("session.", "cmd.", "rpc.", "rec.", "watch.", "api.")
_STARTS = ("session.requested", "session.opened", "session.refused")
_CONSENT_ENDS = {"consent." + word: word for word in ("revoked", "expired", "denied", "lapsed", "closed", "used_up")}
_RAISES = frozenset(kind for kind in _CONSENT_ENDS if kind != "consent.used_up") | {"session.killed", "session.frozen"}
_STATES = {
    "session.requested": "requested",
    "session.opened": "open",
    "session.refused": "closed",
    "session.closed": "closed",
    "session.killed": "killed",
    "session.frozen": "frozen",
}
CONTRADICTION, MISSING = "contradiction", "missing"
Finding = tuple[str, str]


class Session:
    """What was seen of one session."""

    __slots__ = (
        "blocked", "chain", "chunks", "closed", "commands", "consent", "entries", "first", "first_t", "gaps", "id",
        "last_t", "leaf", "next", "open", "relied", "state", "unanswered",
    )  # fmt: skip

    def __init__(self, head: Head) -> None:
        self.id, self.consent, self.first, self.first_t = head.s or "", head.cr, head.index, head.t
        self.state, self.next, self.leaf, self.last_t = "requested", 0, b"", head.t
        self.entries = self.commands = self.blocked = self.chunks = 0
        self.unanswered: set[int] = set()
        self.relied: dict[str, bool] = {}
        self.closed: Optional[str] = None
        self.gaps: list[str] = []
        self.chain = bytes(32)

    @property
    def complete(self) -> bool:
        return self.state == "closed" and not self.gaps

    def why(self) -> str:
        reasons = list(self.gaps)
        if self.state != "closed":
            reasons.append(f"it has no closing entry ({self.state})")
        return "; ".join(reasons[:5])


class Replay:
    """Takes heads by rising index and says which could not have been written where they stand.

    `whole`: every entry of the log comes by. Otherwise (a bundle) what is not there is `missing`, and rules that need the
    entries in between are not applied.
    """

    def __init__(self, whole: bool) -> None:
        self.whole = whole
        self.sessions: dict[str, Session] = {}
        self.ends: dict[str, tuple[str, int]] = {}
        self.granted: set[str] = set()
        self.generation = 0
        self.starts = 0
        self.steps: list[tuple[int, float]] = []
        self._workers: dict[str, tuple[int, int, datetime]] = {}

    def feed(self, head: Head) -> Iterator[Finding]:
        yield from self._clock(head)
        yield from self._generation(head)
        session = None
        if head.s is not None:
            refusal = self._refusal(head)
            if refusal is not None:
                yield refusal
            else:
                session = self.sessions.get(head.s)
                if session is None:
                    session = self.sessions[head.s] = Session(head)
                yield from self._link(head, session)
        if head.k == "session.opened" and head.cr not in self.granted and self.whole:
            yield MISSING, f"session {head.s} was opened, but the log holds no grant of its consent"
        if head.k == "consent.granted" and head.cr is not None:
            self.granted.add(head.cr)
        if session is not None:
            yield from self._settle(head, session)
        if head.k in _CONSENT_ENDS and head.cr is not None:
            reason, before = _CONSENT_ENDS[head.k], self.ends.get(head.cr)
            if before is None or (before[0] == "used_up" and reason != "used_up"):
                self.ends[head.cr] = (reason, head.index)

    def _clock(self, head: Head) -> Iterator[Finding]:
        before = self._workers.get(head.worker)
        self._workers[head.worker] = (head.epoch, head.tm, head.t)
        if before is None or head.epoch > before[0]:
            starts = head.k == "log.start" or (head.index == 0 and head.k == "log.rotate")
            self.starts += starts
            if self.whole and not starts and head.k != "log.clock":
                yield CONTRADICTION, "worker %s/%d records without having started" % (head.worker, head.epoch)
        elif head.epoch < before[0]:
            yield CONTRADICTION, "worker %s/%d records after a later start of it" % (head.worker, head.epoch)
        elif head.tm < before[1]:
            yield CONTRADICTION, "it is older than the entry before it by the worker's own clock"
        else:
            step = (head.t - before[2]).total_seconds() - (head.tm - before[1]) / 1e9
            if abs(step) > STEP_SECONDS:
                self.steps.append((head.index, step))

    def _generation(self, head: Head) -> Iterator[Finding]:
        if (self.whole and head.gen != self.generation) or head.gen < self.generation:
            yield (
                CONTRADICTION,
                "its generation is %d, but %d ends came before it" % (head.gen, self.generation),
            )
        if not self.whole:
            self.generation = max(self.generation, head.gen)
        self.generation += head.k in _RAISES

    def _refusal(self, head: Head) -> Optional[Finding]:
        """Why a link of a session's chain cannot stand here, if so."""
        assert head.s is not None
        if not head.k.startswith(_CHAINED) and head.k != "strike":
            return CONTRADICTION, f"an entry of kind {head.k} is no link of a session"
        session, what = self.sessions.get(head.s), f"an entry of kind {head.k} stands in session {head.s}"
        if head.k in _STARTS:
            return self._refuse_start(head, session, what)
        if session is None:
            if self.whole:
                return CONTRADICTION, what + " where it cannot (unopened)"
            return None
        if session.state == "closed":
            return CONTRADICTION, what + " where it cannot (closed)"
        if head.k in ("cmd.intent", "rpc.intent"):
            state = session.state
            ended = self.ends.get(head.cr or "")
            if state == "requested" and not self.whole and session.gaps:
                state = "open"  # its opening is not in the bundle
            if state != "open" or (ended is not None and ended[0] != "used_up"):
                why = "unopened" if state == "requested" else state if state != "open" or ended is None else ended[0]
                relies = "a command" if head.k == "cmd.intent" else "an RPC"
                return (
                    CONTRADICTION,
                    f"{relies} stands in session {head.s} although its consent or session had ended ({why})",
                )
        return None

    def _refuse_start(self, head: Head, session: Optional[Session], what: str) -> Optional[Finding]:
        if session is not None and (session.state in ("closed", "open") or head.k == "session.requested"):
            return CONTRADICTION, what + " where it cannot (duplicate)"
        if session is not None and session.state != "requested":
            return CONTRADICTION, what + f" where it cannot ({session.state})"
        ended = self.ends.get(head.cr or "")
        if head.k == "session.refused" or ended is None:
            return None
        if ended[0] == "used_up" and session is not None and session.first < ended[1]:
            return None  # the session that used it up
        return CONTRADICTION, what + f" where it cannot ({ended[0]})"

    def _link(self, head: Head, session: Session) -> Iterator[Finding]:
        n = head.n or 0
        found = None
        if n != session.next:
            found = "gap: number %d was expected, %d follows" % (session.next, n)
            severity = CONTRADICTION if self.whole or n < session.next else MISSING
        elif n and head.prev != b64(session.leaf):
            found, severity = "number %d does not link to the entry before it" % n, CONTRADICTION
        if found is not None:
            session.gaps.append(found)
            yield severity, f"session {session.id}: {found}"
        session.next, session.leaf, session.last_t = n + 1, head.leaf, head.t

    def _settle(self, head: Head, session: Session) -> Iterator[Finding]:
        session.entries += 1
        state = _STATES.get(head.k)
        if state is not None and not (state == "frozen" and session.state == "killed"):
            session.state = state
        of = head.d.get("of")
        if head.k == "cmd.intent":
            session.commands += 1
            session.unanswered.add(head.n or 0)
        elif head.k in ("cmd.result", "cmd.unknown") and type(of) is int:
            session.unanswered.discard(of)
        elif head.k == "cmd.blocked":
            session.blocked += 1
        elif head.k == "rec.chunk":
            if head.d.get("no") != session.chunks and not session.gaps:
                yield CONTRADICTION, "it is not the recording chunk %d that is next in its session" % session.chunks
            session.chunks += 1
            session.chain = hashlib.sha256(session.chain + head.leaf).digest()
        elif head.k == "rec.end" and not session.gaps:
            if (head.d.get("chunks"), head.d.get("chain")) != (session.chunks, b64(session.chain)):
                yield CONTRADICTION, "it ends a recording of other chunks than those before it"
        if session.state == "closed":
            session.closed = str(head.d.get("reason", head.k))


# --- erasure ----------------------------------------------------------------------------------------------------------


class Erasure(NamedTuple):
    """One `erase.done` entry."""

    at: int
    scope: str
    sets: tuple[str, ...]
    retention: str
    month: str
    compartments: tuple[str, ...]
    basis: str
    deleted: int
    kept: tuple[str, ...] = ()
    """Of a month: key sets that a hold kept."""
    part: int = 0
    parts: int = 1


def _tokens(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str))


def _number(value: Any) -> int:
    return value if type(value) is int else -1


class Erasures:
    """All of a log, with the approvals they stand on, and how many parts of which entries they cover."""

    def __init__(self) -> None:
        self.done: list[Erasure] = []
        self._asked: dict[str, tuple[str, ...]] = {}
        self._given: dict[str, set[str]] = {}
        self._parts: dict[tuple[str, str, str], list[int]] = {}
        self._keys: dict[tuple[str, str], int] = {}
        self._months: dict[tuple[str, str], list[tuple[int, frozenset[str]]]] = {}
        self._begun: dict[tuple[str, str], set[str]] = {}

    def feed(self, head: Head) -> Iterator[Finding]:
        """Take every head, by rising index."""
        if head.ks is not None:
            for name in head.c or ("rec",) if head.k == "rec.chunk" else head.c:
                seen = self._parts.setdefault((head.ks, head.rc, name), [0, head.index, head.index])
                seen[0], seen[2] = seen[0] + 1, head.index
        approval = head.d.get("approval")
        if head.k == "approval.asked" and isinstance(approval, str):
            self._asked[approval] = _tokens(head.d.get("by"))
        elif head.k == "approval.given" and isinstance(approval, str):
            self._given.setdefault(approval, set()).update(_tokens(head.d.get("by")))
        elif head.k == "erase.done":
            deleted = head.d.get("deleted")
            self.done.append(
                Erasure(
                    head.index,
                    str(head.d.get("scope")),
                    _tokens(head.d.get("ks", [])),
                    str(head.d.get("class")),
                    str(head.d.get("month")),
                    _tokens(head.d.get("comp", [])),
                    str(head.d.get("basis", "none given")),
                    deleted if type(deleted) is int else 0,
                    _tokens(head.d.get("kept", [])),
                    _number(head.d.get("part", 0)),
                    _number(head.d.get("parts", 1)),
                )
            )
            self._index(self.done[-1])
            yield from self._approved(head)

    def _index(self, done: Erasure) -> None:
        """A part is lawfully erased if this names its key set and compartment, or ended its class and month without
        keeping its key set. A month's end counts once all its parts stand there."""
        place = len(self.done) - 1
        if done.scope == "month":
            month = (done.retention, done.month)
            if done.part == 0:
                self._begun[month] = set()
            if month in self._begun:
                self._begun[month].update(done.kept)
                if done.part == done.parts - 1:
                    self._months.setdefault(month, []).append((place, frozenset(self._begun.pop(month))))
        elif done.scope == "keys":
            for key_set in done.sets:
                for compartment in done.compartments:
                    self._keys.setdefault((key_set, compartment), place)

    def _approved(self, head: Head) -> Iterator[Finding]:
        by, approval = _tokens(head.d.get("by", [])), head.d.get("approval")
        if by == ("schedule",):
            return
        asked, given = self._asked.get(str(approval), ()), self._given.get(str(approval), set())
        if len(set(by)) < 2 or not given or not set(asked) or given <= set(asked):
            yield MISSING, "it erased something, but no approval by a second person stands before it"

    def _of(self, rc: str, key_set: Optional[str], compartment: str) -> Optional[int]:
        """Position in `done` of the erasure that covers this part: one that names its keys, else its month's."""
        if key_set is None or not self.done:
            return None
        found = self._keys.get((key_set, compartment))
        if found is not None or not self._months:
            return found
        ends = self._months.get((rc, month_of(key_set)), [])
        return next((place for place, kept in ends if key_set not in kept), None)

    def by(self, head: Head, compartment: str) -> Optional[int]:
        """Index of the `erase.done` that covers this part, if there is one."""
        found = self._of(head.rc, head.ks, compartment)
        return None if found is None else self.done[found].at

    def covered(self) -> Iterator[tuple[Erasure, int, int, int]]:
        """Each erasure with the number of parts it covers and the first and last entry among them (-1 if none)."""
        counts = [[0, -1, -1] for _ in self.done]
        for (key_set, rc, name), (parts, low, high) in self._parts.items():
            found = self._of(rc, key_set, name)
            if found is not None:
                count = counts[found]
                count[0] += parts
                count[1] = low if count[1] < 0 else min(count[1], low)
                count[2] = max(count[2], high)
        for erasure, (parts, first, last) in zip(self.done, counts):
            yield erasure, parts, first, last


# --- where bytes come from --------------------------------------------------------------------------------------------


class Folder:
    """A directory. Names are relative, with `/`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.shown = visible(path)

    def read(self, name: str, limit: int) -> Optional[bytes]:
        """The bytes of a file; none if there is none. Raises `Broken` if it is longer than it can be."""
        try:
            with open(os.path.join(self.path, *name.split("/")), "rb") as file:
                data = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise Absent(f"{visible(name)} cannot be read ({error.strerror})") from None
        if len(data) > limit:
            raise Broken("%s is longer than it can be (%d bytes)" % (visible(name), limit))
        return data

    def widths(self, level: Union[int, str], index: int) -> list[int]:
        """Widths of the partial tiles that lie there beside the full one."""
        try:
            names = os.listdir(os.path.join(self.path, *tile_name(level, index).split("/")) + ".p")
        except OSError:
            return []
        return sorted(int(name) for name in names if re.match(r"[1-9][0-9]{0,2}\Z", name) and int(name) < 256)

    def names(self, limit: int = 2_000_000) -> Iterator[str]:
        """All files below, links not followed. Raises `Broken` for a link, or for more files than can be."""
        pending, count = [""], 0
        while pending:
            below = pending.pop()
            try:
                with os.scandir(os.path.join(self.path, below) if below else self.path) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                raise Absent(f"{visible(below or self.path)} cannot be read ({error.strerror})") from None
            for entry in found:
                name = below + "/" + entry.name if below else entry.name
                if entry.is_symlink():
                    raise Broken(f"{visible(name)} is a link, which no evidence holds")
                count += 1
                if count > limit:
                    raise Broken("there are more than %d files" % limit)
                if entry.is_dir():
                    pending.append(name)
                else:
                    yield name

    def digest(self, name: str) -> Optional[str]:
        """SHA-256 of a file of any length, in hex."""
        digest = hashlib.sha256()
        try:
            with open(os.path.join(self.path, *name.split("/")), "rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    digest.update(block)
        except OSError:
            return None
        return digest.hexdigest()


class Web:
    """A published log behind http or https. Redirections are not followed; nothing but the log's own paths is asked."""

    def __init__(self, url: str) -> None:
        import urllib.request

        self.path = url.rstrip("/") + "/"
        self.shown = visible(url)
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._opener.add_handler(handler)

    def read(self, name: str, limit: int) -> Optional[bytes]:
        import http.client
        import urllib.error
        import urllib.request

        request = urllib.request.Request(self.path + name, headers={"Accept-Encoding": "gzip, identity"})
        try:
            with self._opener.open(request, timeout=30) as answer:
                data: bytes = answer.read(limit + 1)
                packed = answer.headers.get("Content-Encoding", "identity")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                return None
            raise Absent("%s: the server answered %d" % (visible(name), error.code)) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Absent(f"{visible(name)} cannot be fetched ({type(error).__name__})") from None
        if packed == "gzip":
            unpacker = zlib.decompressobj(31)
            try:
                data = unpacker.decompress(data, limit + 1)
            except zlib.error:
                raise Absent(f"{visible(name)}: the answer cannot be unpacked") from None
        if len(data) > limit:
            raise Broken("%s is longer than it can be (%d bytes)" % (visible(name), limit))
        return data

    def widths(self, level: Union[int, str], index: int) -> list[int]:
        return []


class Archive:
    """A bundle's zip: read from its beginning, and held to be exactly what an export writes.

    Stored, names sorted, times fixed, no comments, no extra fields, nothing in front, between or behind: so every byte of
    the file is either content, which the manifest covers, or has one value only. It cannot unpack to more than it is.
    """

    _LOCAL = struct.Struct("<4sHHHHHIIIHH")
    _ENTRY = struct.Struct("<4sHHHHHHIIIHHHHHII")
    _END = struct.Struct("<4sHHHHIIH")
    MADE_BY, NEEDS, FLAGS, DATE, MODE = 3 << 8 | 20, 20, 0, 0x21, (0o100644 << 16)

    def __init__(self, path: str) -> None:
        self.path, self.shown = path, visible(path)
        try:
            self._file: BinaryIO = open(path, "rb")
        except OSError as error:
            raise Unusable(f"{visible(path)} cannot be read: {error.strerror}") from None
        self._places: dict[str, tuple[int, int]] = {}
        try:
            self._scan()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _scan(self) -> None:
        file, directory, last = self._file, hashlib.sha256(), ""
        at = length = 0
        end = os.fstat(file.fileno()).st_size
        while True:
            head = file.read(self._LOCAL.size)
            if len(head) < self._LOCAL.size or not head.startswith(b"PK\x03\x04"):
                break
            _, needs, flags, method, moment, date, crc, packed, size, names, extra = self._LOCAL.unpack(head)
            raw = file.read(names)
            name = self._name(raw)
            fixed = (needs, flags, method, moment, date, extra) == (self.NEEDS, self.FLAGS, 0, 0, self.DATE, 0)
            if not fixed or packed != size or name <= last or at + len(head) + names + size > end:
                raise Broken(
                    f"the zip is not as an export writes it (at {visible(name)}): it was packed again or changed; unpack it and give "
                    "the directory"
                )
            start = at + len(head) + names
            if self._crc(size) != crc:
                raise Broken(f"{visible(name)} was changed: its checksum in the zip is another one")
            entry = self._ENTRY.pack(
                b"PK\x01\x02", self.MADE_BY, needs, flags, 0, 0, date, crc, size, size, names, 0, 0, 0, 0, self.MODE, at
            )
            directory.update(entry + raw)
            length += len(entry) + names
            self._places[name], last, at = (start, size), name, start + size
        count = len(self._places)
        file.seek(at)
        if count == 0 or length > end - at:
            raise Broken("this is no zip as an export writes it")
        tail = hashlib.sha256()
        self._crc(length, tail)
        wanted = self._tail(count, length, at)
        if tail.digest() != directory.digest() or file.read(len(wanted) + 1) != wanted:
            raise Broken("the directory at the end of the zip is not that of its files, or something stands behind it")

    def _tail(self, count: int, length: int, at: int) -> bytes:
        small, tail = min(count, 0xFFFF), b""
        if count > 0xFFFF or at > 0x7FFFFFFF or length > 0x7FFFFFFF:
            tail = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, at)
            tail += struct.pack("<4sIQI", b"PK\x06\x07", 0, at + length, 1)
        return tail + self._END.pack(b"PK\x05\x06", 0, 0, small, small, min(length, 0xFFFFFFFF), min(at, 0xFFFFFFFF), 0)

    def _crc(self, size: int, digest: Any = None) -> int:
        crc = 0
        while size > 0:
            block = self._file.read(min(size, 1 << 20))
            if not block:
                raise Broken("the zip ends in the middle of a file")
            size -= len(block)
            crc = zlib.crc32(block, crc)
            if digest is not None:
                digest.update(block)
        return crc

    @staticmethod
    def _name(raw: bytes) -> str:
        try:
            return raw.decode("ascii")
        except UnicodeDecodeError:
            raise Broken("a name in the zip is not plain text") from None

    def names(self) -> Iterator[str]:
        return iter(self._places)

    def read(self, name: str, limit: int) -> Optional[bytes]:
        if name not in self._places:
            return None
        start, size = self._places[name]
        if size > limit:
            raise Broken("%s is longer than it can be (%d bytes)" % (visible(name), limit))
        self._file.seek(start)
        return self._file.read(size)

    def digest(self, name: str) -> Optional[str]:
        if name not in self._places:
            return None
        digest = hashlib.sha256()
        self._file.seek(self._places[name][0])
        self._crc(self._places[name][1], digest)
        return digest.hexdigest()


Place = Union[Folder, Archive]


# --- what was found ---------------------------------------------------------------------------------------------------


class Report:
    """Everything that was looked at, what was found, and what was not looked at."""

    def __init__(self, kind: str, place: str) -> None:
        self.data: dict[str, Any] = {"verifier": VERSION, "input": kind, "place": place}
        self.lines: list[str] = []
        self.problems: list[tuple[str, str]] = []
        self.counts = {CONTRADICTION: 0, MISSING: 0}
        self.unchecked: list[str] = []
        self.counter: Optional[dict[str, Any]] = None
        self.row("input", f"{kind} {place}")

    def row(self, name: str, text: str) -> None:
        self.lines.append("%-11s %s" % (name, text))

    def contradiction(self, where: str, text: str, one: str = "", two: str = "", how: str = "") -> None:
        """Two things cannot both be true. The first one makes the counter-evidence."""
        self._problem(CONTRADICTION, where, text)
        if self.counter is None or (one and not self.counter["statements"][0]):
            self.counter = {
                "contradiction": f"{where}: {text}",
                "statements": [one or "", two or ""] if one else [where, text],
                "by_hand": how or "read the file that is named, and docs/reference/verify.md for the rule it breaks",
            }

    def broken(self, where: str, error: Broken) -> None:
        self.contradiction(where, str(error), error.one, error.two, error.how)

    def missing(self, where: str, text: str) -> None:
        """It may all be true, but something is not there to prove it."""
        self._problem(MISSING, where, text)

    def finding(self, where: str, finding: Finding, one: str = "", two: str = "") -> None:
        if finding[0] == CONTRADICTION:
            self.contradiction(where, finding[1], one, two)
        else:
            self.missing(where, finding[1])

    def _problem(self, severity: str, where: str, text: str) -> None:
        self.counts[severity] += 1
        if self.counts[severity] <= MAX_LISTED:
            self.problems.append((severity, f"{where}: {text}" if where else text))

    def not_checked(self, text: str) -> None:
        if text not in self.unchecked and len(self.unchecked) < MAX_LISTED:
            self.unchecked.append(text)

    @property
    def exit(self) -> int:
        if self.counts[CONTRADICTION]:
            return EXIT_CONTRADICTION
        return EXIT_INCOMPLETE if self.counts[MISSING] else EXIT_VERIFIED


class Options(NamedTuple):
    """What the command line says."""

    policy: Policy
    policy_name: str
    trusted: bool
    """Whether the policy came from the user, not from the bundle."""
    since: Optional[bytes]
    max_age: Optional[float]
    now: float
    details: bool


# --- pieces of every verification -------------------------------------------------------------------------------------


def judge(report: Report, where: str, note: bytes, options: Options) -> Optional[Judged]:
    """Verify a checkpoint's signatures; none after a contradiction, which is in the report then."""
    try:
        return options.policy.judge(note, options.now)
    except Broken as error:
        report.broken(where, error)
        return None


def show_policy(report: Report, options: Options) -> None:
    policy = options.policy
    if options.trusted:
        report.row("policy", options.policy_name)
    else:
        report.row(
            "policy", "THE EVIDENCE'S OWN policy.txt: it shows that the evidence fits together, not whose it is."
        )
        report.row("", "Whoever made it up could have made up the policy too. Get the policy from somebody you trust.")
    report.row("", "%s, %s, quorum %s" % (
        counted(len(policy.logs), "log"), counted(len(policy.witnesses), "witness", "witnesses"), visible(policy.quorum)))  # fmt: skip
    report.data["policy"] = {"name": options.policy_name, "given": options.trusted, "quorum": policy.quorum}


def show_checkpoint(report: Report, judged: Judged, options: Options, where: str = "the checkpoint") -> None:
    """Print and weigh one judged checkpoint: signers, quorum, age."""
    head, now, policy = judged.checkpoint, options.now, options.policy
    report.row("log", visible(head.origin))
    report.row("checkpoint", counted(head.size, "entry", "entries"))
    report.row("root", head.root.hex())
    report.row("signed by", str(judged.log) if judged.log.kind == 1 else f"{visible(judged.log.name)} (ML-DSA-44)")
    for line in head.extra:
        report.row("", "extension line: " + visible(line))
    shown = [f"{visible(name)} at {stamp(at)}" for name, at in judged.cosigned]
    report.row("witnesses", "%d of %d: %s" % (len(shown), len(policy.witnesses), ", ".join(shown) or "none"))
    if judged.quorum_time is not None:
        age = now - judged.quorum_time
        report.row("quorum", f"reached: {visible(policy.quorum)}, {duration(age)} ago")
    elif policy.quorum == "none":
        report.row("quorum", "none asked for by the policy: nobody but the log's own key vouches that all see this log")
    else:
        report.row("quorum", f"NOT reached: {visible(policy.quorum)}")
    report.data.update(
        origin=head.origin, size=head.size, root=head.root.hex(), signer=str(judged.log),
        witnesses=[{"name": name, "time": stamp(at)} for name, at in judged.cosigned], quorum=judged.quorum,
        quorum_age=None if judged.quorum_time is None else int(now - judged.quorum_time),
    )  # fmt: skip
    weigh(report, judged, options, where)
    for text in judged.unchecked:
        report.not_checked(text)
    if judged.strangers:
        report.not_checked("%s by keys that the policy does not name" % counted(judged.strangers, "signature"))


def weigh(report: Report, judged: Judged, options: Options, where: str) -> None:
    """Whether enough witnesses saw it, lately enough."""
    if not judged.quorum:
        report.missing(
            where, f"too few witnesses cosigned it for the policy's quorum, {visible(options.policy.quorum)}"
        )
    elif options.max_age is not None:
        if judged.quorum_time is None:
            report.missing(where, "its age cannot be told: the policy asks for no witness, and only they give the time")
        elif options.now - judged.quorum_time > options.max_age:
            report.missing(
                where,
                f"its quorum is {duration(options.now - judged.quorum_time)} old, more than the {duration(options.max_age)} allowed",
            )


def session_lines(report: Report, replay: Replay) -> None:
    sessions = list(replay.sessions.values())
    complete = sum(session.complete for session in sessions)
    commands = sum(session.commands for session in sessions)
    report.row("sessions", "%d complete, %d not" % (complete, len(sessions) - complete))
    unanswered = sum(len(session.unanswered) for session in sessions)
    report.row("commands", "%d recorded, %d without a result, %d blocked" % (
        commands, unanswered, sum(session.blocked for session in sessions)))  # fmt: skip
    report.data["sessions"] = {"complete": complete, "incomplete": len(sessions) - complete}
    report.data["commands"] = commands
    report.data["clock_steps"] = [{"index": index, "seconds": step} for index, step in replay.steps[:MAX_LISTED]]
    unfinished = [session for session in sessions if not session.complete]
    for session in unfinished[:MAX_LISTED]:
        report.row("incomplete", f"session {session.id}: {session.why()}")
    if len(unfinished) > MAX_LISTED:
        report.row("", "and %d more" % (len(unfinished) - MAX_LISTED))
    for index, step in replay.steps[:MAX_LISTED]:
        report.row("clock", "moved by %+.3f s before entry %d" % (step, index))
    if not replay.steps:
        report.row("clock", f"no steps of more than {STEP_SECONDS:g} s")


def erasure_lines(report: Report, erasures: Erasures) -> None:
    if not erasures.done:
        report.row("erased", "nothing")
    rows = []
    for erasure, count, first, last in erasures.covered():
        what = "keys of %s" % counted(len(erasure.sets), "key set") if erasure.scope == "keys" else f"the month {visible(erasure.month)} of class {visible(erasure.retention)}"  # fmt: skip
        where = (
            "no part of an entry seen here"
            if not count
            else "%s of entries %d to %d" % (counted(count, "part"), first, last)
        )
        text = "by entry %d, basis %s: %s (%s): %s" % (
            erasure.at, visible(erasure.basis), what, visible(", ".join(erasure.compartments)), where)  # fmt: skip
        rows.append({"index": erasure.at, "basis": erasure.basis, "parts": count, "first": first, "last": last})
        if len(rows) <= MAX_LISTED:
            report.row("erased", text)
    report.data["erased"] = rows[:MAX_LISTED]


# --- a published log --------------------------------------------------------------------------------------------------


class LogRun:
    """One pass over a published log: every entry is read once, every tile compared."""

    def __init__(self, source: Union[Folder, Web], report: Report, options: Options, judged: Judged) -> None:
        self.source, self.report, self.options = source, report, options
        self.head = judged.checkpoint
        self.tree, self.replay, self.erasures = Tree(), Replay(True), Erasures()
        self.expected: list[tuple[str, Checkpoint, bytes]] = []
        self.entries = self.tiles = self.ahead = 0
        self.gaps: list[str] = []
        self.seals: dict[int, tuple[int, str, int]] = {}
        self._bundle: list[bytes] = []

    def run(self) -> None:
        size = self.head.size
        for number in range((size + 255) // 256):
            width = min(256, size - 256 * number)
            leaves = self._leaves(number, width)
            for at, leaf in enumerate(leaves):
                self._entry(256 * number + at, leaf)
        for level, index, content in self.tree.edge():
            self._tile(level, index, content)
        self._check_root("the checkpoint", self.head)

    def _leaves(self, number: int, width: int) -> list[Union[bytes, _Hash]]:
        """The entries of a bundle; where it is not there, or cannot be one, the hashes of the tile instead."""
        name = tile_name("entries", number, width)
        try:
            found: list[Any] = list(self._bundle_of(number, width))
            self._check_copies("entries", number, b"".join(struct.pack(">H", len(e)) + e for e in found), width)
            return found
        except Absent as error:
            self.report.missing(name, str(error))
        except Broken as error:
            self.report.broken(name, error)
        self.gaps.append("entries %d to %d" % (256 * number, 256 * number + width - 1))
        self.replay.whole = False
        hashes = self._read(tile_name(0, number, width), 0, number, width)
        if hashes is None or len(hashes) < 32 * width:
            self.report.missing(tile_name(0, number, width), "its hashes are not there either")
            return [_Hash(bytes(32)) for _ in range(width)]
        return [_Hash(hashes[32 * at : 32 * at + 32]) for at in range(width)]

    def _bundle_of(self, number: int, width: int) -> list[bytes]:
        name = tile_name("entries", number, width)
        data = self.source.read(name, MAX_BUNDLE_TILE)
        if data is None and width < 256:  # the full one may have taken its place
            full = self.source.read(tile_name("entries", number), MAX_BUNDLE_TILE)
            if full is not None:
                return split_bundle(full, 256, tile_name("entries", number))[:width]
        if data is None:
            raise Absent("the entries are not there")
        return split_bundle(data, width, name)

    def _entry(self, index: int, leaf: Union[bytes, _Hash]) -> None:
        known = leaf.value if isinstance(leaf, _Hash) else leaf_hash(leaf)
        for level, number, content in self.tree.add(known):
            self._tile(level, number, content)
        for what, checkpoint, _ in self.expected:
            if checkpoint.size == self.tree.size:
                self._check_root(what, checkpoint)
        if not isinstance(leaf, bytes):
            return
        self.entries += 1
        where = "entry %d" % index
        try:
            head = parse_head(index, leaf)
        except Broken as error:
            self.report.contradiction(where, str(error), "entry %d, base64: %s" % (index, b64(leaf)),
                "docs/reference/entry.md: " + str(error))  # fmt: skip
            return
        for finding in self.replay.feed(head):
            self.report.finding(where, finding, "entry %d: %s" % (index, visible(leaf.decode("utf-8"), 8192)),
                "the rule of docs/reference/entry.md: " + finding[1])  # fmt: skip
        for finding in self.erasures.feed(head):
            self.report.finding(where, finding)
        if head.k == "integrity.seal":
            low, high, digest = head.d.get("from"), head.d.get("to"), head.d.get("sha256")
            if type(low) is int and type(high) is int and isinstance(digest, str):
                self.seals[low // 256] = (high, digest, index)

    def _read(self, name: str, level: int, index: int, width: int) -> Optional[bytes]:
        data = self.source.read(name, 8192)
        if data is None and width < 256:
            data = self.source.read(tile_name(level, index), 8192)
            return None if data is None else data[: 32 * width]
        return data

    def _tile(self, level: int, index: int, content: bytes) -> None:
        """Compare a tile with what the entries give."""
        width = len(content) // 32
        name = tile_name(level, index, width)
        self.tiles += 1
        try:
            data = self._read(name, level, index, width)
        except (Absent, Broken) as error:
            data = None
            if isinstance(error, Broken):
                self.report.broken(name, error)
                return
        if data is None:
            self.report.missing(name, "the tile is not there")
        elif data != content:
            self._differs(name, level, index, content, data)
        self._check_copies(level, index, content, width)

    def _differs(self, name: str, level: int, index: int, content: bytes, data: bytes) -> None:
        at = next(
            (at for at in range(len(content) // 32) if data[32 * at : 32 * at + 32] != content[32 * at : 32 * at + 32]),
            0,
        )
        place = "hash %d" % at if level else "entry %d" % (256 * index + at)
        self.report.contradiction(
            name, f"it does not hold the hashes of the entries (first at {place})",
            "%s says at position %d: %s" % (name, at, data[32 * at : 32 * at + 32].hex()),
            f"the entries give there: {content[32 * at : 32 * at + 32].hex()}",
            "SHA-256 over a zero byte and the entry (level 0); RFC 6962 section 2.1 above it",
        )  # fmt: skip

    def _check_copies(self, level: Union[int, str], index: int, content: bytes, width: int) -> None:
        """Narrower tiles of older checkpoints, and wider ones that run ahead of this one: the common part agrees."""
        others = [other for other in self.source.widths(level, index) if other != width]
        if width < 256 and isinstance(self.source, Folder) and os.path.exists(
            os.path.join(self.source.path, *tile_name(level, index).split("/"))):  # fmt: skip
            others.append(256)
        for other in others:
            name = tile_name(level, index, other)
            try:
                data = self.source.read(name, MAX_BUNDLE_TILE) or b""
                if level == "entries":
                    known = len(b"".join(split_bundle(data, other, name)[:width])) + 2 * min(width, other)
                else:
                    known = 32 * min(width, other)
                    if len(data) != 32 * other:
                        raise Broken("it does not have the length of its width")
                if data[:known] != content[:known]:
                    raise Broken("it differs from the tile of this checkpoint", f"{name}: {b64(data[:4096])}",
                        f"{tile_name(level, index, width)}: {b64(content[:4096])}",
                        "the shorter one must be the beginning of the longer one")  # fmt: skip
                self.ahead += other > width
            except Broken as error:
                self.report.broken(name, error)
            except Absent as error:
                self.report.missing(name, str(error))

    def _check_root(self, what: str, checkpoint: Checkpoint) -> None:
        root = self.tree.root()
        if checkpoint.origin != self.head.origin:
            self.report.contradiction(what, f"it belongs to another log, {visible(checkpoint.origin)}")
        elif root != checkpoint.root:
            self.report.contradiction(
                what, "it has another root than the first %d entries" % checkpoint.size,
                "signed checkpoint: %s, %d entries, root %s" % (visible(checkpoint.origin), checkpoint.size, checkpoint.root.hex()),
                "root over the first %d entries (or tile hashes) given here: %s" % (checkpoint.size, root.hex()),
                "recompute the root from tile/0/… (RFC 6962 section 2.1) and compare with the signed one",
            )  # fmt: skip

    def expect(self, what: str, checkpoint: Checkpoint, note: bytes) -> None:
        """Another checkpoint that this log must go on from."""
        if checkpoint.origin != self.head.origin:
            self.report.contradiction(what, f"it belongs to another log, {visible(checkpoint.origin)}")
        elif checkpoint.size > self.head.size:
            self.report.contradiction(
                what, "it covers %s, the log has only %d: it was cut" % (counted(checkpoint.size, "entry", "entries"), self.head.size),
                "signed checkpoint over %d entries, base64: %s" % (checkpoint.size, b64(note[:8192])),
                "the log's own signed checkpoint covers %d" % self.head.size,
                "both are signed by the log; a log only grows",
            )  # fmt: skip
        elif checkpoint.size == 0:
            self._check_root(what, checkpoint)
        else:
            self.expected.append((what, checkpoint, note))


class _Hash(NamedTuple):
    """A leaf of which only the hash is there."""

    value: bytes


def verify_log(source: Union[Folder, Web], options: Options, beside: Optional[Folder] = None) -> Report:
    """A log in the layout of C2SP tlog-tiles. `beside`: an evidence directory that holds a checkpoint of its own."""
    report = Report("log", source.shown)
    show_policy(report, options)
    try:
        note = source.read("checkpoint", MAX_NOTE)
    except Broken as error:
        report.broken("checkpoint", error)
        return report
    except Absent as error:
        report.missing("checkpoint", str(error))
        return report
    if note is None:
        report.missing("checkpoint", "it is not there: nothing says how long this log is, or who vouches for it")
        return report
    judged = judge(report, "checkpoint", note, options)
    if judged is None:
        return report
    show_checkpoint(report, judged, options)
    run = LogRun(source, report, options, judged)
    if options.since is not None:
        older = options.policy.judge(options.since, options.now)  # was judged when the command line was read
        run.expect("the older checkpoint", older.checkpoint, options.since)
        report.row(
            "since",
            "a checkpoint of %s; all of them must still stand" % counted(older.checkpoint.size, "entry", "entries"),
        )
        weigh(report, older, options._replace(max_age=None), "the older checkpoint")
    if beside is not None:
        _beside(report, run, beside, options)
    run.run()
    report.row("entries", "%d of %d read and hashed, %s compared, started %s" % (
        run.entries, judged.checkpoint.size, counted(run.tiles, "tile"), counted(run.replay.starts, "time")))  # fmt: skip
    report.data.update(entries=run.entries, tiles=run.tiles, starts=run.replay.starts, gaps=run.gaps[:MAX_LISTED])
    report.row("gaps", "; ".join(run.gaps[:20]) or "none")
    session_lines(report, run.replay)
    erasure_lines(report, run.erasures)
    if run.ahead:
        report.not_checked(
            "%s with more than the checkpoint covers; what is beyond it is not proved" % counted(run.ahead, "tile")
        )
    report.not_checked("sealed parts and recordings: a published log holds commitments to them only")
    if isinstance(source, Folder):
        _sealed(report, run, source)
        _strays(report, source, judged.checkpoint.size)
    return report


def _beside(report: Report, run: LogRun, beside: Folder, options: Options) -> None:
    note = beside.read("checkpoint", MAX_NOTE)
    if note is None:
        return
    judged = judge(report, "evidence/checkpoint", note, options)
    if judged is not None and judged.checkpoint.size > run.head.size:
        report.not_checked(
            "evidence/checkpoint is %s ahead of the published log"
            % counted(judged.checkpoint.size - run.head.size, "entry", "entries")
        )
    elif judged is not None:
        run.expect("evidence/checkpoint", judged.checkpoint, note)


def _sealed(report: Report, run: LogRun, source: Folder) -> None:
    """Where the sealed objects lie beside the tiles: their digests, which the log holds. No key is needed."""
    if not os.path.isdir(os.path.join(source.path, "sealed")):
        return
    same = 0
    for number, (_, digest, index) in sorted(run.seals.items()):
        name = "sealed/" + number_path(number)
        found = source.digest(name)
        if found is None:
            report.missing(name, "the sealed object is not there")
        elif b64(bytes.fromhex(found)) != digest:
            report.contradiction(name, "it is not the object that entry %d sealed" % index,
                f"SHA-256 of {name}: {found}", "entry %d says, in base64: %s" % (index, visible(digest)),
                "sha256sum the file")  # fmt: skip
        else:
            same += 1
    report.row("sealed", "%s as the log sealed" % counted(same, "object"))


def _strays(report: Report, source: Folder, size: int) -> None:
    """Files that are no part of the log as it is signed."""
    strays, ahead, first = 0, 0, ""
    for name in source.names():
        if name == "checkpoint" or name.startswith("sealed/"):
            continue
        tile = read_tile_name(name)
        if tile is None:
            strays, first = strays + 1, first or name
        else:
            level = 0 if tile[0] == "entries" else int(tile[0])
            ahead += (tile[1] << 8) >= size >> 8 * level
    if strays:
        report.not_checked(
            "%s outside what makes a log, the first being %s" % (counted(strays, "file"), visible(first))
        )
    if ahead:
        report.not_checked("%s wholly beyond the checkpoint" % counted(ahead, "tile"))


# --- a bundle ---------------------------------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,3}\Z")
_ENTRY_NAME = re.compile(r"entries/(0|[1-9][0-9]{0,15})\.json\Z")
_PROOF_NAME = re.compile(r"proofs/(0|[1-9][0-9]{0,15})\.tlog-proof\Z")
_PART_NAME = re.compile(r"disclosed/(0|[1-9][0-9]{0,15})\.(who|subj|act|out)\.json\Z")
_CAST_NAME = re.compile(r"recording/([0-7][0-9A-HJKMNP-TV-Z]{25})\.(cast|json)\Z")
_OWN_NAMES = re.compile(
    r"(README\.html|policy\.txt|checkpoint|manifest\.json|manifest\.note|custody\.json|vestibule-verify\.py"
    r"|player\.html|player/.*|tsa/.*)\Z"
)


class BundleRun:
    """One pass over an evidence bundle."""

    def __init__(self, place: Place, report: Report, options: Options) -> None:
        self.place, self.report, self.options = place, report, options
        self.names = sorted(place.names())
        self.replay, self.erasures = Replay(False), Erasures()
        self.heads: dict[int, Head] = {}
        self.manifest: dict[str, Any] = {}
        self.custody: dict[str, Any] = {}
        self.judged: Optional[Judged] = None
        self.lines: dict[str, list[tuple[str, str, str, str]]] = {}
        self.parts: dict[tuple[int, str], Any] = {}
        self.hidden = self.covered = self.chunks = self.chunks_seen = 0
        self.made: Optional[int] = None
        self.given: set[tuple[str, int]] = set()

    def run(self) -> None:
        for name in self.names:
            if len(name) > 200 or not _NAME.match(name):
                self.report.contradiction(name[:200] and visible(name), "no bundle holds a file of this name")
        self._checkpoint()
        self._manifest()
        self._entries()
        self._made()
        self._parts()
        self._recordings()
        self._sessions()
        self._left_out()

    def _json(self, name: str, limit: int) -> Any:
        """A canonical JSON file of the bundle; none, after saying so, if it is not there or none."""
        try:
            data = self.place.read(name, limit)
            if data is None:
                self.report.missing(name, "it is not there")
                return None
            return canonical(data, "it")
        except Broken as error:
            self.report.broken(name, error)
        except Absent as error:
            self.report.missing(name, str(error))
        return None

    def _checkpoint(self) -> None:
        try:
            note = self.place.read("checkpoint", MAX_NOTE)
        except Broken as error:
            self.report.broken("checkpoint", error)
            return
        if note is None:
            self.report.missing("checkpoint", "it is not there")
            return
        self.judged = judge(self.report, "checkpoint", note, self.options)
        if self.judged is not None:
            show_checkpoint(self.report, self.judged, self.options)
            self._since(self.judged.checkpoint)

    def _since(self, head: Checkpoint) -> None:
        if self.options.since is None:
            return
        older = self.options.policy.judge(self.options.since, self.options.now).checkpoint
        if older.origin != head.origin:
            self.report.contradiction("the older checkpoint", f"it belongs to another log, {visible(older.origin)}")
        elif older.size == head.size and older.root != head.root:
            self.report.contradiction(
                "the older checkpoint", "it has the same size as the bundle's and another root: the log was forked",
                "root %s over %d entries" % (older.root.hex(), older.size), f"root {head.root.hex()} over as many",
                "verify both signatures by the log's key",
            )  # fmt: skip
        elif older.size != head.size:
            self.report.missing(
                "the older checkpoint", "only the log itself, not a bundle of it, can be held against it"
            )

    # --- the manifest

    def _manifest(self) -> None:
        manifest = self._json("manifest.json", MAX_MANIFEST)
        if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
            if manifest is not None:
                self.report.contradiction("manifest.json", "it lists no files")
            return
        self.manifest = manifest
        custody = self._json("custody.json", MAX_PART)
        self.custody = custody if isinstance(custody, dict) else {}
        made = self.custody.get("entry")
        self.made = made if type(made) is int and 0 <= made <= MAX_INT else None
        if manifest.get("v") != 1:
            self.report.contradiction("manifest.json", "it is of a version that this program does not know")
        if self.judged is not None and manifest.get("origin") != self.judged.checkpoint.origin:
            self.report.contradiction("manifest.json", "it names another log than the checkpoint")
        self._files(manifest["files"])
        self._signature()
        self._custody()

    def _outside(self) -> set[str]:
        """What the manifest cannot list: itself, and what was written about it later."""
        outside = {"manifest.json", "manifest.note", "custody.json"}
        if self.made is not None:
            outside |= {"entries/%d.json" % self.made, "proofs/%d.tlog-proof" % self.made}
        return outside

    def _files(self, files: dict[str, Any]) -> None:
        outside, here, same = self._outside(), set(self.names), 0
        for name in sorted(here - files.keys() - outside):
            self.report.contradiction(visible(name), "it is in the bundle, but not in its manifest",
                "manifest.json lists %d files, not this one" % len(files), "the bundle holds " + visible(name),
                "search manifest.json for the name")  # fmt: skip
        for name in sorted(files.keys() & outside):
            self.report.contradiction(visible(name), "the manifest lists a file that is written after it")
        for name, wanted in sorted(files.items()):
            if name in outside:
                continue
            found = self.place.digest(name) if name in here else None
            if found is None:
                self.report.missing(visible(name), "the manifest lists it, but it is not there")
            elif found != wanted:
                self.report.contradiction(visible(name), "it is not the file that the manifest lists",
                    f"manifest.json: SHA-256 {visible(str(wanted))}", f"SHA-256 of the file: {found}",
                    f"sha256sum {visible(name)}")  # fmt: skip
            else:
                same += 1
        self.report.row("files", "%d of %d as in the manifest" % (same, len(files)))
        self.report.data["files"] = same

    def _signature(self) -> None:
        origin = str(self.manifest.get("origin"))
        if "manifest.note" not in self.names:
            if "signer" in self.manifest:
                self.report.missing("manifest.note", "it is not there, although the manifest names its signer")
            else:
                self.report.not_checked("who made the bundle: its manifest is not signed")
            return
        digest = self.place.digest("manifest.json")
        try:
            key = parse_key(str(self.manifest.get("signer")))
            note = parse_note(self.place.read("manifest.note", MAX_NOTE) or b"")
            if key.kind != 1 or key.name != origin + "/export":
                raise Broken("the manifest names no key of this log's exports as its signer")
            if note.text != f"{origin}/export\nsha256 {digest}\n":
                raise Broken(
                    "it signs another manifest", visible(note.text, 2000), f"SHA-256 of manifest.json: {digest}"
                )
            if len(note.signatures) != 1 or note.signatures[0][:2] != (key.name, key.id):
                raise Broken("it is not signed by the key that the manifest names, or by others too")
            if not ed25519_verify(key.public, note.text.encode(), note.signatures[0][2]):
                raise Broken("its signature does not verify", f"key: {key}", "text, base64: " + b64(note.text.encode()))
        except Broken as error:
            self.report.broken("manifest.note", error)

    def _custody(self) -> None:
        if not self.custody:
            return
        wanted = dict(_object(self.manifest.get("custody")))
        wanted.update(entry=self.made, manifest=self.place.digest("manifest.json"), made=self.manifest.get("made"))
        if self.custody != wanted:
            self.report.contradiction("custody.json", "it does not say what the manifest says",
                _ENCODER.encode(self.custody), _ENCODER.encode(wanted))  # fmt: skip

    # --- entries and proofs

    def _entries(self) -> None:
        proofs = {int(match.group(1)) for match in map(_PROOF_NAME.match, self.names) if match}
        indexes = sorted(int(match.group(1)) for match in map(_ENTRY_NAME.match, self.names) if match)
        for index in sorted(proofs - set(indexes)):
            self.report.missing("entries/%d.json" % index, "there is a proof of it, but not the entry")
        proved = 0
        for index in indexes:
            where = "entries/%d.json" % index
            try:
                data = self.place.read(where, MAX_HEAD)
                head = parse_head(index, data or b"")
            except Broken as error:
                self.report.broken(where, error)
                continue
            except Absent as error:
                self.report.missing(where, str(error))
                continue
            self.heads[index] = head
            if index not in proofs:
                self.report.missing(where, "there is no proof that it stands in the log")
            else:
                proved += self._prove(index, head)
            shown = "entry %d: %s" % (index, visible((data or b"").decode("utf-8", "replace"), 8192))
            for finding in self.replay.feed(head):
                self.report.finding(where, finding, shown, "the rule of docs/reference/entry.md: " + finding[1])
            for finding in self.erasures.feed(head):
                # What approved it may well not be in the bundle.
                if finding[0] == CONTRADICTION:
                    self.report.finding(where, finding)
        self.report.row("entries", "%d, of which %d are proved to stand in the log" % (len(indexes), proved))
        self.report.data.update(entries=len(indexes), proved=proved)

    def _prove(self, index: int, head: Head) -> bool:
        name = "proofs/%d.tlog-proof" % index
        try:
            proof = parse_proof(self.place.read(name, 2 * MAX_NOTE) or b"")
            if proof.at != index:
                raise Broken("it is for entry %d" % proof.at)
            if proof.extra:
                raise Broken("it carries extra data, which no proof of a bundle does")
            judged = self.options.policy.judge(proof.checkpoint, self.options.now)
            self._same_log(index, judged, proof.checkpoint)
            _check_path(proof, head.leaf, judged.checkpoint)
        except Broken as error:
            self.report.broken(name, error)
            return False
        except Absent as error:
            self.report.missing(name, str(error))
            return False
        if not judged.quorum:
            self.report.missing(name, "too few witnesses cosigned its checkpoint")
        return True

    def _same_log(self, index: int, judged: Judged, note: bytes) -> None:
        """A proof embeds the bundle's checkpoint; that of `export.made`, which came later, a newer one of the log."""
        if self.judged is None:
            return
        mine, own = judged.checkpoint, self.judged.checkpoint
        if mine.origin != own.origin:
            raise Broken(f"it is of another log, {visible(mine.origin)}")
        if index != self.made:
            if note != self.place.read("checkpoint", MAX_NOTE):
                raise Broken("its checkpoint is not the one of the bundle",
                    "checkpoint: %d entries, root %s" % (own.size, own.root.hex()),
                    "in the proof: %d entries, root %s" % (mine.size, mine.root.hex()))  # fmt: skip
            return
        if mine.size < own.size or (mine.size == own.size and mine.root != own.root):
            raise Broken(
                "its checkpoint is older than the bundle's, or another history of the same length",
                f"checkpoint: {own.size} entries, root {own.root.hex()}",
                f"in the proof: {mine.size} entries, root {mine.root.hex()}",
            )
        ids = [
            {key_id for name, key_id, _ in parse_note(one).signatures if name == own.origin}
            for one in (note, self.place.read("checkpoint", MAX_NOTE) or b"")
        ]
        if ids[0] != ids[1]:
            raise Broken("its checkpoint is signed by other keys of the log than the bundle's")

    def _made(self) -> None:
        """The log itself vouches for the manifest: its export is on record."""
        if not self.manifest:
            return
        head = None if self.made is None else self.heads.get(self.made)
        if head is None:
            if self.made is None and _object(self.manifest.get("custody")).get("recorded") is not True:
                self.report.not_checked("the export is not on record in the log: the bundle was made from a copy")
            else:
                self.report.missing("custody.json", "the entry that records this export is not there")
            return
        digest = self.place.digest("manifest.json")
        where = "entry %d" % head.index
        if head.k != "export.made" or head.d.get("manifest") != digest:
            self.report.contradiction(where, "it does not record the export of this manifest",
                "entry %d: kind %s, manifest %s" % (head.index, head.k, visible(str(head.d.get("manifest")))),
                f"SHA-256 of manifest.json: {digest}", "sha256sum manifest.json")  # fmt: skip
        else:
            self.report.row("export", "on record in the log as entry %d, at %s" % (head.index, _moment(head.t)))

    # --- disclosed parts and recordings

    def _parts(self) -> None:
        matching = 0
        for name in self.names:
            match = _PART_NAME.match(name)
            if match is None:
                if name.startswith(("disclosed/", "entries/", "proofs/", "recording/")) and not (
                    _ENTRY_NAME.match(name) or _PROOF_NAME.match(name) or _CAST_NAME.match(name)
                ):
                    self.report.contradiction(visible(name), "no bundle holds a file of this name")
                elif "/" not in name and not _OWN_NAMES.match(name):
                    self.report.not_checked(f"{visible(name)}: a file that this program does not know")
                continue
            index, compartment = int(match.group(1)), match.group(2)
            try:
                matching += self._part(name, index, compartment)
            except Broken as error:
                self.report.broken(name, error)
            except Absent as error:
                self.report.missing(name, str(error))
        for index, head in self.heads.items():
            for compartment in head.c:
                if (index, compartment) not in self.parts:
                    if self.erasures.by(head, compartment) is not None:
                        self.covered += 1
                    else:
                        self.hidden += 1
        self.report.row("disclosed", "%s, all as the log commits to them; %d kept hidden, %d erased" % (
            counted(matching, "part"), self.hidden, self.covered) if matching == len(self.parts) else "%s as committed" % counted(matching, "part"))  # fmt: skip
        self.report.data.update(disclosed=matching, hidden=self.hidden, erased_parts=self.covered)

    def _part(self, name: str, index: int, compartment: str) -> bool:
        value = canonical(self.place.read(name, MAX_PART) or b"", "it")
        if not isinstance(value, dict) or value.keys() != {"content", "salt"} or not isinstance(value["content"], dict):
            raise Broken("it does not hold a content and a salt")
        self.parts[index, compartment] = None
        head = self.heads.get(index)
        if head is None:
            self.report.missing(name, "the entry that it belongs to is not there")
            return False
        salt = hash_line(str(value["salt"]), "the salt")
        found = commitment(compartment, _ENCODER.encode(value["content"]).encode("utf-8"), salt)
        if head.c.get(compartment) != found:
            raise Broken("its content is not what the log commits to",
                "entry %d commits to %s" % (index, head.c.get(compartment)), f"content and salt of {name} give {found}",
                f"HMAC-SHA256 with the salt as key over 'vestibule/v1/{compartment}', a zero byte, and the content",
            )  # fmt: skip
        if compartment == "act" and head.k in ("cmd.intent", "cmd.blocked"):
            self.parts[index, compartment] = value["content"]
        return True

    def _recordings(self) -> None:
        sessions: dict[str, set[str]] = {}
        for name in self.names:
            match = _CAST_NAME.match(name)
            if match is not None:
                sessions.setdefault(match.group(1), set()).add(match.group(2))
        chunks: dict[str, list[Head]] = {}
        for head in self.heads.values():
            if head.s is not None and head.k == "rec.chunk":
                chunks.setdefault(head.s, []).append(head)
        for session in sorted(chunks.keys() - sessions.keys()):
            self.report.missing(f"recording/{session}.json", "the session was recorded, but this file is not there")
        for session in sorted(sessions):
            try:
                self._recording(session, chunks.get(session, []))
            except Broken as error:
                self.report.broken(f"recording/{session}", error)
            except Absent as error:
                self.report.missing(f"recording/{session}", str(error))
        total = sum(map(len, chunks.values()))
        if total:
            self.report.row("recording", "%d of %s given, all as the log commits to them" % (
                self.chunks, counted(total, "chunk")) if self.chunks == self.chunks_seen else "%s as committed" % counted(self.chunks, "chunk"))  # fmt: skip
        self.report.data.update(chunks=self.chunks, chunks_recorded=total)

    def _recording(self, session: str, heads: list[Head]) -> None:
        """`<session>.json` says which bytes of `<session>.cast` are which chunk."""
        value = canonical(self.place.read(f"recording/{session}.json", MAX_PART) or b"", "its .json")
        rows = value.get("chunks") if isinstance(value, dict) and value.keys() == {"chunks"} else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise Broken("its .json lists no chunks")
        cast = _Cast(self.place, f"recording/{session}.cast")
        known, offset = {head.index: head for head in heads}, 0
        for at, row in enumerate(rows):
            head, size, salt = (
                known.pop(row["index"] if type(row.get("index")) is int else -1, None),
                row.get("bytes"),
                row.get("salt"),
            )
            if head is None or (row.get("no"), row.get("offset")) != (head.d.get("no"), offset) or not _count(size):
                raise Broken("row %d of its .json does not fit the entries or the rows before it" % at)
            if row.keys() != {"no", "index", "offset", "bytes", "salt", "why"} or (salt is None) != (
                isinstance(row["why"], str)
            ):
                raise Broken(f"row {at} of its .json does not say what it should")
            if salt is None:
                if size != 0:
                    raise Broken("row %d of its .json gives bytes without a salt" % at)
                continue
            self.chunks_seen += 1
            if size > MAX_CHUNK or size != head.d.get("bytes"):
                raise Broken("chunk %d has another length than entry %d says" % (at, head.index))
            found = commitment("rec", cast.take(size), hash_line(str(salt), "a salt"))
            if found != head.d.get("pc"):
                raise Broken("its chunk %d is not what the log commits to" % at,
                    "entry %d: pc = %s" % (head.index, visible(str(head.d.get("pc")))),
                    "bytes %d to %d of the .cast with their salt give %s" % (offset, offset + size, found),
                    "HMAC-SHA256 with the salt as key over 'vestibule/v1/rec', a zero byte, and these bytes")  # fmt: skip
            self.chunks, offset = self.chunks + 1, offset + size
            self.given.add((session, head.index))
        if known:
            raise Broken("its .json leaves out chunks whose entries are here")
        cast.at_end()

    # --- what it amounts to

    def _sessions(self) -> None:
        report = self.report
        listed = self.manifest.get("sessions", [])
        for row in listed if isinstance(listed, list) else []:
            name = row.get("session") if isinstance(row, dict) else row
            session = self.replay.sessions.get(name) if isinstance(name, str) else None
            if session is None:
                report.missing("manifest.json", f"it names a session that has no entry here: {visible(str(name))}")
            elif isinstance(row, dict) and type(row.get("entries")) is int and row["entries"] != session.entries:
                report.missing("session " + session.id, "%d entries are here, the manifest speaks of %d" % (
                    session.entries, row["entries"]))  # fmt: skip
        rows = []
        commands: dict[str, list[tuple[str, str, str]]] = {}
        for index, head in sorted(self.heads.items()):
            if head.s is not None and head.k in ("cmd.intent", "cmd.blocked"):
                commands.setdefault(head.s, []).append(self._command(index, head))
        for session in self.replay.sessions.values():
            rows.append(self._session(session, commands.get(session.id, [])))
            if not session.complete and session.id not in self._excused():
                report.missing("session " + session.id, session.why())
        session_lines(report, self.replay)
        report.data["session_list"] = rows
        erasure_lines(report, self.erasures)
        for consent in sorted({s.consent for s in self.replay.sessions.values() if s.consent} - self.replay.granted):
            report.not_checked(f"consent {consent}: its grant is not in the bundle")
        report.not_checked(
            "that no entry of a consent was left out: only the whole log shows it (sessions show it here)"
        )

    def _excused(self) -> set[str]:
        """Sessions that the manifest itself calls unfinished: they ran when the bundle was made."""
        rows = self.manifest.get("left_out", [])
        return {str(row.get("session")) for row in rows if isinstance(row, dict) and row.get("why") == "running"}

    def _session(self, session: Session, commands: list[tuple[str, str, str]]) -> dict[str, Any]:
        state = "complete" if session.complete else f"NOT COMPLETE ({session.why()})"
        self.report.row("session", "%s: %s, %s, %d blocked, %s, %s to %s%s" % (
            session.id, state, counted(session.commands, "command"), session.blocked, counted(session.entries, "entry", "entries"), _moment(session.first_t),
            _moment(session.last_t), "" if session.closed is None else ", ended: " + visible(session.closed)))  # fmt: skip
        for number, (when, verdict, text) in enumerate(commands[:2000], 1):
            self.report.row("", "%3d  %s  %-7s  %s" % (number, when, verdict, text))
        if len(commands) > 2000:
            self.report.row("", "and %d more" % (len(commands) - 2000))
        return {
            "session": session.id, "complete": session.complete, "commands": session.commands,
            "blocked": session.blocked, "entries": session.entries, "ended": session.closed,
            "lines": [{"time": when, "verdict": verdict, "text": text} for when, verdict, text in commands[:2000]],
        }  # fmt: skip

    def _command(self, index: int, head: Head) -> tuple[str, str, str]:
        content = self.parts.get((index, "act"))
        verdict = "blocked" if head.k == "cmd.blocked" else visible(str(head.d.get("verdict", "allow")), 12)
        if not isinstance(content, dict):
            erased = self.erasures.by(head, "act")
            return _moment(head.t), verdict, "(not disclosed)" if erased is None else "(erased by entry %d)" % erased
        sent, typed = content.get("canonical"), content.get("typed")
        text = visible(str(sent if sent is not None else typed))
        if typed is not None and sent is not None and typed != sent:
            text += f"   (typed: {visible(str(typed))})"
        purpose = head.d.get("purpose", "command")
        return _moment(head.t), verdict, text if purpose == "command" else f"{text}   [{visible(str(purpose))}]"

    def _left_out(self) -> None:
        """What the manifest says is not in it, and whether that is so."""
        rows = self.manifest.get("left_out", [])
        counts: dict[tuple[str, str], int] = {}
        for row in rows if isinstance(rows, list) else []:
            if not isinstance(row, dict):
                self.report.contradiction("manifest.json", "it lists something left out that is no object")
                continue
            what, why = str(row.get("what")), str(row.get("why"))
            counts[what, why] = counts.get((what, why), 0) + 1
            if why == "erased":
                self._lawful(row)
            elif why in ("damaged", "unreadable", "absent"):
                self.report.missing("manifest.json", "{} {}: the export could not read it ({})".format(
                    visible(what), visible(str(row.get("index", row.get("session", "")))), visible(why)))  # fmt: skip
        for (what, why), count in sorted(counts.items()):
            self.report.row("left out", "%d × %s: %s" % (count, visible(what), visible(why)))
        if not counts:
            self.report.row("left out", "nothing")

    def _lawful(self, row: dict[str, Any]) -> None:
        index = row.get("index")
        head = self.heads.get(index) if type(index) is int else None
        compartment = "rec" if row.get("what") == "chunk" else str(row.get("comp"))
        if head is not None and self.erasures.by(head, compartment) is None:
            self.report.missing("entry %d" % head.index,
                f"{visible(compartment)} is said to be erased, but no erasure in this bundle covers it")  # fmt: skip


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class _Cast:
    """A recording read piece by piece."""

    def __init__(self, place: Place, name: str) -> None:
        self._name = name
        data = place.read(name, 1 << 30)
        self._data, self._at = memoryview(data or b""), 0

    def take(self, size: int) -> bytes:
        piece = bytes(self._data[self._at : self._at + size])
        if len(piece) != size:
            raise Broken("its .cast ends before its chunks do")
        self._at += size
        return piece

    def at_end(self) -> None:
        if self._at != len(self._data):
            raise Broken("its .cast is longer than its chunks")


def _moment(t: datetime) -> str:
    return t.strftime("%Y-%m-%d %H:%M:%S")


def _check_path(proof: Proof, leaf: bytes, head: Checkpoint) -> None:
    if not included(proof.at, head.size, leaf, proof.path, head.root):
        raise Broken(
            "the path does not lead from the entry to the root",
            "entry: leaf hash %s, index %d" % (leaf.hex(), proof.at),
            "checkpoint: %d entries, root %s; path: %s" % (head.size, head.root.hex(), [h.hex() for h in proof.path]),
            "RFC 9162 section 2.1.3.2",
        )


def verify_bundle(place: Place, options: Options) -> Report:
    """An evidence bundle: a zip, or the directory it unpacks to."""
    report = Report("bundle", place.shown)
    show_policy(report, options)
    try:
        run = BundleRun(place, report, options)
    except Broken as error:
        report.broken("the bundle", error)
        return report
    except Absent as error:
        report.missing("the bundle", str(error))
        return report
    run.run()
    stamps = [name for name in run.names if name.startswith("tsa/")]
    if stamps:
        report.not_checked("%s in tsa/ (RFC 3161): try `openssl ts -verify`" % counted(len(stamps), "time stamp"))
    report.not_checked("README.html and player.html: they are as exported; what they show is not recomputed")
    return report


def verify_proof(data: bytes, entry: Optional[bytes], name: str, options: Options) -> Report:
    """One C2SP tlog-proof and the entry it is for (which may stand in its extra data)."""
    report = Report("proof", name)
    show_policy(report, options)
    try:
        proof = parse_proof(data)
    except Broken as error:
        report.broken("the proof", error)
        return report
    judged = judge(report, "the checkpoint in the proof", proof.checkpoint, options)
    if judged is None:
        return report
    show_checkpoint(report, judged, options, "the checkpoint in the proof")
    leaf = entry if entry is not None else proof.extra
    if entry is not None and proof.extra and proof.extra != entry:
        report.contradiction("the proof", "it carries another entry than the one that was given",
            "extra data, base64: " + b64(proof.extra), "entry, base64: " + b64(entry))  # fmt: skip
        return report
    if not leaf:
        report.missing("the entry", "the proof does not carry it; give its file with --entry")
        return report
    if options.since is not None:
        report.missing("the older checkpoint", "only the log itself, not a proof, can be held against it")
    try:
        _check_path(proof, leaf_hash(leaf), judged.checkpoint)
    except Broken as error:
        report.broken("the proof", error)
        return report
    report.row("entry", "%d, %d bytes, proved to stand in the log" % (proof.at, len(leaf)))
    report.data.update(index=proof.at, entries=1)
    try:
        head = parse_head(proof.at, leaf)
        report.row("", "{} at {}{}".format(head.k, _moment(head.t), "" if head.s is None else f", session {head.s}, number {head.n}"))  # fmt: skip
    except Broken as error:
        report.contradiction("the entry", "it is in the log, but " + str(error))
    report.not_checked("anything but this one entry: sessions, gaps, erasures and clock steps need the log or a bundle")
    return report


# --- command line -----------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Unusable(message)


def _arguments() -> argparse.ArgumentParser:
    parser = _Parser(prog="vestibule-verify", description="Verify evidence of Vestibule: a bundle, a log, or a proof.",
        epilog="Exit status: 0 verified, 1 contradiction, 2 incomplete, 3 usage.")  # fmt: skip
    parser.add_argument(
        "what", metavar="WHAT", help="bundle (zip or directory), log (directory or URL), or .tlog-proof"
    )
    parser.add_argument("--policy", metavar="FILE", help="trust policy (C2SP tlog-policy), from somebody you trust")
    parser.add_argument("--key", metavar="FILE", help="instead: the log's public key; then no witness is asked for")
    parser.add_argument("--trust-own-policy", action="store_true", help="take the evidence's own policy.txt")
    parser.add_argument("--entry", metavar="FILE", help="the entry that a .tlog-proof is for")
    parser.add_argument("--since", metavar="FILE", help="an older checkpoint: the log must go on from it")
    parser.add_argument("--max-age", metavar="TIME", help="oldest quorum allowed: 900 (seconds), 15m, 24h, 30d")
    parser.add_argument("--now", metavar="UNIX", help="judge ages as of this time instead of this machine's clock")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--counter-evidence", metavar="FILE", help="where a contradiction is written down")
    parser.add_argument("--version", action="version", version="vestibule-verify " + VERSION)
    return parser


def _file(path: str, limit: int = MAX_NOTE) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise Unusable(f"{visible(path)} cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise Unusable("%s is longer than %d bytes" % (visible(path), limit))
    return data


def seconds(text: str) -> float:
    """A length of time: `900`, `15m`, `24h`, `30d`."""
    match = re.match(r"([0-9]{1,9})([smhd]?)\Z", text)
    if match is None:
        raise Unusable("--max-age takes a number with s, m, h or d behind it: 15m")
    return int(match.group(1)) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match.group(2)]


def _policy(given: argparse.Namespace, own: Optional[bytes]) -> tuple[Policy, str, bool]:
    chosen = [option for option in (given.policy, given.key, given.trust_own_policy) if option]
    if len(chosen) != 1:
        raise Unusable("say whom you trust: --policy FILE (or --key FILE, or --trust-own-policy), one of them")
    try:
        if given.policy:
            return Policy.parse(_file(given.policy)), visible(given.policy), True
        if given.key:
            key = _file(given.key, 10_000).strip()
            return Policy.parse(b"log " + key + b"\nquorum none\n"), "the key in " + visible(given.key), True
        if own is None:
            raise Unusable("there is no policy.txt in the evidence")
        return Policy.parse(own), "policy.txt", False
    except Broken as error:
        raise Unusable(f"the policy cannot be used: {error}") from None


def _options(given: argparse.Namespace, own: Optional[bytes]) -> Options:
    policy, name, trusted = _policy(given, own)
    since = _file(given.since) if given.since else None
    try:
        now = float(decimal(given.now, "--now")) if given.now else time.time()
        if since is not None:
            policy.judge(since, now)
    except Broken as error:
        raise Unusable(f"--now or --since cannot be used: {error}") from None
    age = seconds(given.max_age) if given.max_age else None
    return Options(policy, name, trusted, since, age, now, True)


def _verify(given: argparse.Namespace) -> Report:
    what = given.what
    if re.match(r"https?://", what):
        return verify_log(Web(what), _options(given, None))
    if os.path.isdir(what):
        return _verify_folder(given, Folder(what))
    if not os.path.exists(what):
        raise Unusable(f"{visible(what)}: there is no such file or directory")
    start = b""
    with open(what, "rb") as file:
        start = file.read(32)
    if given.entry or what.endswith(".tlog-proof") or start.startswith(b"c2sp.org/tlog-proof"):
        entry = _file(given.entry, 1 << 16) if given.entry else None
        return verify_proof(_file(what, 2 * MAX_NOTE), entry, visible(what), _options(given, None))
    if not start.startswith(b"PK") and not what.endswith(".zip"):
        raise Unusable(f"{visible(what)} is neither a bundle nor a proof")
    try:
        archive = Archive(what)
        try:
            own = archive.read("policy.txt", MAX_NOTE) if given.trust_own_policy else None
            return verify_bundle(archive, _options(given, own))
        finally:
            archive.close()
    except Broken as error:
        report = Report("bundle", visible(what))
        report.broken("the zip", error)
        return report


def _verify_folder(given: argparse.Namespace, folder: Folder) -> Report:
    own = folder.read("policy.txt", MAX_NOTE) if given.trust_own_policy else None
    options = _options(given, own)
    below = set(os.listdir(folder.path))
    if below & {"manifest.json", "entries", "proofs", "custody.json"}:
        return verify_bundle(folder, options)
    for step in ("", "log", os.path.join("evidence", "log")):
        log = os.path.join(folder.path, step) if step else folder.path
        if os.path.isdir(os.path.join(log, "tile")) or (step and os.path.isdir(log)) or (
            not step and "checkpoint" in below and "log" not in below):  # fmt: skip
            return verify_log(Folder(log), options, Folder(os.path.dirname(log)) if step else None)
    raise Unusable(f"{folder.shown} holds neither a bundle nor a published log")


_LAST = ("verified", "CONTRADICTION: this was changed, or is not what was signed", "INCOMPLETE")


def conclusion(report: Report) -> str:
    """The last line: what it amounts to. Never a bare word of praise."""
    data = report.data
    if report.exit:
        counts = "%s, %d missing" % (counted(report.counts[CONTRADICTION], "contradiction"), report.counts[MISSING])
        return f"{_LAST[report.exit]}: {counts}"
    said = [counted(data.get("entries", 0), "entry", "entries")]
    if "commands" in data:
        sessions = data["sessions"]
        said.insert(0, "%s in %s, %d of them complete" % (
            counted(data["commands"], "command"), counted(sessions["complete"] + sessions["incomplete"], "session"), sessions["complete"]))  # fmt: skip
    witnesses = len(data.get("witnesses", []))
    said.append("signed by the log" + (", witnessed by %d" % witnesses if witnesses else ", NOT witnessed by anybody"))
    if not data["policy"]["given"]:
        said.append("BY ITS OWN POLICY")
    return "verified: " + ", ".join(said)


def _print(report: Report, as_json: bool, counter: Optional[str]) -> None:
    last = conclusion(report)
    if as_json:
        report.data.update(
            result=("verified", "contradiction", "incomplete")[report.exit], exit=report.exit, conclusion=last,
            problems=[{"severity": severity, "text": text} for severity, text in report.problems],
            not_checked=report.unchecked, counter_evidence=counter,
        )  # fmt: skip
        print(json.dumps(report.data, ensure_ascii=True, indent=1, sort_keys=True))
        return
    for line in report.lines:
        print(line)
    for text in report.unchecked:
        print("%-11s %s" % ("not checked", text))
    for severity, text in report.problems:
        print(f"{severity}: {text}")
    for severity, count in report.counts.items():
        if count > MAX_LISTED:
            print("%s: and %d more" % (severity, count - MAX_LISTED))
    if counter is not None:
        print(f"counter-evidence written to {visible(counter)}")
    print(last)


def _write_counter(report: Report, wanted: Optional[str]) -> Optional[str]:
    """The two statements that contradict each other, in a file of their own; none if there is no contradiction."""
    if report.counter is None:
        return None
    text = json.dumps(dict(report.counter, place=report.data["place"]), ensure_ascii=True, indent=1, sort_keys=True)
    names = [wanted] if wanted else ["counter-evidence.json"] + ["counter-evidence-%d.json" % n for n in range(2, 100)]
    for name in names:
        try:
            with open(name, "w" if wanted else "x", encoding="ascii") as file:
                file.write(text + "\n")
            return name
        except FileExistsError:
            continue
        except OSError:
            break
    report.not_checked("the counter-evidence could not be written to a file; --counter-evidence names one")
    return None


def main(arguments: Optional[list[str]] = None) -> int:
    """Run the command line; the exit status."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Optional[Callable[..., None]] = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        given = _arguments().parse_args(arguments)
        report = _verify(given)
        _print(report, given.json, _write_counter(report, given.counter_evidence))
        return report.exit
    except Unusable as error:
        print(f"vestibule-verify: {error}", file=sys.stderr)
    except (Broken, Absent) as error:
        print(f"contradiction: {error}" if isinstance(error, Broken) else f"missing: {error}")
        return EXIT_CONTRADICTION if isinstance(error, Broken) else EXIT_INCOMPLETE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print("vestibule-verify: stopped", file=sys.stderr)
    except (OSError, MemoryError, RecursionError) as error:
        print(f"vestibule-verify: it could not be read to its end ({type(error).__name__})", file=sys.stderr)
        return EXIT_INCOMPLETE
    except Exception as error:
        # Nothing that an input can hold should come here; if something does, it is said and never taken for sound.
        print(f"vestibule-verify: the evidence is of a form that was not foreseen ({type(error).__name__})")
        return EXIT_CONTRADICTION
    return EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main())
