"""kill -9 of the gateway under load, again and again: nothing acknowledged is lost, the restart says what it met."""

import random
import re
import subprocess
import time
from pathlib import Path

import pytest

from audit.entry import Kind
from audit.reader import EvidenceReader, StoredEntry
from drivers.lab.openwrt import OpenWrtRouter
from tests.running import LoopThread, RunningGateway

ROUNDS = 30
CLIENTS = 3


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost(tmp_path: Path, lab_router: OpenWrtRouter, loop_thread: LoopThread) -> None:
    gateway = RunningGateway(tmp_path)
    gateway.prepare({"alice": "rep"}, [lab_router.target("home-1")])
    rng = random.Random(9)
    answered: set[str] = set()
    gateway.start()
    gateway.consent(loop_thread, "alice", "home-1", sessions=10_000, minutes=120)
    for number in range(ROUNDS):
        clients = [_client(gateway, number, client) for client in range(CLIENTS)]
        time.sleep(0.5 + rng.random() * 0.8)
        gateway.kill()
        for client in clients:
            output, _ = client.communicate(timeout=30)
            answered |= {name.decode() for name in re.findall(rb"\b(h[0-9x]+)\.example\.org: NXDOMAIN", output)}
        gateway.start()
    assert gateway.stop() == 0

    with _reader(gateway) as reader:
        entries = list(reader.entries())
        recorded = {_name(reader, entry): entry for entry in entries if entry.kind is Kind.CMD_INTENT}
    received = {_word(data) for _, data in lab_router.received}
    assert len(received) > ROUNDS, "there was no load to speak of"
    assert received <= set(recorded), "the router got what the log does not have"
    assert answered, "no client saw an answer"
    assert answered <= set(recorded), "a client saw output of a command that is not recorded"
    _every_intent_is_accounted_for(entries)
    _every_session_is_closed(entries)
    verified = gateway.vestibule("verify")
    assert verified.returncode == 0, verified.stdout.decode()


def _client(gateway: RunningGateway, number: int, client: int) -> "subprocess.Popen[bytes]":
    lines = "".join(f"nslookup h{number}x{client}x{line}.example.org\n" for line in range(300))
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


def _reader(gateway: RunningGateway):
    import contextlib

    return contextlib.closing(EvidenceReader.open(gateway.settings.evidence_dir, gateway.settings.keys_dir))


def _name(reader: EvidenceReader, entry: StoredEntry) -> str:
    return _word(str(reader.sealed(entry.index, "act")["canonical"]).encode())


def _word(wire: bytes) -> str:
    """The unique part of a command, or the whole of one that is the gateway's own."""
    found = re.search(rb"(h\d+x\d+x\d+)\.example\.org", wire)
    return (found[1] if found else wire.strip()).decode()


def _every_intent_is_accounted_for(entries: list[StoredEntry]) -> None:
    intents = {(e.session, e.n) for e in entries if e.kind is Kind.CMD_INTENT}
    results = {(e.session, e.facts["of"]) for e in entries if e.kind is Kind.CMD_RESULT}
    unknown = {(e.session, e.facts["of"]) for e in entries if e.kind is Kind.CMD_UNKNOWN}
    assert intents == results | unknown
    assert not results & unknown
    assert unknown, "no kill hit a command between intent and result; the load is too light to prove anything"


def _every_session_is_closed(entries: list[StoredEntry]) -> None:
    opened = {e.session for e in entries if e.kind is Kind.SESSION_OPENED}
    closed = {e.session: e.facts["reason"] for e in entries if e.kind is Kind.SESSION_CLOSED}
    assert opened <= set(closed)
    assert sum(reason == "crash" for reason in closed.values()) >= ROUNDS // 2
