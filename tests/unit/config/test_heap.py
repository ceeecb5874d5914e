"""One heap for all threads, asked of the C library itself in a process of its own."""

import platform
import re
import subprocess
import sys

import pytest

from config.heap import one_heap

THREADS = """
import ctypes, sys, threading
{first}
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
barrier = threading.Barrier(4)
def work():
    barrier.wait()
    libc.malloc(2000)
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, out)
libc.fclose(out)
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has heaps for threads")


def heaps(first: str) -> int:
    """How many heaps a process has after some threads took memory at the same time."""
    code = THREADS.format(first=first)
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout
    return len(re.findall(r"<heap nr=", shown))


def test_threads_have_heaps_of_their_own_unless_told_otherwise():
    assert heaps("") > 1
    assert heaps("from config.heap import one_heap; assert one_heap()") == 1


def test_a_library_that_does_not_know_it_is_left_alone():
    assert one_heap(object()) is False
