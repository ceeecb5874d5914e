"""A real CPE with the OpenWrt backstops of `docs/howto/backstop/openwrt`, and every program that it starts on record.

Two more dropbears stand beside the one of `tests.real.dropbear`, in the same root and namespace: one under strace,
where the gateway's key has the forced command, and one with `-j -k`. strace sees what a stand-in on PATH would not:
BusyBox's shell runs its own applets without looking at PATH, but gives the process their names.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.real.dropbear import DropbearBox, start_dropbear
from tests.real.ground import Ground, RealRouter, answers, public_line

SNIPPETS = Path(__file__).resolve().parents[2] / "docs/howto/backstop/openwrt"
PLACE_OF_KEY = "ssh-ed25519 AAAAC3…the-gateway's-public-key"

_STARTED = re.compile(r'execve\("([^"]*)", \[([^\]]*)\]|prctl\(PR_SET_NAME, "([^"]*)"')

# OpenWrt's own programs, which BusyBox has not: they say their words, one a line, start nothing and end with 7.
_STAND_INS = ("bin/ubus", "sbin/ifstatus", "sbin/uci", "sbin/wifi", "sbin/logread", "usr/bin/iwinfo")
_SAYS_ITS_WORDS = """#!/bin/sh
for word in "${0##*/}" "$@"; do echo "$word"; done
exit 7
"""

# The forced command itself, the shell that dropbear starts it with, and what it looks and logs with.
OWN = frozenset({"dropbear", "ash", "sh", "gw-shell", "grep", "logger", "printf", "tr"})


@dataclass(frozen=True)
class BackstopBox:
    """`gateway` logs in with the restricted key, `flags` with an unrestricted key at the server with -j -k."""

    plain: DropbearBox
    gateway: RealRouter
    flags: RealRouter
    trace: Path

    def mark(self) -> int:
        """Where the record of started programs ends now."""
        return self.trace.stat().st_size

    def started(self, since: int) -> list[tuple[str, str]]:
        """Name and arguments (as strace prints them) of all that was started or tried, without the backstop's own."""
        with self.trace.open(errors="replace") as record:
            record.seek(since)
            found = [(_name(path, words) or name, words) for path, words, name in _STARTED.findall(record.read())]
        return [(name, words) for name, words in found if name not in OWN]


def _name(path: str, words: str) -> str:
    """BusyBox starts itself anew for some applets; which one, its first word says."""
    return Path(words.split('"')[1] if path == "/proc/self/exe" else path).name


def start_backstop(ground: Ground, require_program: Callable[[str], Path]) -> BackstopBox:
    """Build the router, put the files in place, start the two servers."""
    strace = require_program("strace")
    plain = start_dropbear(ground, require_program)
    gateway_key = ground.key("gateway_key")
    (plain.root / "usr/libexec").mkdir()
    shutil.copy(SNIPPETS / "gw-shell", plain.root / "usr/libexec/gw-shell")
    shutil.copy(SNIPPETS / "gw-shell.allow", plain.root / "etc/gw-shell.allow")
    for name in _STAND_INS:
        (plain.root / name).write_text(_SAYS_ITS_WORDS)
    line = (SNIPPETS / "authorized_keys").read_text()
    assert line.count(PLACE_OF_KEY) == 1
    with (plain.root / "root/.ssh/authorized_keys").open("a") as keys:
        keys.write(line.replace(PLACE_OF_KEY, public_line(gateway_key)))
    trace = ground.directory / "started.trace"
    traced = (strace, "-f", "-qq", "-v", "-s", "300", "-e", "trace=execve,prctl", "-o", trace)
    gateway = _server(ground, plain, "2201", before=traced)
    flags = _server(ground, plain, "2202", options=("-j", "-k"))
    return BackstopBox(plain, replace(gateway, private_key_file=gateway_key), flags, trace)


def _server(
    ground: Ground,
    plain: DropbearBox,
    port: str,
    *,
    options: tuple[str, ...] = (),
    before: tuple[str | Path, ...] = (),
) -> RealRouter:
    host = plain.router.host
    ground.start(
        *before,
        *("ip", "netns", "exec", f"vst-r-{ground.tag}"),
        *("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child"),
        *("sh", ground.directory / "start", plain.root),
        *("/usr/sbin/dropbear", "-F", "-E", "-s", "-r", "/etc/dropbear/host_key", "-p", f"{host}:{port}", *options),
        log=f"dropbear-{port}.log",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    ground.wait(lambda: answers(host, int(port)), f"dropbear at {port}", f"dropbear-{port}.log")
    known = ground.known_hosts(host, int(port), plain.router.host_key)
    return replace(plain.router, port=int(port), known_hosts_file=known)


__all__ = ["OWN", "PLACE_OF_KEY", "SNIPPETS", "BackstopBox", "start_backstop"]
