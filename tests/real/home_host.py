"""Runs inside the home's network namespace: listens where a home computer would, and writes down all that arrives.

Started as a script by `tests.real.dropbear` with the file to write, its own address and the ports. One JSON object per
line: `{"kind": "tcp", "port": 22, "from": …}` for a connection, `{"kind": "frame", …}` for any frame that was addressed
to this host or to all (IPv4, wake-on-lan, ARP), whether or not something listens. Who connects to the Unix socket
beside the file gets a byte once all that had arrived is written down. Standard library only.
"""

import contextlib
import json
import selectors
import socket
import struct
import sys
from pathlib import Path

_ETHERTYPES = {0x0800: "ipv4", 0x86DD: "ipv6", 0x0842: "wake-on-lan", 0x0806: "arp"}
_BANNERS = {22: b"SSH-2.0-OpenSSH_9.6\r\n", 23: b"\r\nlaptop login: "}
_OUTGOING = 4


def _describe(frame: bytes) -> dict[str, object]:
    ethertype = struct.unpack("!H", frame[12:14])[0]
    found: dict[str, object] = {"kind": "frame", "type": _ETHERTYPES.get(ethertype, hex(ethertype))}
    if ethertype == 0x0800 and len(frame) >= 34:
        found["from"] = socket.inet_ntoa(frame[26:30])
        found["to"] = socket.inet_ntoa(frame[30:34])
        found["protocol"] = {1: "icmp", 6: "tcp", 17: "udp"}.get(frame[23], frame[23])
    return found


def main(log: Path, address: str, ports: list[int]) -> None:
    """Serve until killed."""
    with log.open("a", buffering=1) as output:
        watch = selectors.DefaultSelector()
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        watch.register(wire, selectors.EVENT_READ, None)
        for port in ports:
            listener = socket.create_server((address, port))
            watch.register(listener, selectors.EVENT_READ, port)
        asking = socket.socket(socket.AF_UNIX)
        asking.bind(f"{log}.sock")
        asking.listen()
        watch.register(asking, selectors.EVENT_READ, 0)
        output.write(json.dumps({"kind": "ready"}) + "\n")
        while True:
            ready = [key for key, _ in watch.select()]
            arrived = [key for key in ready if key.fileobj is not asking]
            for key in arrived:
                if key.data is None:
                    frame, details = wire.recvfrom(65535)
                    if details[2] != _OUTGOING and details[0] != "lo":
                        output.write(json.dumps(_describe(frame)) + "\n")
                    continue
                connection, peer = key.fileobj.accept()  # type: ignore[union-attr]
                output.write(json.dumps({"kind": "tcp", "port": key.data, "from": peer[0]}) + "\n")
                with contextlib.suppress(OSError):  # it has gone already
                    connection.sendall(_BANNERS.get(key.data, b""))
                connection.close()
            if not arrived:
                asking.accept()[0].sendall(b".")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], [int(port) for port in sys.argv[3:]])
