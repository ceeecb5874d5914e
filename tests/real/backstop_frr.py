"""A real FRR with the backstop of `docs/howto/backstop/frr`: a user `gw` who gets at vtysh by sudo's list alone.

Everything of the account (passwd, group, shadow, sudoers, the forced command) is bound over the machine's own files in
a mount namespace, so that nothing of the machine changes. The daemons are those of `tests.real.frr`.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.real.ground import Ground, RealRouter, answers, free_port, lines, public_line

SNIPPETS = Path(__file__).resolve().parents[2] / "docs/howto/backstop/frr"
USER, NUMBER = "gw", "61217"

_START = """set -e
files=$1; sockets=$2; shift 2
mount --make-rprivate /
for name in passwd group shadow sudoers sudoers.d frr; do mount --bind "$files/$name" "/etc/$name"; done
mount -t tmpfs -o mode=755 tmpfs /usr/local
mkdir /usr/local/libexec
cp "$files/gw-vtysh" /usr/local/libexec/gw-vtysh
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/frr /run/sshd
mount --bind "$sockets" /run/frr
exec "$@"
"""


@dataclass(frozen=True)
class FrrBackstop:
    """`router` logs in as the restricted user; `pid` is a process in the mount namespace."""

    router: RealRouter
    pid: int

    def run(self, *words: str, user: str | None = USER) -> "subprocess.CompletedProcess[str]":
        """Run a program there, as the restricted user or another one (none: root)."""
        as_user = ("setpriv", "--reuid", user, "--regid", user, "--init-groups") if user else ()
        return subprocess.run(
            ["nsenter", f"--mount=/proc/{self.pid}/ns/mnt", *as_user, "env", "-i", "PATH=/usr/bin:/bin", *words],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def sudo(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """What the forced command does, but with any words."""
        return self.run("sudo", "-n", "-u", "frr", "-g", "frrvty", *words)


def start_frr_backstop(ground: Ground, frr: RealRouter, require_program: Callable[[str], Path]) -> FrrBackstop:
    """Put the account, the list and sshd in front of the daemons of a running `frr`."""
    sshd = require_program("sshd")
    _files(ground)
    host_key, user_key, port = ground.key("host_key"), ground.key("user_key"), free_port()
    (ground.directory / "authorized_keys").write_text(f"{public_line(user_key)}\n")
    configuration = ground.directory / "sshd_config"
    configuration.write_text(
        lines(
            "ListenAddress 127.0.0.1",
            f"Port {port}",
            f"HostKey {host_key}",
            f"AuthorizedKeysFile {ground.directory}/authorized_keys",
            "StrictModes no",
            "PidFile none",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "Subsystem sftp internal-sftp",
            (SNIPPETS / "sshd.conf").read_text(),
        )
    )
    script = ground.directory / "start"
    script.write_text(_START)
    server = ground.start(
        *("unshare", "--mount", "sh", script, ground.directory / "etc", frr.known_hosts_file.parent / "sockets"),
        *(sshd, "-D", "-e", "-f", configuration),
        log="sshd.log",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    ground.wait(lambda: answers("127.0.0.1", port), "sshd", "sshd.log")
    line = public_line(host_key)
    router = replace(
        frr,
        port=port,
        host_key=line,
        user=USER,
        private_key_file=user_key,
        known_hosts_file=ground.known_hosts("127.0.0.1", port, line),
    )
    return FrrBackstop(router, server.pid)


def _files(ground: Ground) -> None:
    files = ground.directory / "etc"
    (files / "sudoers.d").mkdir(parents=True)
    (files / "frr").mkdir()
    for name, own in (
        ("passwd", f"{USER}:x:{NUMBER}:{NUMBER}::/:/bin/sh\n"),
        ("group", f"{USER}:x:{NUMBER}:\n"),
        ("shadow", f"{USER}:*:19700:0:99999:7:::\n"),
    ):
        (files / name).write_text(f"{Path('/etc', name).read_text().rstrip()}\n{own}")
    (files / "shadow").chmod(0o640)
    (files / "sudoers").write_text("@includedir /etc/sudoers.d\n")
    shutil.copy(SNIPPETS / "gw-support.sudoers", files / "sudoers.d/gw-support")
    for path in (files / "sudoers", files / "sudoers.d/gw-support"):
        path.chmod(0o440)
    shutil.copy(SNIPPETS / "gw-vtysh", files / "gw-vtysh")
    (files / "frr/vtysh.conf").write_text("no service integrated-vtysh-config\n")
    assert os.geteuid() == 0  # the files belong to root, else sudo would not read them


__all__ = ["SNIPPETS", "USER", "FrrBackstop", "start_frr_backstop"]
