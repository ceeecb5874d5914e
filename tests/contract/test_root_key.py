"""What every root key promises: it wraps and opens KEKs, has a name, and says plainly when it cannot."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from audit.errors import KeyUnavailable
from audit.keys import root_helper
from audit.keys.root import FileRoot, RootKey
from audit.keys.root_age import AgeRoot
from audit.keys.root_process import ProcessRoot, connect, start_program

KEK = bytes(range(32))


def file_root(_: Path) -> RootKey:
    return FileRoot(b"a" * 32)


def age_root(_: Path) -> RootKey:
    identity = pyrage.x25519.Identity.generate()
    return AgeRoot([str(identity.to_public())], [str(identity)])


def program_root(place: Path) -> RootKey:
    return ProcessRoot(start_program([sys.executable, "-m", "audit.keys.root_helper", str(place / "hsm.key")]))


def socket_root(place: Path) -> RootKey:
    path = place / "kms.sock"
    threading.Thread(target=root_helper.main, args=([str(place / "hsm.key"), str(path)],), daemon=True).start()
    for _ in range(500):
        if path.exists():
            break
        threading.Event().wait(0.01)
    return ProcessRoot(connect(path))


MAKERS = {"file": file_root, "age": age_root, "program": program_root, "socket": socket_root}


@pytest.fixture(params=MAKERS)
def root(request, tmp_path) -> Iterator[RootKey]:
    made = MAKERS[request.param](tmp_path)
    yield made
    made.close()


def test_it_opens_what_it_wrapped(root):
    wrapped = root.wrap(KEK)
    assert root.opens
    assert root.unwrap(wrapped) == KEK
    assert KEK not in wrapped
    assert len(wrapped) < 8192


def test_it_has_a_name(root):
    assert 0 < len(root.name) <= 128
    assert root.name.isascii()
    assert " " not in root.name
    assert root.name != "root.key", "kept for the first version"


def test_it_opens_nothing_else(root):
    wrapped = bytearray(root.wrap(KEK))
    wrapped[-1] ^= 1
    for other in (bytes(wrapped), b"", b"x" * 40, wrapped[:-1]):
        with pytest.raises(KeyUnavailable):
            root.unwrap(bytes(other))
    assert root.unwrap(root.wrap(KEK)) == KEK, "a refusal is not the end"
