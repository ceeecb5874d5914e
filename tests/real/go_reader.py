"""The Go implementation of transparency logs as a reader of ours: built once a run from tests/real/gomod.

`go_reader(directory, verifier_key)` reads a published log with golang.org/x/mod/sumdb; see main.go for what it checks.
"""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

GOPATH = Path("/usr/share/gocode")
MODULE = GOPATH / "src/golang.org/x/mod/sumdb/tlog"
SOURCE = Path(__file__).parent / "gomod"

GoReader = Callable[[Path, str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def go_reader(
    require_program: Callable[[str], Path],
    leave_out: Callable[[str], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> GoReader:
    """Reads a log; return code 0 and a line of counts, or 1 and the reason on stderr."""
    go = require_program("go")
    if not MODULE.is_dir():
        leave_out("golang.org/x/mod is not installed; on Debian: apt-get install golang-golang-x-mod-dev")
    directory = tmp_path_factory.mktemp("go")
    binary = directory / "read"
    subprocess.run(
        [str(go), "build", "-o", str(binary), "."],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("GO")},
            "GO111MODULE": "off",
            "GOPATH": str(GOPATH),
            "GOCACHE": str(directory / "cache"),
            "CGO_ENABLED": "0",
        },
        cwd=SOURCE,
        check=True,
        timeout=300,
    )

    def read(log: Path, key: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(binary), str(log), key], capture_output=True, text=True, timeout=60, check=False, encoding="utf-8"
        )

    return read
