"""A campaign against a small log: every change of its content must be found, where possible without keys too.

Rows are changed one at a time and in every table; pages of the file are changed byte by byte. What changes nothing that
can be read (unused space of a page) may stay unnoticed, but then every row must still be what it was.
"""

import asyncio
import random
import shutil
import sqlite3

import pytest

from audit.entry import Kind, NewEntry
from audit.verify.log import verify_log


@pytest.fixture
def sound(scene):
    """A closed log with two sessions, a revocation and a restart."""

    async def write():
        journal = scene.open()
        _, consent = await scene.story(journal, commands=2)
        await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent, retention="consent"))
        journal.close()
        journal = scene.open()
        await scene.story(journal, commands=1)
        await journal.append(NewEntry(kind=Kind.AUTH_FAIL, sealed={"who": {"source": "192.0.2.9"}}))
        await journal.append(NewEntry(kind=Kind.AUTH_FAIL, sealed={"who": {"source": "192.0.2.9"}}))
        journal.close()

    asyncio.run(write())
    for leftover in scene.directory.glob("*-shm"):
        leftover.unlink()
    assert verify(scene, scene.directory).exit_code == 0
    return scene


def verify(scene, directory, *, keys=True):
    return verify_log(directory, scene.public_key, keys_dir=scene.keys_dir if keys else None)


class Copies:
    """Makes a copy of the log, lets it be changed, verifies it."""

    def __init__(self, scene, root):
        self.scene = scene
        self.root = root
        self.made = 0

    def changed(self, *statements, keys=True):
        """The report on a copy after these SQL statements."""
        copy = self._copy()
        connection = sqlite3.connect(copy / "audit.db", isolation_level=None)
        for statement, *values in statements:
            assert connection.execute(statement, values).rowcount != 0, statement
        connection.close()
        return verify(self.scene, copy, keys=keys)

    def written(self, name, data):
        """The report on a copy with this file replaced."""
        copy = self._copy()
        (copy / name).write_bytes(data)
        return copy, verify(self.scene, copy)

    def _copy(self):
        self.made += 1
        copy = self.root / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.scene.directory, copy)
        return copy


@pytest.fixture
def copies(sound, quick_dir):
    return Copies(sound, quick_dir)


def rows(scene, sql):
    connection = sqlite3.connect(scene.directory / "audit.db")
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def flipped(value, randomness):
    at = randomness.randrange(len(value))
    return value[:at] + bytes([value[at] ^ (1 << randomness.randrange(8))]) + value[at + 1 :]


def test_a_flipped_bit_in_any_head_hash_part_or_chunk(sound, copies):
    randomness = random.Random(1)
    places = [("entry", "head", "idx"), ("entry", "leaf", "idx"), ("sealed", "ct", "rowid"), ("chunk", "ct", "rowid")]
    for table, column, _ in places:
        key = "idx || comp" if table == "sealed" else "rowid"
        for name, value in rows(sound, f"SELECT {key}, {column} FROM {table}"):
            for _ in range(3):
                sql = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"
                report = copies.changed((sql, flipped(value, randomness), name))
                assert report.exit_code == 1, (table, column, name)
    assert copies.made > 200


def test_heads_and_chunks_need_no_key_to_be_checked(sound, copies):
    randomness = random.Random(2)
    for table, column in (("entry", "head"), ("entry", "leaf"), ("chunk", "ct")):
        for name, value in rows(sound, f"SELECT rowid, {column} FROM {table}")[::4]:
            sql = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
            assert copies.changed((sql, flipped(value, randomness), name), keys=False).exit_code == 1


def test_a_deleted_row_of_any_table(sound, copies):
    for table, key in (
        ("entry", "idx"),
        ("chunk", "rowid"),
        ("sealed", "idx || comp"),
        ("session", "session"),
        ("consent_end", "cr"),
        ("frontier", "one"),
        ("meta", "key"),
    ):
        for (name,) in rows(sound, f"SELECT {key} FROM {table}"):
            report = copies.changed((f"DELETE FROM {table} WHERE {key} = ?", name))
            # A part or chunk that is gone is missing; everything else contradicts the rest. The checkpoint in the
            # database is a copy of the file.
            expected = {2} if table in ("sealed", "chunk") else {0} if name == "checkpoint" else {1}
            assert report.exit_code in expected, (table, name)


def test_a_truncated_log(sound, copies):
    size = rows(sound, "SELECT count(*) FROM entry")[0][0]
    for keep in range(size):
        report = copies.changed(("DELETE FROM entry WHERE idx >= ?", keep))
        assert report.exit_code == 1, keep


def test_two_entries_swapped(sound, copies):
    size = rows(sound, "SELECT count(*) FROM entry")[0][0]
    for low in range(size - 1):
        for high in {low + 1, size - 1} - {low}:
            report = copies.changed(
                ("UPDATE entry SET idx = -1 WHERE idx = ?", low),
                ("UPDATE entry SET idx = ? WHERE idx = ?", low, high),
                ("UPDATE entry SET idx = ? WHERE idx = -1", high),
            )
            assert report.exit_code == 1, (low, high)


def test_an_entry_repeated_or_invented(sound, copies):
    size = rows(sound, "SELECT count(*) FROM entry")[0][0]
    insert = "INSERT INTO entry SELECT ?, head, leaf, s, cr FROM entry WHERE idx = ?"
    for source in range(size):
        assert copies.changed((insert, size, source)).exit_code == 1, source
    for index in (-1, size + 5, 1 << 60):
        assert copies.changed((insert, index, 3)).exit_code == 1, index


