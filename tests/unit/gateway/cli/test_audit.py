"""`vestibule audit fsck` and `audit mirror`: this gateway's log, copies of it, mirrors, and what they exit with."""

import shutil

import pytest

from audit.publish.seals import seals_in
from audit.stores.sqlite import open_reader
from audit.tlog.note import parse_note
from gateway import exits


@pytest.fixture
def own(evidence):
    return ("--config", str(evidence.config))


@pytest.fixture
def copy(evidence, tmp_path):
    there = tmp_path / "copy"
    shutil.copytree(evidence.data_dir, there)
    return there


@pytest.fixture
def key(evidence):
    return ("--key", evidence.data_dir / "keys/log.pub")


def widest(folder):
    """The partial tile that the newest checkpoint needs."""
    return max(folder.iterdir(), key=lambda path: int(path.name))


def test_this_gateways_log_is_whole(vestibule, own):
    shown = vestibule("audit", "fsck", *own)
    assert (shown.status, shown.out.splitlines()[-1]) == (0, "whole: what is published is what was signed")
    assert "compared, entry by entry" in shown.out
    found = vestibule("audit", "fsck", *own, "--json").json
    assert (found["exit"], found["compared"], found["findings"]) == (0, True, [])
    assert found["entries"] == found["size"] >= 5


def test_copies_and_urls(vestibule, copy, key):
    published = copy / "evidence/log"
    for where in (copy, copy / "evidence", published, published.as_uri()):
        assert vestibule("audit", "fsck", where, *key).status == 0
    found = vestibule("audit", "fsck", published.as_uri(), *key, "--json").json
    assert found["compared"] is False


def test_what_was_changed_and_what_is_missing(vestibule, copy, key):
    bundle = widest(copy / "evidence/log/tile/entries/000.p")
    data = bundle.read_bytes()
    bundle.unlink()
    shown = vestibule("audit", "fsck", copy, *key)
    assert (shown.status, shown.out.splitlines()[-1]) == (
        exits.INCOMPLETE,
        "INCOMPLETE: not all that is needed is published",
    )
    bundle.write_bytes(data.replace(b"log.start", b"log.stort"))
    shown = vestibule("audit", "fsck", copy, *key)
    assert shown.status == exits.FAILED
    assert "tile/entries/000.p/" in shown.out


def test_it_cannot_begin(vestibule, tmp_path, copy, key):
    (tmp_path / "empty").mkdir()
    for arguments in (
        ("audit", "fsck", tmp_path / "empty", *key),
        ("audit", "fsck", tmp_path / "nowhere", *key),
        ("audit", "fsck", "http://127.0.0.1:9/", *key),
        ("audit", "fsck", copy, "--key", tmp_path / "no.pub"),
        ("audit", "fsck", "--no-such-option"),
        ("audit", "mirror", "http://127.0.0.1:9/", "--from", copy, *key),
    ):
        shown = vestibule(*arguments)
        assert (shown.status, shown.out) == (exits.UNVERIFIABLE, ""), arguments
        assert shown.err.endswith((".\n", "?\n"))


def test_a_mirror_goes_on_and_is_a_log(vestibule, evidence, copy, key, tmp_path):
    mirror = tmp_path / "mirror"
    for _ in range(2):
        shown = vestibule("audit", "mirror", mirror, "--from", copy, *key)
        assert shown.status == 0
        assert "all recomputed" in shown.out
    assert vestibule("audit", "fsck", mirror, *key).status == 0
    found = vestibule("audit", "mirror", (tmp_path / "objects").as_uri(), "--from", mirror, *key, "--json").json
    assert (found["exit"], found["before"], found["cosigned"]) == (0, 0, False)


def test_a_mirror_of_something_else_is_refused(vestibule, copy, key, tmp_path):
    mirror = tmp_path / "mirror"
    assert vestibule("audit", "mirror", mirror, "--from", copy, *key).status == 0
    tile = widest(copy / "evidence/log/tile/0/000.p")
    tile.write_bytes(bytes(len(tile.read_bytes())))
    shown = vestibule("audit", "mirror", tmp_path / "other", "--from", copy, *key)
    assert shown.status == exits.FAILED
    assert not (tmp_path / "other/checkpoint").exists()
    tile.unlink()
    assert vestibule("audit", "mirror", tmp_path / "other", "--from", copy, *key).status == exits.INCOMPLETE


def test_a_mirror_cosigns_with_keys_of_its_own(vestibule, copy, key, tmp_path):
    witness = tmp_path / "witness"
    assert vestibule("witness", "init", "--data", witness, "--name", "mirror.example/1").status == 0
    for _ in range(2):
        done = vestibule("audit", "mirror", tmp_path / "mirror", "--from", copy, *key, "--cosign", witness, "--json")
        assert (done.status, done.json["cosigned"]) == (0, True)
    names = [signature.name for signature in parse_note((tmp_path / "mirror/checkpoint").read_bytes()).signatures]
    assert names[-1] == "mirror.example/1"
    assert names.count("mirror.example/1") == 1


def test_sealed_objects_go_along(vestibule, sealed_log, tmp_path):
    directory, key = sealed_log
    done = vestibule("audit", "mirror", tmp_path / "mirror", "--from", directory, "--key", key, "--json")
    assert (done.status, done.json["sealed"], done.json["unsealed"]) == (0, 2, [])
    assert sorted(path.name for path in (tmp_path / "mirror/sealed").iterdir()) == ["000", "001"]
    found = vestibule("audit", "fsck", tmp_path / "mirror", "--key", key, "--json").json
    assert (found["exit"], found["sealed"]) == (0, 2)
    (tmp_path / "mirror/sealed/001").write_bytes(b"changed")
    assert vestibule("audit", "fsck", tmp_path / "mirror", "--key", key).status == exits.FAILED
    (tmp_path / "mirror/sealed/001").unlink()
    assert vestibule("audit", "fsck", tmp_path / "mirror", "--key", key).status == exits.INCOMPLETE
    assert vestibule("audit", "mirror", tmp_path / "mirror", "--from", directory, "--key", key).status == 0


@pytest.fixture
async def sealed_log(tmp_path):
    """Two closed ranges, sealed, and the seals under the checkpoint."""
    from audit.entry import Kind, NewEntry
    from audit.journal import Journal
    from config.clock import FakeClock

    directory, keys = tmp_path / "log/evidence", tmp_path / "log/keys"
    journal = Journal.open(directory, keys_dir=keys, origin="logs.isp", clock=FakeClock())
    for count in (600, 1):
        noise = [NewEntry(kind=Kind.AUTH_OK, sealed={"who": {"user": "alice"}}) for _ in range(count)]
        for future in [journal.append_later(entry) for entry in noise]:
            future.result()
        await journal.checkpoint()
    journal.close()
    reader = open_reader(directory)
    assert set(seals_in(reader)) == {0, 1}
    reader.close()
    return directory, keys / "log.pub"
