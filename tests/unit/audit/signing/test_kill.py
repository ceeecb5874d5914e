"""Killed anywhere between reading its state and giving a signature away, a signer never signs two trees of one size."""

import json
import subprocess
import sys
from pathlib import Path


def test_killed_at_every_line(quick_dir):
    script = Path(__file__).with_name("kill_signer.py")
    done = subprocess.run(
        [sys.executable, str(script), str(quick_dir)],
        capture_output=True,
        timeout=100,
        env={"PYTHONPATH": "."},
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(points) > 60  # as many lines as there are places to die
    for point in points:
        left, fork, true = point["fork first"]
        assert fork + true == 1  # whichever came first, and only that one
        assert not (left and fork)
        left, true, fork = point["true first"]
        assert true
        assert not fork
    assert points[0]["fork first"] == [False, True, False]  # killed before anything was kept
    assert points[-1]["fork first"] == [True, False, True]  # not killed
    kept = [point["fork first"][1] for point in points]
    assert kept == sorted(kept, reverse=True)  # one moment from which the true tree is the only one
