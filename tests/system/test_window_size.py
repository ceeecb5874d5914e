"""A rep makes the window larger in the middle of a session, with unmodified ssh: recorded, played and verified."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from audit.reader import EvidenceReader
from audit.recording.cast import Event, parse_v3
from audit.recording.library import read_recording
from audit.recording.segments import index, segment, timeline
from drivers.lab.openwrt import OpenWrtRouter
from tests.running import LoopThread, RunningGateway
from tests.system.ways import AtTerminal, through

pytestmark = pytest.mark.system


def test_a_window_changes_its_size(tmp_path: Path, lab_router: OpenWrtRouter, loop_thread: LoopThread) -> None:
    gateway = RunningGateway(tmp_path)
    gateway.prepare({"alice": "rep", "root": "operator"}, [lab_router.target("home-1")])
    with gateway:
        gateway.consent(loop_thread, "alice", "home-1")
        words = through(gateway, "alice", "home-1").ssh("-tt", "-e", "none")
        with AtTerminal(words, columns=90, rows=30) as terminal:
            terminal.until(r"# \Z")
            terminal.type("uptime\r")
            terminal.until(r"load average(.|\s)*# \Z")
            terminal.resize(132, 50)
            terminal.pause(0.5)
            terminal.type("uptime\r")
            terminal.until(r"load average(.|\s)*# \Z")
            terminal.type("exit\r")
            terminal.to_the_end()

        with closing(EvidenceReader.open(gateway.settings.evidence_dir, gateway.settings.keys_dir)) as reader:
            (summary,) = reader.sessions()
            recording = read_recording(reader, summary.session)
            events = [one for one in recording.moments() if isinstance(one, Event)]
            shown = segment(recording, timeline(recording), 0)
            made = index(recording, timeline(recording), [], "{}")
        assert (recording.header.width, recording.header.height) == (90, 30)
        order = [f"{one.code} {one.data}" for one in events if one.code in {"i", "r"}]
        changes = [one for at, one in enumerate(order) if one.startswith("i") or one not in order[:at]]
        assert changes == ["i uptime", "r 132x50", "i uptime", "i exit"], order
        assert made["term"] == {"cols": 90, "rows": 30}
        assert shown is not None
        assert "132x50" in [data for _, code, data in shown["events"] if code == "r"], "the page's player is told"

        exported = gateway.vestibule(
            "replay", summary.session, "--export", "cast", "--cast-version", "3", "--reason", "test"
        )
        assert exported.returncode == 0, exported.stderr
        items = parse_v3(exported.stdout.decode()).items
        assert "132x50" in [one.data for one in items if isinstance(one, Event) and one.code == "r"]
        older = gateway.vestibule("replay", summary.session, "--export", "cast", "--reason", "test").stdout.decode()
        assert ["r", "132x50"] in [json.loads(line)[1:] for line in older.splitlines()[1:]]
        played = gateway.vestibule("replay", summary.session, "--speed", "max", "--reason", "test")
        assert played.returncode == 0, played.stderr
        assert played.stdout.count(b"load average") == 2
        verified = gateway.vestibule("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
