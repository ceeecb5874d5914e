"""pytest fixtures that start real programs once a run: FRR behind sshd, dropbear with BusyBox, a plain sshd.

A conftest imports what it needs: `from tests.real.fixtures import dropbear_box, frr_router, plain_sshd`. They build on
`require_program` and `require_root` of `tests/conftest.py`: what is missing skips a test on a desk and fails it in CI.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real.dropbear import DropbearBox, start_dropbear
from tests.real.frr import start_frr
from tests.real.ground import Ground, RealRouter
from tests.real.openssh import start_sshd

RequireProgram = Callable[[str], Path]


@pytest.fixture(scope="session")
def namespaces(require_root: None, require_program: RequireProgram, leave_out: Callable[[str], None]) -> None:
    """Network namespaces with virtual cables can be made here."""
    require_program("ip")
    with Ground() as ground:
        try:
            probe = ground.namespace(f"vst-probe-{ground.tag}")
            ground.inside(probe, "ip", "link", "add", "probe0", "type", "veth", "peer", "name", "probe1")
        except RuntimeError as error:
            leave_out(f"network namespaces cannot be made here: {error}")


@pytest.fixture(scope="session")
def frr_router(namespaces: None, require_program: RequireProgram) -> Iterator[RealRouter]:
    """FRR with vtysh as the login shell behind OpenSSH; platform `frr`."""
    require_program("ssh-keygen")
    with Ground() as ground:
        yield start_frr(ground, require_program)


@pytest.fixture(scope="session")
def dropbear_box(namespaces: None, require_program: RequireProgram) -> Iterator[DropbearBox]:
    """dropbear with BusyBox ash, and a home host behind it; platform `openwrt`."""
    for program in ("ssh-keygen", "dropbearkey", "unshare", "ldd"):
        require_program(program)
    with Ground() as ground:
        yield start_dropbear(ground, require_program)


@pytest.fixture(scope="session")
def plain_sshd(require_program: RequireProgram) -> Iterator[RealRouter]:
    """OpenSSH with the user's own shell; platform `linux`. Runs without root too."""
    sshd = require_program("sshd")
    require_program("ssh-keygen")
    with Ground() as ground:
        yield start_sshd(ground, sshd=sshd, name="plain-1", platform="linux")
