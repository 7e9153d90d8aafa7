import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, threading
from shared.malloc_arenas import keep_few_arenas

if "few" in sys.argv:
    assert keep_few_arenas()
barrier = threading.Barrier(6)

def allocate():
    barrier.wait(10)  # all at once: a thread alone is given an arena that nobody uses
    kept = [bytearray(100_000) for _ in range(10)]
    barrier.wait(10)

threads = [threading.Thread(target=allocate) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc has arenas to count")
def test_threads_share_two_arenas_instead_of_having_one_each() -> None:
    def n_arenas(*arguments: str) -> int:
        command = [sys.executable, "-c", PROGRAM, *arguments]
        return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.count(b"<heap nr=")

    assert n_arenas() > 2
    assert n_arenas("few") == 2