def test_sealed_parts_swapped_renamed_invented(sound, copies):
    parts = rows(sound, "SELECT idx, comp FROM sealed")
    swap = "UPDATE sealed SET ct = (SELECT ct FROM sealed WHERE idx = ? AND comp = ?) WHERE idx = ? AND comp = ?"
    for (first, one), (second, two) in zip(parts, parts[1:] + parts[:1], strict=True):
        assert copies.changed((swap, first, one, second, two)).exit_code == 1, (first, one)
    for index, compartment in parts:
        where = "WHERE idx = ? AND comp = ?"
        assert copies.changed((f"UPDATE sealed SET ks = 'other' {where}", index, compartment)).exit_code == 1
        assert copies.changed((f"UPDATE sealed SET comp = 'out2' {where}", index, compartment)).exit_code == 1
    for index in (-5, 0, 4, 1 << 60):
        report = copies.changed(("INSERT INTO sealed VALUES (?, 'odd', 'k', x'00')", index), keys=False)
        assert report.exit_code == 1, index


def test_chunks_swapped_renamed_invented(copies):
    for statement in (
        "UPDATE chunk SET ct = (SELECT ct FROM chunk ORDER BY rowid LIMIT 1) WHERE no = 1",
        "UPDATE chunk SET no = no + 10",
        "UPDATE chunk SET idx = 1 WHERE no = 0",
        "UPDATE chunk SET session = 'other' WHERE no = 0 AND idx = (SELECT min(idx) FROM chunk)",
        "INSERT INTO chunk SELECT session, 99, idx, ct FROM chunk LIMIT 1",
        "INSERT INTO chunk SELECT session, 99, 1 << 60, ct FROM chunk LIMIT 1",
    ):
        assert copies.changed((statement,), keys=False).exit_code == 1, statement


def test_look_up_columns_and_derived_tables(copies):
    for statement in (
        "UPDATE entry SET s = NULL WHERE idx = 4",
        "UPDATE entry SET s = 'other' WHERE idx = 4",
        "UPDATE entry SET cr = 'other' WHERE idx = 1",
        "UPDATE entry SET cr = NULL WHERE idx = 1",
        "UPDATE session SET state = 'open' WHERE first = (SELECT min(first) FROM session)",
        "UPDATE session SET cr = 'other'",
        "UPDATE session SET first = first + 1",
        "INSERT INTO session VALUES ('other', 'closed', NULL, 3)",
        "UPDATE consent_end SET reason = 'expired'",
        "UPDATE consent_end SET idx = idx + 1",
        "INSERT INTO consent_end VALUES ('other', 'revoked', 3)",
        "UPDATE frontier SET size = size + 0, nodes = zeroblob(length(nodes))",
        "UPDATE meta SET value = 'logs.isp/other' WHERE key = 'origin'",
        # A character of the signature, whichever it is: not every checkpoint has an A.
        (
            "UPDATE meta SET value = substr(value, 1, length(value) - 8)"
            " || CASE substr(value, -8, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(value, -7) WHERE key = 'checkpoint'"
        ),
    ):
        assert copies.changed((statement,), keys=False).exit_code == 1, statement


def test_every_byte_of_the_checkpoint(sound, copies):
    note = (sound.directory / "checkpoint").read_bytes()
    randomness = random.Random(3)
    for at in range(0, len(note), 3):
        data = note[:at] + bytes([note[at] ^ (1 << randomness.randrange(8))]) + note[at + 1 :]
        assert copies.written("checkpoint", data)[1].exit_code == 1, at
    for cut in (0, 10, len(note) - 1):
        assert copies.written("checkpoint", note[:cut])[1].exit_code == 1


def content(directory):
    connection = sqlite3.connect(f"file:{directory / 'audit.db'}?mode=ro", uri=True)
    tables = ("entry", "sealed", "chunk", "session", "consent_end", "frontier", "meta")
    found = {name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in tables}
    connection.close()
    return found


def test_bytes_of_the_database_file(sound, copies):
    """Random bytes anywhere: found, or nothing that can be read has changed."""
    data = (sound.directory / "audit.db").read_bytes()
    before, randomness, unnoticed = content(sound.directory), random.Random(4), 0
    for _ in range(250):
        copy, report = copies.written("audit.db", flipped(data, randomness))
        if report.exit_code == 0:
            unnoticed += 1
            assert content(copy) == before
    for cut in (0, 100, 4096, len(data) // 2, len(data) - 4096):
        assert copies.written("audit.db", data[:cut])[1].exit_code == 1, cut
    assert unnoticed < 230


def test_keys_that_were_changed(sound, copies):
    data = (sound.directory / "keys.db").read_bytes()
    used = set(rows(sound, "SELECT DISTINCT ks, comp FROM sealed"))
    connection = sqlite3.connect(sound.directory / "keys.db")
    keys = connection.execute("SELECT ks, comp, wrapped FROM dek").fetchall()
    connection.close()
    wrapped = [key for key_set, compartment, key in keys if compartment == "rec" or (key_set, compartment) in used]
    assert len(wrapped) > 8
    for key in wrapped:
        at = data.index(key) + 5
        _, report = copies.written("keys.db", data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert report.exit_code == 2
