"""kill -9 of the gateway under load, again and again: nothing acknowledged is lost, the restart says what it met."""

import random
import subprocess
import threading
import time
from pathlib import Path

import pytest

from drivers.lab.openwrt import OpenWrtRouter
from tests.evidence_checks import (
    commands_without_result,
    ends_of_sessions,
    lookup,
    mark_of,
    marks,
    open_evidence,
    recorded_marks,
)
from tests.running import LoopThread, RunningGateway

ROUNDS = 30
CLIENTS = 3
WAIT_SECONDS = 60.0


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost(tmp_path: Path, lab_router: OpenWrtRouter, loop_thread: LoopThread) -> None:
    gateway = RunningGateway(tmp_path)
    gateway.prepare({"alice": "rep"}, [lab_router.target("home-1")])
    rng = random.Random(9)
    answered: set[str] = set()
    moment = _Moment(lab_router)
    gateway.start()
    gateway.consent(loop_thread, "alice", "home-1", sessions=10_000, minutes=120)
    for number in range(ROUNDS):
        moment.after(rng.randrange(1, 60))
        clients = [_client(gateway, number, client) for client in range(CLIENTS)]
        moment.wait()
        time.sleep(rng.random() * 0.02)
        gateway.kill()
        for client in clients:
            output, _ = client.communicate(timeout=30)
            answered |= marks(output)
        gateway.start()
    assert gateway.stop() == 0

    with open_evidence(gateway) as reader:
        entries = list(reader.entries())
        recorded = recorded_marks(reader, entries)
    assert {mark_of(data) for _, data in lab_router.received} <= recorded, "the router got what the log does not have"
    assert len(answered) > ROUNDS, "there was no load to speak of"
    assert answered <= recorded, "a client saw output of a command that is not recorded"
    assert commands_without_result(entries), "no kill hit a command between intent and result; the load is too light"
    assert ends_of_sessions(entries).count("crash") >= ROUNDS // 2
    verified = gateway.vestibule("verify")
    assert verified.returncode == 0, verified.stdout.decode()


class _Moment:
    """When to kill: as soon as so many of a round's commands have reached the router, however fast the machine is."""

    def __init__(self, router: OpenWrtRouter) -> None:
        self._left = 0
        self._come = threading.Event()
        router.wire.on_received = self._arrived

    def after(self, commands: int) -> None:
        self._come.clear()
        self._left = commands

    def wait(self) -> None:
        assert self._come.wait(WAIT_SECONDS), "the clients did not get as far as sending commands"

    def _arrived(self, data: bytes) -> None:
        if b"example.org" in data:
            self._left -= 1
            if self._left == 0:
                self._come.set()


def _client(gateway: RunningGateway, number: int, client: int) -> "subprocess.Popen[bytes]":
    lines = "".join(lookup(number, client, line) for line in range(300))
    process = subprocess.Popen(
        ["ssh", *gateway.ssh_options("alice"), "home-1@127.0.0.1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(lines.encode())
    process.stdin.flush()
    return process
