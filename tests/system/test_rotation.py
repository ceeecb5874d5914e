"""The log of a real gateway is ended and another begun, over the command line: two persons, crashes, both logs."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from config.ids import new_id
from gateway import assembly
from gateway.access.identity import Principal
from tests.running import RunningGateway

pytestmark = pytest.mark.system


@pytest.fixture
def gateway(tmp_path):
    made = RunningGateway(tmp_path)
    made.prepare({"root": "operator"}, [])
    return made


def said(done):
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def approved(gateway):
    """One asks at the machine."""
    asked = said(gateway.vestibule("audit", "ask-rotation", "--reason", "the tapes", "--json"))["approval"]
    assert gateway.vestibule("approval", "approve", asked).returncode != 0, "not alone"
    return asked


async def second_person(gateway, approval):
    """The second person sits at the same machine under another user id, which the test cannot have."""
    house = await assembly.House.open(gateway.settings)
    try:
        await house.custody.approvals.approve(
            approval, Principal(id=new_id(), name="sue", role="supervisor", alias="Sue")
        )
    finally:
        await house.stop("test")


def rotate(gateway, *words):
    return gateway.vestibule("audit", "rotate", *words, "--json")


def test_from_one_log_to_the_next(gateway):
    with gateway:
        approval = approved(gateway)
        assert rotate(gateway, approval).returncode != 0, "it runs"
        status = gateway.vestibule("status", "--json")
        assert json.loads(status.stdout)["approvals"] == 1, status.stderr
    assert rotate(gateway, approval).returncode == 77, "one person is not enough"
    asyncio.run(second_person(gateway, approval))
    done = said(rotate(gateway, approval))
    archive = done["archive"]
    for words in (("verify", archive), ("verify",)):
        verified = gateway.vestibule(*words)
        assert verified.returncode == 0, verified.stdout + verified.stderr
    (last,) = said(gateway.vestibule("log", "--dir", archive, "--last", "1", "--json"))
    assert last["facts"]["to"] == done["new"]
    assert last["facts"]["approval"] == approval
    first = said(gateway.vestibule("log", "--json"))[0]
    assert (first["facts"]["from"], first["facts"]["size"]) == (done["old"], done["entries"])
    assert rotate(gateway, approval).returncode != 0, "once"
    with gateway:
        assert json.loads(gateway.vestibule("status", "--json").stdout)["origin"] == done["new"]
    assert gateway.vestibule("verify").returncode == 0


@pytest.mark.parametrize("sign", ["rotation.json", "rotation/evidence/audit.db", "archive"])
def test_killed_somewhere_and_finished(gateway, sign):
    """Wherever the process dies: a gateway does not start in between, and the same command finishes it."""
    with gateway:
        approval = approved(gateway)
    asyncio.run(second_person(gateway, approval))
    command = [sys.executable, "-m", "gateway", "audit", "rotate", approval, "--config", str(gateway.config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (gateway.settings.data_dir / sign).exists() and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    if (gateway.settings.data_dir / "rotation.json").exists():
        refused = gateway.vestibule("serve")
        assert refused.returncode == 78, refused.stderr
        assert b"audit rotate" in refused.stderr
        done = rotate(gateway)
    else:
        done = rotate(gateway, approval)
    if done.returncode:  # it had come to its end before it was killed
        assert done.returncode == 77, done.stderr
    assert not (gateway.settings.data_dir / "rotation.json").exists()
    (archive,) = (gateway.settings.data_dir / "archive").iterdir()
    for words in (("verify", str(archive)), ("verify",)):
        verified = gateway.vestibule(*words)
        assert verified.returncode == 0, verified.stdout + verified.stderr
    with gateway:
        pass


def test_to_a_signer_of_its_own(gateway, tmp_path):
    """From a key in the gateway's directory to a process that keeps its own."""
    with gateway:
        approval = approved(gateway)
    asyncio.run(second_person(gateway, approval))
    state, socket = tmp_path / "signer", tmp_path / "s.sock"
    said(gateway.vestibule("signer", "init", "--state", str(state), "--origin", "logs.test", "--json"))
    command = [sys.executable, "-m", "gateway", "signer", "serve", "--state", str(state), "--socket", str(socket)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as signer:
        try:
            deadline = time.monotonic() + 30
            while not socket.exists():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            done = said(rotate(gateway, approval, "--signer", str(socket)))
            keys = gateway.settings.keys_dir
            assert not (keys / "log.key").exists(), "the old key signs nothing any more"
            assert (keys / "log.pub").read_text().strip() == done["key"]
            gateway.config.write_text(f'{gateway.config.read_text()}\n[evidence]\nsigner_socket = "{socket}"\n')
            with gateway:
                status = json.loads(gateway.vestibule("status", "--json").stdout)
                assert (status["origin"], status["checkpoint"]["signer_answers"]) == (done["new"], True)
            assert gateway.vestibule("verify").returncode == 0
            assert gateway.vestibule("verify", done["archive"]).returncode == 0
        finally:
            signer.terminate()
    shutil.rmtree(state)
