"""The router and no further, with the widest consent there is: whatever the subscriber ticked, the home stays out.

Every capability that can be asked for is granted, but for the one whose very meaning is to reach the home's devices.
Lines are typed one after another at real terminals, and each must leave a record of its own. Counterpart:
`test_no_further.py` plays the same lines, and much else, with the smallest consent.
"""

import hashlib
import ipaddress
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from audit.entry import Kind
from config.settings import SessionSettings
from gateway.policy.capabilities import SCOPE
from tests.real.dropbear import HOME_ADDRESS, DropbearBox
from tests.real.ground import RealRouter
from tests.running import LoopThread, RunningGateway
from tests.system.records import Records
from tests.system.screens import PROMPTS
from tests.system.ways import AtTerminal, Way, straight, through

REP = "alice"
WIDEST = tuple(name for name in SCOPE if name != "lan.hosts.probe")

HERE = Path(__file__).parent
BUSYBOX = [row["do"] for row in yaml.safe_load((HERE / "attempts.yaml").read_text("utf-8"))["lines"]]
FRR = yaml.safe_load((HERE / "attempts_frr.yaml").read_text("utf-8"))

AGREED = {"reboot", "cat /tmp/dhcp.leases", "show ip igmp groups"}
"""Attempts that the widest consent allows, and that are therefore none here: the subscriber said yes to just this."""


@pytest.fixture(scope="module")
def gateway(
    frr_router: RealRouter,
    dropbear_box: DropbearBox,
    require_program: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningGateway]:
    require_program("ssh")
    gateway = RunningGateway(tmp_path_factory.mktemp("widest"))
    endless = SessionSettings(strikes=1_000_000, max_per_router=1000, idle_seconds=600)
    gateway.prepare({REP: "rep"}, [frr_router.target(), dropbear_box.router.target()], session=endless)
    loop = LoopThread()
    with gateway:
        for router in (frr_router, dropbear_box.router):
            _, subscriber = gateway.consent(loop, REP, router.name, scope=WIDEST, sessions=1000)
            loop.run(subscriber.close())
        yield gateway
    loop.close()


def _real(line: str) -> str:
    number = int(ipaddress.ip_address(HOME_ADDRESS))
    line = line.replace("HOME", HOME_ADDRESS).replace("NAME", "laptop")
    return line.replace("DECIMAL", str(number)).replace("HEX", hex(number))


def _refused_each(way: Way, platform: str, lines: list[str], records: Records, *, before: tuple[str, ...] = ()) -> None:
    """Type each line at its prompt, say no to every question, and look for its record."""
    asked = r"\[y/N\] \Z"
    unrecorded = []
    with AtTerminal(way.ssh("-tt", "-e", "none"), columns=200) as terminal:
        terminal.until(rf"{PROMPTS[platform]}\Z")
        for line in before:
            terminal.type(f"{line}\r")
            if terminal.until(rf"{PROMPTS[platform]}\Z|{asked}").endswith(b"] "):
                terminal.type("y\r")
                terminal.until(rf"{PROMPTS[platform]}\Z")
        for line in lines:
            had = len(records.of(Kind.CMD_BLOCKED))
            terminal.type(f"{line}\r")
            shown = terminal.until(rf"{PROMPTS[platform]}\Z|{asked}")
            if shown.endswith(b"] "):
                terminal.type("n\r")
                shown += terminal.until(rf"{PROMPTS[platform]}\Z")
            if b"Refused" not in shown:
                unrecorded.append((line, shown))
            elif len(records.of(Kind.CMD_BLOCKED)) != had + 1:
                unrecorded.append(
                    (line, b"refused, but on record %d times" % (len(records.of(Kind.CMD_BLOCKED)) - had))
                )
    assert unrecorded == []


# --- BusyBox with a home behind it ------------------------------------------------------------------------------------


def _traces(root: Path) -> dict[str, str]:
    """What an attempt could leave on the router: files, links, folders, modes; and programs that still run."""
    found = {}
    for top in ("etc", "root", "tmp", "var", "bin", "sbin", "usr", "dev"):
        for path in sorted((root / top).rglob("*")):
            status = path.lstat()
            mark = f"{status.st_mode:o} {status.st_uid}"
            if path.is_symlink():
                mark += f" {os.readlink(path)}"
            elif path.is_file():
                mark += f" {hashlib.sha256(path.read_bytes()).hexdigest()}"
            found[str(path.relative_to(root))] = mark
    for number, words in _programs(root).items():
        found[f"process {number}"] = words
    return found


def _programs(root: Path) -> dict[int, str]:
    """Command lines of what runs in the router's root."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if (entry / "root").readlink() == root:
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it has ended meanwhile
                continue
    return found


def _settled(root: Path) -> dict[str, str]:
    """The traces once the sessions' own processes are gone."""
    deadline = time.monotonic() + 60
    while len(_programs(root)) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    return _traces(root)


def test_control_traces_are_seen(dropbear_box: DropbearBox) -> None:
    """Without this, a test that finds none would prove nothing."""
    before = _settled(dropbear_box.root)
    assert len([name for name in before if name.startswith("process ")]) == 1
    assert straight(dropbear_box.router).run("touch /tmp/trace; sleep 600 >/dev/null 2>&1 & exit 0").returncode == 0
    found = _traces(dropbear_box.root)
    assert {name for name in found if name not in before} >= {"tmp/trace"}
    left = [number for number, words in _programs(dropbear_box.root).items() if "sleep 600" in words]
    assert left
    for number in left:
        os.kill(number, signal.SIGKILL)
    (dropbear_box.root / "tmp/trace").unlink()


@pytest.mark.timeout(300)
def test_busybox(gateway: RunningGateway, dropbear_box: DropbearBox) -> None:
    way = through(gateway, REP, dropbear_box.router.name)
    before, reached, records = _settled(dropbear_box.root), len(dropbear_box.home.reached()), Records(gateway)
    lines = [_real(line) for line in BUSYBOX if line not in AGREED]
    assert len(lines) >= 90

    _refused_each(way, "openwrt", lines, records)

    assert records.sent() == []
    assert dropbear_box.home.reached()[reached:] == []
    assert _settled(dropbear_box.root) == before


def test_what_was_agreed_is_done_for_contrast(gateway: RunningGateway, dropbear_box: DropbearBox) -> None:
    """The consent of this suite is a wide one: it allows what the smallest does not."""
    done = through(gateway, REP, dropbear_box.router.name).run("cat /tmp/dhcp.leases")
    assert (done.returncode, HOME_ADDRESS in done.stdout.decode()) == (0, True)


# --- FRR --------------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("mode", "before"),
    [("exec", ()), ("config", ("configure terminal",)), ("config", ("configure terminal", "interface br-lan"))],
    ids=["exec", "config", "interface"],
)
def test_frr(gateway: RunningGateway, frr_router: RealRouter, mode: str, before: tuple[str, ...]) -> None:
    direct, records = straight(frr_router), Records(gateway)
    configuration = direct.run("show running-config").stdout
    lines = [_real(row["do"]) for row in FRR[mode] if row["do"] not in AGREED]

    _refused_each(through(gateway, REP, frr_router.name), "frr", lines, records, before=before)

    assert records.sent() == ["terminal length 0", *before]
    assert direct.run("show running-config").stdout == configuration
