"""What every test may use: Hypothesis profiles, clocks, private directories, real programs or a clear reason."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from config.clock import FakeClock

if TYPE_CHECKING:
    from tests.postgres_server import PostgresServer

# --- Hypothesis: `dev` on a desk, `ci` where CI=true (repeatable), HYPOTHESIS_PROFILE=deep for a long look ------------

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("dev", max_examples=60, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.register_profile("deep", max_examples=10_000, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") == "true" else "dev"))

# --- Suites --------------------------------------------------------------------------------------------------------

_HERE = Path(__file__).resolve().parent
_WITH_REAL_PROGRAMS = (_HERE / "system", _HERE / "real")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in tests/system starts real programs: mark it, so that it runs by itself, one after another."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in _WITH_REAL_PROGRAMS):
            item.add_marker("system")


# --- Real programs ----------------------------------------------------------------------------------------------------

# Daemons live outside an ordinary user's PATH. The system's directories come first: a program of the same name in the
# virtual environment is not the one a customer runs.
_SYSTEM_PATH = "/usr/bin:/usr/sbin:/bin:/sbin:/usr/lib/frr"

DEBIAN_PACKAGE = {
    "ansible-playbook": "ansible",
    "arp": "net-tools",
    "asciinema": "asciinema",
    "brctl": "bridge-utils",
    "bridge": "iproute2",
    "busybox": "busybox-static",
    "dbclient": "dropbear-bin",
    "dig": "bind9-dnsutils",
    "dmesg": "util-linux",
    "dropbear": "dropbear-bin",
    "dropbearkey": "dropbear-bin",
    "free": "procps",
    "host": "bind9-host",
    "ip": "iproute2",
    "ip6tables": "iptables",
    "ip6tables-save": "iptables",
    "iptables-save": "iptables",
    "mtr": "mtr-tiny",
    "netstat": "net-tools",
    "nft": "nftables",
    "ping": "iputils-ping",
    "plink": "putty-tools",
    "ps": "procps",
    "puttygen": "putty-tools",
    "scp": "openssh-client",
    "sftp": "openssh-client",
    "ss": "iproute2",
    "ssh": "openssh-client",
    "ssh-add": "openssh-client",
    "ssh-agent": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "staticd": "frr",
    "strace": "strace",
    "tc": "iproute2",
    "unshare": "util-linux",
    "vtysh": "frr",
    "zebra": "frr",
}


def real_programs_required() -> bool:
    """Whether a missing program is a failure (CI) and not a reason to skip (a desk)."""
    return os.environ.get("CI") == "true" or os.environ.get("VESTIBULE_REQUIRE_REAL") == "1"


def _leave_out(reason: str) -> None:
    if real_programs_required():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def leave_out() -> Callable[[str], None]:
    """`leave_out(reason)`: skip on a desk, fail in CI. For suites that need root or network namespaces."""
    return _leave_out


@pytest.fixture(scope="session")
def require_program() -> Callable[[str], Path]:
    """`require_program("sshd")` gives its path; where it is missing the test is skipped, in CI it fails."""

    def find(name: str) -> Path:
        found = shutil.which(name, path=_SYSTEM_PATH) or shutil.which(name)
        if found is None:
            package = DEBIAN_PACKAGE.get(name, name)
            _leave_out(f"{name} is not installed; on Debian: apt-get install {package}")
            raise AssertionError("unreachable: the test was left out")
        return Path(found)

    return find


@pytest.fixture(scope="session")
def require_root(leave_out: Callable[[str], None]) -> None:
    """For suites that make network namespaces or change owners."""
    if os.geteuid() != 0:
        leave_out("this suite makes network namespaces, which needs root")


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server() -> Iterator["PostgresServer"]:
    """A cluster of this test process, made when the first test wants it."""
    from tests.postgres_server import BINARIES, end_server, start_server

    if not BINARIES:
        _leave_out("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    server = start_server()
    yield server
    end_server(server)


# --- Small things -----------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until it is advanced."""
    return FakeClock()


@pytest.fixture
def private_dir(tmp_path: Path) -> Path:
    """A directory of mode 0700, as keys want it."""
    path = tmp_path / "private"
    path.mkdir(mode=0o700)
    return path
