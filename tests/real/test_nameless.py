"""In a container the gateway may run under a number that has no name; it reaches routers all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

SCRIPT = """
import asyncio, os
from drivers.lab import OpenWrtRouter
from drivers.netmiko_batch import fetch_host_key
from drivers.shell_ssh import SshDriver

async def main():
    async with OpenWrtRouter() as router:
        assert await fetch_host_key("127.0.0.1", router.port) == router.host_key
        session = await SshDriver().open(router.target(), "exec")
        await session.close()
        print("reached as", os.getuid())

asyncio.run(main())
"""


def test_a_process_without_a_user_name_reaches_routers(require_program, leave_out):
    words = [require_program("unshare"), "--user", "--map-user=10001"]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        leave_out("user namespaces cannot be made here")
    names = {"LOGNAME", "USER", "LNAME", "USERNAME"}
    done = subprocess.run(
        [*words, sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={name: value for name, value in os.environ.items() if name not in names},
    )
    assert done.stdout == "reached as 10001\n", done.stderr
