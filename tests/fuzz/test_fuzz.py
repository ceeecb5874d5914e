"""The fuzz targets in short: as programs of their own, guided by atheris where it is installed.

A long look: `python tests/fuzz/fuzz_lexers.py -max_total_time=3600 corpus/`.
"""

import os
import resource
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
TARGETS = sorted(HERE.glob("fuzz_*.py"))
RUNS = 4_000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("target", TARGETS, ids=lambda path: path.stem)
def test_a_short_look_finds_nothing(target: Path, tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    for number, text in enumerate(_lines()):
        (seeds / str(number)).write_bytes(bytes([number % 256, 0]) + text.encode("utf-8", "surrogatepass"))
    # Linux counts the peak of the process that started it as its own, and this one may have grown large by now.
    limit = 2048 + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    options = [f"-atheris_runs={RUNS}", "-max_len=512", "-seed=1", f"-rss_limit_mb={limit}"]
    ran = subprocess.run(
        [sys.executable, str(target), *options, str(seeds)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]


def _lines() -> list[str]:
    """Something to begin with: typed lines, and what routers print."""
    rows = yaml.safe_load((HERE.parent / "corpora" / "policy-sample.yaml").read_text(encoding="utf-8"))["rows"]
    return [row["line"] for row in rows]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_time_for_a_byte_of_a_log_format_does_not_grow_with_the_input() -> None:
    """As ratios of the process's own time, so that a busy machine changes nothing."""
    ran = subprocess.run(
        [sys.executable, str(HERE / "fuzz_tlog.py"), "--growth"],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]


def test_there_is_guidance_where_it_is_to_be_had() -> None:
    if sys.platform == "linux" and os.uname().machine == "x86_64" and sys.version_info < (3, 14):
        assert find_spec("atheris") is not None, "run scripts/install dev"
