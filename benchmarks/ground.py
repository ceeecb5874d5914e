"""What a run stands on: a router, a gateway, a jump host and a load generator, each a process of its own."""

import contextlib
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from benchmarks.load import Way
from benchmarks.router import PASSWORD, USER
from drivers.session import Credential, Target
from gateway.assembly import host_key
from tests.real.ground import Ground
from tests.real.openssh import start_sshd
from tests.running import LoopThread, RunningGateway

ROOT = Path(__file__).parent.parent


class Talker:
    """A child process that takes and gives lines of JSON, and ends when its standard input does."""

    def __init__(self, *words: str) -> None:
        self._name = words[0]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        if isinstance(request.get("way"), Way):
            request["way"] = asdict(request["way"])
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Stand:
    """Everything up. `direct`, `gateway` and (where sshd is installed) `jump` are the ways to the same router."""

    def __init__(self, directory: Path, bulk_bytes: int) -> None:
        self._undo = contextlib.ExitStack()
        try:
            self._set_up(directory, bulk_bytes)
        except BaseException:
            self._undo.close()
            raise

    def __enter__(self) -> "Stand":
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _set_up(self, directory: Path, bulk_bytes: int) -> None:
        router = Talker("benchmarks.router", str(bulk_bytes))
        self._undo.callback(router.close)
        known = router.read()
        self.direct = Way(port=known["port"], user=USER, password=PASSWORD, host_key=known["host_key"])
        target = Target(
            router_id="bench",
            name="bench",
            platform="openwrt",
            address="127.0.0.1",
            port=known["port"],
            host_key=known["host_key"],
            credential=Credential(user=USER, password=PASSWORD),
        )
        running = RunningGateway(directory)
        limits = running.settings.session.model_copy(update={"max_per_router": 5000, "idle_seconds": 3600})
        running.prepare({"rep": "rep"}, [target], session=limits)
        running.start()
        self._undo.callback(running.stop)
        loop = LoopThread()
        _, subscriber = running.consent(loop, "rep", "bench", sessions=10_000, minutes=120)
        loop.run(subscriber.close())
        loop.close()
        self.gateway = Way(
            port=running.settings.ssh.port,
            user="bench",
            key=str(running.people["rep"].key),
            host_key=host_key(running.settings).export_public_key().decode().strip(),
        )
        assert running.process is not None
        self.process = psutil.Process(running.process.pid)
        self.load = Talker("benchmarks.load")
        self._undo.callback(self.load.close)
        self.jump, self.jump_process = self._jump_host()

    def _jump_host(self) -> tuple[Way | None, psutil.Process | None]:
        sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if sshd is None:
            return None, None
        ground = self._undo.enter_context(Ground())
        extra = ("AllowTcpForwarding yes",)
        host = start_sshd(ground, sshd=Path(sshd), name="jump", platform="openwrt", extra=extra)
        door = Way(port=host.port, user=host.user, key=str(host.private_key_file), host_key=host.host_key)
        way = Way(**{**asdict(self.direct), "jump": asdict(door)})
        mine = [child for child in psutil.Process().children() if str(ground.directory) in " ".join(child.cmdline())]
        return way, mine[0]


def cpu_seconds(process: psutil.Process) -> float:
    """CPU time of a process and of its children, those that have ended included."""
    spent = process.cpu_times()
    total = float(spent.user + spent.system + spent.children_user + spent.children_system)
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = child.cpu_times()
            total += times.user + times.system
    return total


def pss_bytes(process: psutil.Process) -> int:
    """Memory of a process, its share of shared pages counted proportionally."""
    return int(process.memory_full_info().pss)
