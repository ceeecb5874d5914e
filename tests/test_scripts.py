"""What the scripts say when something is missing: which suites are left out and how to have them; in CI a failure."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def ordinary_user(tmp_path: Path) -> dict[str, str]:
    """An environment in which we are not root and two packages are not installed."""
    programs = {
        "id": "echo 1000",
        "dpkg-query": 'case "$*" in *frr*|*strace*) exit 1;; *) printf installed;; esac',
        "apt-get": "echo apt-get was called; exit 9",
    }
    for name, body in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "VESTIBULE_REQUIRE_REAL"}}
    return kept | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


def packages(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts/debian-packages"], env=environment, capture_output=True, text=True, check=False
    )


def test_on_a_desk_the_missing_suites_are_named_with_the_remedy(ordinary_user: dict[str, str]):
    done = packages(ordinary_user)
    assert done.returncode == 0
    assert "left out: frr strace" in done.stderr
    assert "apt-get install frr strace" in done.stderr
    assert "apt-get was called" not in done.stdout


def test_in_ci_a_missing_program_is_a_failure(ordinary_user: dict[str, str]):
    done = packages(ordinary_user | {"CI": "true"})
    assert done.returncode == 1
    assert "is a failure" in done.stderr


def test_an_unknown_environment_is_refused():
    done = subprocess.run([ROOT / "scripts/install", "all"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage: scripts/install [runtime|dev]" in done.stderr
