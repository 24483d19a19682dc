"""What becomes of memory that is freed: blocks of some megabytes come and go all through a conversion.

To keep it is quick, and to keep all of it is more than a conversion needs: Arrow's allocator finds a place for a large
block in what it kept less and less often, and takes new memory, so that a process would grow with its file.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

import pyarrow as pa

from pipeline.lake.files.limits import MIB

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of mallopt(3)."""

_STATM = Path("/proc/self/statm")
_KEPT = 256 * MIB
_LARGEST_MMAP_THRESHOLD = 32 * MIB
"""The most that glibc takes."""


@cache
def keep_freed_memory() -> bool:
    """Have glibc keep it for what comes next, in the whole process; whether it does. Other C libraries are left alone.

    What the process holds at most is the same. Given back, each page would be asked for and filled with zeros again:
    two thirds of all page faults of a CSV, a twentieth of its time.
    """
    try:
        adjust = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all([adjust(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD), adjust(_TRIM_THRESHOLD, _KEPT)])


class Allowance:
    """How much more memory the process may hold than when this was made, before Arrow gives back what it only keeps."""

    def __init__(self, growth: int) -> None:
        self._growth = growth
        self._most = resident() + growth

    def check(self) -> None:
        """To be called now and then, some dozens of megabytes apart: what is given back costs when it is needed again.

        Where most of the memory is in use there is little to give back, and the allowance grows.
        """
        if resident() <= self._most:
            return
        pa.default_memory_pool().release_unused()
        left = resident()
        if left > self._most - self._growth // 8:
            self._most = left + self._growth // 2


def resident() -> int:
    """Bytes of memory that the process holds; 0 where no Linux tells."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
