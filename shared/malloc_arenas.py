"""How many arenas glibc's malloc has in this process."""

import ctypes
import platform
from typing import Final

_M_ARENA_MAX: Final = -8  # glibc's malloc.h
# glibc makes up to eight arenas a core, and what a thread frees goes back to the arena that it came from. Where records
# of hundreds of kilobytes go through many threads, each arena keeps its gaps: over 10,000 tracks the extractor grew by
# 3 %, all of it free memory between what is used. Two cost no processor time that could be measured.
_N_ARENAS: Final = 2


def keep_few_arenas() -> bool:
    """Let all threads to come share two arenas; call it before the first thread. False where malloc is not glibc's."""
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _N_ARENAS))
