"""A real OpenSSH sshd on loopback, with its own configuration, keys and no trace outside its directory.

Counterparts: `tests.real.frr` puts vtysh behind it; alone it is the baseline with a plain shell.
"""

import getpass
import os
import re
from pathlib import Path

from tests.real.ground import Ground, RealRouter, answers, free_port, lines, public_line


def start_sshd(
    ground: Ground,
    *,
    sshd: Path,
    name: str,
    platform: str,
    force_command: Path | None = None,
    host: str = "127.0.0.1",
    extra: tuple[str, ...] = (),
) -> RealRouter:
    """Start sshd for the user who runs the tests; only the key made here may log in."""
    host_key, user_key = ground.key("host_key"), ground.key("user_key")
    (ground.directory / "authorized_keys").write_text(f"{public_line(user_key)}\n")
    port = free_port()
    if os.geteuid() == 0:
        # The directory that sshd separates its privileges in; Debian makes it when the service starts.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    configuration = ground.directory / "sshd_config"
    configuration.write_text(
        lines(
            f"ListenAddress {host}",
            f"Port {port}",
            f"HostKey {host_key}",
            f"AuthorizedKeysFile {ground.directory}/authorized_keys",
            "StrictModes no",
            "PidFile none",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "PrintMotd no",
            "PrintLastLog no",
            "MaxStartups 1000",
            "MaxSessions 100",
            "Subsystem sftp internal-sftp",
            *extra,
            *([f"ForceCommand {force_command}"] if force_command else []),
        )
    )
    ground.start(sshd, "-D", "-e", "-f", configuration, log="sshd.log", env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    ground.wait(lambda: answers(host, port), "sshd", "sshd.log")
    line = public_line(host_key)
    return RealRouter(
        name=name,
        platform=platform,
        host=host,
        port=port,
        host_key=line,
        user=getpass.getuser(),
        private_key_file=user_key,
        known_hosts_file=ground.known_hosts(host, port, line),
    )


def sshd_version(ground: Ground, sshd: Path) -> str:
    """`9.2p1` and the like, for reports."""
    found = re.search(r"OpenSSH_(\S+?),?\s", ground.run("sh", "-c", f"{sshd} -V 2>&1 || true"))
    return found[1] if found else "unknown"
