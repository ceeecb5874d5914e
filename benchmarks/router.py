"""A router that costs next to nothing: an SSH server with a prompt, in a process of its own.

It looks like an OpenWrt router as far as the gateway cares: a prompt, an echo, one line of output. `logread` prints as
many bytes as asked for at the start. `python -m benchmarks.router BYTES` prints its port and host key as JSON.
Counterpart: `benchmarks.load`.
"""

import asyncio
import json
import sys

import asyncssh
import uvloop

PROMPT = b"root@bench:~# "
ANSWER = b" 10:00:00 up 1 day,  1:00,  load average: 0.10, 0.20, 0.30\r\n"
LAST_LINE = b"this was the last line of the log\r\n"
_LOG_LINE = b"Mon Nov 23 10:00:00 2026 daemon.info dnsmasq-dhcp[1432]: DHCPACK(br-lan) 10.0.0.17 8c:16:45:aa:bb:cc\r\n"
USER, PASSWORD = "root", "bench-router-password"


def log(size: int) -> list[bytes]:
    """About `size` bytes of log lines, in pieces of 32 KiB."""
    piece = _LOG_LINE * (32 * 1024 // len(_LOG_LINE))
    return [piece] * (size // len(piece)) + [LAST_LINE]


class _Login(asyncssh.SSHServer):
    def __init__(self, size: int) -> None:
        self._size = size

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def session_requested(self) -> "_Session":
        return _Session(self._size)


class _Session(asyncssh.SSHServerSession[bytes]):
    """A terminal that answers each line at once, or one command."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._command: str | None = None
        self._line = b""
        self._pieces: list[bytes] = []
        self._writable = True

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(self, *_: object) -> bool:
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def session_started(self) -> None:
        if self._command is None:
            self._channel.write(PROMPT)
        else:
            self._run(self._command.encode())

    def data_received(self, data: bytes, _datatype: object) -> None:
        *lines, self._line = (self._line + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._channel.write(line + b"\r\n")
            self._run(line)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._write_on()

    def _run(self, line: bytes) -> None:
        if line == b"logread":
            self._pieces = log(self._size)[::-1]
            self._write_on()
            return
        self._channel.write(ANSWER)
        self._done()

    def _write_on(self) -> None:
        while self._pieces and self._writable:
            self._channel.write(self._pieces.pop())
            if not self._pieces:
                self._done()

    def _done(self) -> None:
        if self._command is None:
            self._channel.write(PROMPT)
        else:
            self._channel.exit(0)


async def _serve(size: int) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        lambda: _Login(size),
        "127.0.0.1",
        0,
        server_host_keys=[key],
        encoding=None,
        line_editor=False,
        compression_algs=None,
        encryption_algs=["aes128-gcm@openssh.com"],
        gss_host=None,
        config=[],
        backlog=512,
    )
    print(json.dumps({"port": server.get_port(), "host_key": key.export_public_key().decode().strip()}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the parent lets go


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
