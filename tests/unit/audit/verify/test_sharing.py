"""Sealed parts checked by other processes: the same report."""

import sqlite3
from dataclasses import replace

import pytest

from audit.verify.log import verify_log


@pytest.fixture
async def log(scene):
    journal = scene.open()
    for _ in range(25):
        await scene.story(journal)
    journal.close()
    return scene


def reports(log, *, keys=True):
    keys_dir = log.keys_dir if keys else None
    return [verify_log(log.directory, log.public_key, keys_dir=keys_dir, jobs=jobs) for jobs in (1, 2)]


def test_the_same_report(log):
    one, two = reports(log)
    assert one.exit_code == 0
    assert one == two
    assert (one.parts_checked, one.seals_compared) == (one.parts_committed, 1)


def test_the_same_findings(log):
    connection = sqlite3.connect(log.directory / "audit.db")
    with connection:
        connection.execute("UPDATE sealed SET ct = zeroblob(50) WHERE idx % 60 = 7")
        connection.execute("DELETE FROM sealed WHERE idx % 60 = 8")
        connection.execute("DELETE FROM chunk WHERE idx > 290")
        connection.execute("INSERT INTO sealed VALUES (-4, 'odd', 'k', x'00'), (100000, 'odd', 'k', x'00')")
        connection.execute("UPDATE chunk SET ct = x'00' WHERE idx < 40")
    connection.close()
    for keys in (True, False):
        one, two = reports(log, keys=keys)
        assert one.exit_code == 1
        assert sorted(map(str, one.problems)) == sorted(map(str, two.problems))
        assert replace(one, problems=()) == replace(two, problems=())
