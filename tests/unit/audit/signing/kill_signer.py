"""Kills a signer at every line it executes while it keeps its state and signs; the counterpart is test_kill.py.

Called with an empty directory. For each point a child process opens the signer and is killed (SIGKILL) there; then the
fork is asked for, then the true tree. Prints, for each point, JSON: whether a signature had left, whether the fork was
signed, whether the true tree was.
"""

import json
import os
import signal
import sys
from pathlib import Path

from audit.errors import LogDamaged
from audit.signing.key_files import open_file_signer
from audit.signing.span import Span
from audit.tlog.merkle import leaf_hash, root

TRUE = [leaf_hash(b"1"), leaf_hash(b"2"), leaf_hash(b"3")]
FORK = [leaf_hash(b"1"), leaf_hash(b"2"), leaf_hash(b"other")]
WATCHED = ("audit/signing/", "audit/files.py")


def sign(directory, log):
    signer = open_file_signer(directory, "logs.isp/1", create=not (directory / "log.key").exists())
    try:
        added = Span(2)
        added.extend(log[2:])
        return signer.sign(3, root(log), added)
    except LogDamaged:
        return None
    finally:
        signer.close()


def die_at(point):
    left = [point]

    def trace(frame, event, _argument):
        if not any(part in frame.f_code.co_filename for part in WATCHED):
            return None
        if event == "line":
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def attempt(directory, point):
    """Whether a signature left, and whether the child was killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        die_at(point)
        os.write(write, sign(directory, TRUE) or b"")
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        note = pipe.read()
    _, status = os.waitpid(child, 0)
    return bool(note), os.WIFSIGNALED(status)


def prepared(directory):
    signer = open_file_signer(directory, "logs.isp/1", create=True)
    added = Span(0)
    added.extend(TRUE[:2])
    signer.sign(2, root(TRUE[:2]), added)
    signer.close()


def main(base):
    point, killed = 0, True
    while killed:
        outcomes = {}
        for order in ("fork first", "true first"):
            directory = base / f"{point}-{order[0]}"
            prepared(directory)
            left, killed = attempt(directory, point)
            first, second = (FORK, TRUE) if order == "fork first" else (TRUE, FORK)
            outcomes[order] = [left, sign(directory, first) is not None, sign(directory, second) is not None]
        print(json.dumps(outcomes))
        point += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
