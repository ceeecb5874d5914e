"""How the C library keeps memory for a process that runs for months."""

import ctypes
from typing import Final

_ARENA_MAX: Final = -8
"""`M_ARENA_MAX` of glibc's malloc.h."""


def one_heap(library: object = None) -> bool:
    """Let all threads of this process share one heap, from now on. False: the C library is not glibc; nothing changed.

    glibc gives new threads heaps of their own, so that they do not wait for each other. Under the interpreter's lock
    they hardly would, and each heap keeps what it ever held. `library`: another C library than the process's own.
    Source: mallopt(3).
    """
    try:
        mallopt = getattr(library or ctypes.CDLL(None), "mallopt")  # noqa: B009 - not every library has it
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_ARENA_MAX, 1))
