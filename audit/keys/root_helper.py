"""A helper of the root key over a key file: the fake of a KMS that ships, and a pattern for real ones.

`python -m audit.keys.root_helper KEYFILE [SOCKET]` speaks the protocol of `audit.keys.root_process` on its standard
streams, or on a Unix socket. There it has several clients at a time: a gateway, and whoever reads beside it.
"""

import base64
import binascii
import contextlib
import json
import socket
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from audit.errors import KeyUnavailable
from audit.files import make_secret
from audit.keys.root import ROOT_KEY_BYTES, FileRoot


def answer(root: FileRoot, line: bytes) -> dict[str, str]:
    """What the helper says to one request. Raises nothing."""
    try:
        match json.loads(line):
            case {"v": 1, "op": "name"}:
                return {"name": root.name}
            case {"v": 1, "op": "wrap", "data": str(data)}:
                return {"data": base64.b64encode(root.wrap(base64.b64decode(data, validate=True))).decode()}
            case {"v": 1, "op": "unwrap", "data": str(data)}:
                return {"data": base64.b64encode(root.unwrap(base64.b64decode(data, validate=True))).decode()}
    except (ValueError, binascii.Error):
        pass
    except KeyUnavailable as error:
        return {"error": str(error)}
    return {"error": "That is no request of this protocol."}


def serve(root: FileRoot, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the other end closes."""
    for line in requests:
        answers.write(json.dumps(answer(root, line)).encode() + b"\n")
        answers.flush()


def main(arguments: list[str]) -> None:
    """Run the helper."""
    root = FileRoot(make_secret(Path(arguments[0]), ROOT_KEY_BYTES))
    if len(arguments) == 1:
        serve(root, sys.stdin.buffer, sys.stdout.buffer)
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(arguments[1])
        listener.listen(4)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_attend, args=(root, client), daemon=True).start()


def _attend(root: FileRoot, client: socket.socket) -> None:
    with client, client.makefile("rb") as requests, client.makefile("wb") as answers, contextlib.suppress(OSError):
        serve(root, requests, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
