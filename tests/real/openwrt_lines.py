"""Runs commands of the OpenWrt table with the real programs, where they can do no harm, and says which were refused.

BusyBox's own applets first; the fuller program of the same name, which OpenWrt packages too, where the applet refuses.
Counterpart: tests/real/test_openwrt_lines_real.py. As a program: commands as JSON on stdin, answers as JSON on stdout.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.real.ground import Ground

Words = tuple[str, ...]

BRIEF = 0.5
"""Seconds for a command that may go on for ever."""

# Programs that OpenWrt takes from the same source as Debian does.
SAME = frozenset({"bridge", "conntrack", "dig", "ethtool", "host", "ip", "mtr", "nft", "ss", "tc"})
SAME |= {"ip6tables", "ip6tables-save", "iptables", "iptables-save"}
# BusyBox applets of which OpenWrt packages the fuller namesake.
FULLER = frozenset({"arp", "brctl", "dmesg", "free", "netstat", "ping", "ps"})
# Words that ash knows itself.
BUILTIN = frozenset({"cd", "echo", "exit", "true"})
# What runs must not do on this machine, or would only wait for: options are looked up in the applet's help instead.
BY_HELP = frozenset({"reboot", "sleep"})

_OPENWRT = "OpenWrt's own; Debian has no package of it"
_VENDOR = "comes with the maker's modem or DSL software"
_SERVICE = "start scripts of OpenWrt (procd); nothing of that name elsewhere"
_HARDWARE = "asks the kernel for hardware before it reads its words, and this machine has none of that kind"
_OTHER = "optional package; not worth a dependency of the tests for one or two display lines"

UNCHECKED: Mapping[str, str] = {
    **dict.fromkeys(("ubus", "uci", "ifstatus", "devstatus", "ifup", "ifdown", "wifi", "iwinfo", "logread"), _OPENWRT),
    **dict.fromkeys(("jsonfilter", "reload_config", "service", "sysupgrade", "firstboot", "jffs2reset"), _OPENWRT),
    **dict.fromkeys(("swconfig", "mwan3", "nlbw", "fw3", "fw4", "opkg", "apk", "uqmi", "umbim", "block"), _OPENWRT),
    **dict.fromkeys(("gcom", "comgt", "logout", "quit", "resolveip", "blkid", "lsblk"), _OPENWRT),
    **dict.fromkeys(("adsl", "adslctl", "xdsl", "xdslctl", "dsl_control", "dsl_cpe_pipe", "dsl_cpe_pipe.sh"), _VENDOR),
    **dict.fromkeys(("iw", "iwconfig", "iwlist", "hostapd_cli", "wpa_cli"), _HARDWARE),
    **dict.fromkeys(("mmcli", "qmicli", "mbimcli", "lspci", "lsusb", "sensors", "mii-tool"), _HARDWARE),
    **dict.fromkeys(("chronyc", "ntpq", "vnstat", "tracepath", "iostat", "mpstat", "vmstat", "pgrep"), _OTHER),
    "/etc/init.d/": _SERVICE,
}
"""Programs (or the folder of them) that cannot be checked here, with the reason."""


@dataclass(frozen=True)
class Answer:
    """How one command ended. `code` is none if it was still running when time was up: it had taken its words."""

    code: int | None
    text: str

    @property
    def refused(self) -> bool:
        """The program did not take its words, whatever else may have failed."""
        return self.code not in (0, None) and _REFUSAL.search(self.text) is not None


_REFUSAL = re.compile(
    r"(invalid|unrecognized|unknown|unexpected|illegal) (option|argument|command)|^usage|^BusyBox v|invalid number"
    r"|requires an argument|expected a list|is unknown, try|^Error: (either|argument)|Command line is not complete"
    r'|argument ".*" is wrong|syntax error|bad (argument|command line|date)|garbage|applet not found|Command "'
    r"|bad signal name|error fetching interface information: Device not found",
    re.MULTILINE | re.IGNORECASE,
)


def program_of(words: Words) -> str:
    """Its name in `UNCHECKED` and elsewhere."""
    if words[0].startswith("/etc/init.d/"):
        return "/etc/init.d/"
    return words[0].rpartition("/")[2]


def applets(busybox: Path) -> frozenset[str]:
    """What this BusyBox was built with."""
    return frozenset(subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split())


def answers(ground: Ground, unshare: Path, commands: Sequence[Sequence[str]], seconds: float = BRIEF) -> list[Answer]:
    """Run them one after another in namespaces of their own (network, processes, mounts, host name).

    Each is ended after `seconds`.
    """
    namespace = ground.namespace(f"vst-ow-{ground.tag}")
    for interface in ("eth0", "lan1", "wan"):
        ground.inside(namespace, "ip", "link", "add", interface, "type", "veth", "peer", "name", f"{interface}-far")
    ground.inside(namespace, "ip", "link", "add", "br-lan", "type", "bridge")
    for interface in ("eth0", "eth0-far"):
        ground.inside(namespace, "ip", "link", "set", interface, "up")
    inside = ("ip", "netns", "exec", namespace, str(unshare), "--pid", "--mount", "--uts", "--ipc", "--fork")
    done = subprocess.run(
        [*inside, "--mount-proc", sys.executable, "-m", "tests.real.openwrt_lines", str(seconds)],
        input=json.dumps([list(words) for words in commands]),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    ground.inside(namespace, "ip", "link", "delete", "br-lan")
    return [Answer(code, text) for code, text in json.loads(done.stdout)]


def check(
    ground: Ground, require_program: Callable[[str], Path], commands: Sequence[Words], seconds: float = BRIEF
) -> list[tuple[Words, str]]:
    """Those of `commands` that neither the applet nor its fuller namesake takes, with what was said. As `answers`."""
    busybox, unshare = require_program("busybox"), require_program("unshare")
    built_in = applets(busybox)
    first = [
        (str(require_program(words[0])), *words[1:])
        if words[0] in SAME
        else (str(busybox), program_of(words), *words[1:])
        for words in commands
    ]
    unknown = {words[0] for words in commands if words[0] not in SAME and program_of(words) not in built_in}
    assert not unknown, f"this BusyBox lacks {sorted(unknown)}"
    refused = [
        (words, answer.text)
        for words, answer in zip(commands, answers(ground, unshare, first, seconds), strict=True)
        if answer.refused
    ]
    again = [(words, text) for words, text in refused if words[0] in FULLER]
    second = answers_again(unshare, require_program, [words for words, _ in again], seconds) if again else []
    taken = {words for (words, _), answer in zip(again, second, strict=True) if not answer.refused}
    return [(words, text) for words, text in refused if words not in taken]


def answers_again(
    unshare: Path, require_program: Callable[[str], Path], commands: Sequence[Words], seconds: float
) -> list[Answer]:
    """The same with the fuller programs."""
    with Ground() as other:
        named = [(str(require_program(words[0])), *words[1:]) for words in commands]
        return answers(other, unshare, named, seconds)


def _main() -> None:
    found: list[tuple[int | None, str]] = []
    seconds = float(sys.argv[1])
    for words in json.load(sys.stdin):
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
            found.append((done.returncode, (done.stderr[:2000] + done.stdout[:2000]).decode(errors="replace")))
        except subprocess.TimeoutExpired:
            found.append((None, ""))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    _main()
