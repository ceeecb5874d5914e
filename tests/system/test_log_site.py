"""The published log of a running gateway: read over HTTP as it grows, delivered elsewhere, refused once forged."""

from contextlib import closing
from pathlib import Path

import httpx
import pytest

from audit.entry import Kind
from audit.publish.fsck import fsck
from audit.publish.source import HttpTiles, open_source
from audit.reader import EvidenceReader
from audit.tlog.checkpoint import open_checkpoint
from audit.tlog.note import VerifierKey
from audit.tlog.tiles import TileTree
from config.settings import LogSiteSettings
from drivers.lab.openwrt import OpenWrtRouter
from gateway import exits
from tests.real.ground import free_port
from tests.running import LoopThread, RunningGateway, wait_for


@pytest.fixture
def gateway(tmp_path: Path, lab_router: OpenWrtRouter) -> RunningGateway:
    gateway = RunningGateway(tmp_path)
    evidence = gateway.settings.evidence.model_copy(update={"objects_url": (tmp_path / "objects").as_uri()})
    site = LogSiteSettings(port=free_port())
    gateway.settings = gateway.settings.model_copy(update={"log_site": site, "evidence": evidence})
    gateway.prepare({"alice": "rep", "root": "operator"}, [lab_router.target("home-1")])
    return gateway


def test_the_published_log(gateway: RunningGateway, lab_router: OpenWrtRouter, loop_thread: LoopThread) -> None:
    key = VerifierKey.parse((gateway.settings.keys_dir / "log.pub").read_text().strip())
    with gateway:
        url = f"http://127.0.0.1:{gateway.settings.log_site.port}"
        gateway.consent(loop_thread, "alice", "home-1")
        assert gateway.ssh("alice", "home-1", "uptime").returncode == 0
        with closing(HttpTiles(url)) as source:

            def published() -> int:
                note = source.get("checkpoint")
                return 0 if note is None else open_checkpoint(note, key).size

            wait_for(lambda: published() == _size_once_quiet(gateway))
            note = source.get("checkpoint")
            assert note is not None
            checkpoint = open_checkpoint(note, key)
            tree = TileTree(checkpoint, lambda path: source.get(path) or _missing(path))
            assert len(tree.bundle(0)) == checkpoint.size > 5
            report = fsck(source, key)
            assert (report.exit_code, report.findings) == (0, ())
        assert gateway.vestibule("audit", "fsck").returncode == 0
        assert gateway.vestibule("audit", "fsck", url).returncode == 0
        heads = httpx.get(f"{url}/tile/entries/000.p/{checkpoint.size}").content
        assert b"uptime" not in heads
        assert b"alice" not in heads
        assert httpx.get(f"{url}/sealed/000").status_code == 404
    delivered = fsck(open_source((gateway.directory / "objects").as_uri()), key)
    assert delivered.exit_code == 0
    assert delivered.size >= report.size

    forged = max((gateway.settings.evidence_dir / "log/tile/entries/000.p").iterdir(), key=lambda path: int(path.name))
    forged.write_bytes(forged.read_bytes().replace(b"cmd.intent", b"cmd.denied"))
    refused = gateway.vestibule("serve")
    assert refused.returncode == exits.UNVERIFIABLE
    assert b"is not what the log holds" in refused.stderr
    assert gateway.vestibule("log").returncode == 0  # it can still be read
    assert gateway.vestibule("audit", "fsck").returncode == exits.FAILED


def _size_once_quiet(gateway: RunningGateway) -> int:
    """How many entries there are, if the session's last one is among them; else none."""
    with closing(EvidenceReader.open(gateway.settings.evidence_dir)) as reader:
        return reader.size if any(entry.kind is Kind.SESSION_CLOSED for entry in reader.entries()) else -1


def _missing(path: str) -> bytes:
    raise LookupError(path)
