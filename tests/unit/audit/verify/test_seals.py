"""Seals are held against the ciphertext that is stored, without keys."""

import base64
import hashlib
from datetime import UTC, datetime

from audit.entry import Kind
from audit.leaf import Head
from audit.publish.sealed import SealedObjects
from audit.stores.sqlite import open_reader
from audit.verify.log import verify_log
from audit.verify.seals import SealCheck


def seal(number, digest):
    facts = {"from": 256 * number, "to": 256 * number + 255, "sha256": base64.b64encode(digest).decode()}
    return Head(
        kind=Kind.INTEGRITY_SEAL, time=datetime(2026, 1, 1, tzinfo=UTC), monotonic_ns=1, worker="main/1", facts=facts
    )


def fed(parts, erased=None):
    check = SealCheck()
    for index in range(256):
        check.take(index, parts.get(index, ()), erased if index == 9 else None)
    return check


def test_frames_in_order():
    check = fed({3: (b"a", b"bb"), 200: (b"",)})
    wanted = hashlib.sha256(b"\0\0\0\1a\0\0\0\2bb\0\0\0\0").digest()
    check.seal(300, seal(0, wanted))
    assert list(check.findings()) == []
    assert check.compared == 1


def test_another_ciphertext():
    check = fed({3: (b"a",)})
    check.seal(300, seal(0, bytes(32)))
    assert [index for index, _ in check.findings()] == [300]
    check.seal(301, seal(7, bytes(32)))
    assert [index for index, _ in check.findings()] == [300, 301]


def test_erased_since_is_not_held_against_it():
    check = fed({3: (b"",)}, erased=350)
    check.seal(300, seal(0, bytes(32)))
    assert list(check.findings()) == []
    check.seal(400, seal(0, bytes(32)))  # sealed anew after it: then it must fit
    assert [index for index, _ in check.findings()] == [400]


async def test_a_log_that_sealed_itself(scene):
    journal = scene.open()
    for _ in range(22):
        await scene.story(journal)
    await journal.checkpoint()
    journal.close()
    journal = scene.open()
    await journal.checkpoint()
    journal.close()
    report = verify_log(scene.directory, scene.public_key)
    assert (report.exit_code, report.seals_compared) == (0, 1)
    reader = open_reader(scene.directory)
    digest = hashlib.sha256(SealedObjects(reader).get(0)).digest()
    reader.close()
    assert len(digest) == 32
