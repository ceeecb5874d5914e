"""The gateway as a process: asked over ssh, granted over HTTP, used, revoked, stopped, verified."""

from pathlib import Path

import pytest

from drivers.lab.openwrt import OpenWrtRouter
from gateway import exits
from tests.running import LoopThread, RunningGateway


@pytest.fixture
def gateway(tmp_path: Path, lab_router: OpenWrtRouter) -> RunningGateway:
    gateway = RunningGateway(tmp_path)
    gateway.prepare({"alice": "rep", "root": "operator"}, [lab_router.target("home-1")])
    return gateway


def test_the_main_job(gateway: RunningGateway, lab_router: OpenWrtRouter, loop_thread: LoopThread) -> None:
    with gateway:
        refused = gateway.ssh("alice", "home-1", "uptime")
        assert refused.returncode == exits.NOT_PERMITTED
        assert lab_router.received == []

        _, subscriber = gateway.consent(loop_thread, "alice", "home-1")
        done = gateway.ssh("alice", "home-1", "uptime")
        assert done.returncode == 0
        assert b"load average" in done.stdout
        assert [data for _, data in lab_router.received] == [b"uptime\n"]

        denied = gateway.ssh("alice", "home-1", "ssh pi@192.168.1.9")
        assert denied.returncode == exits.REFUSED
        assert denied.stdout == b""
        assert len(lab_router.received) == 1

        loop_thread.run(subscriber.reload())
        loop_thread.run(subscriber.press("/revoke"))
        assert gateway.ssh("alice", "home-1", "uptime").returncode == exits.NOT_PERMITTED
        verified = gateway.vestibule("verify")
    assert verified.returncode == 0, verified.stdout.decode() + verified.stderr.decode()
