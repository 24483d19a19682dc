"""Memory that is freed stays with the process, but not all of it."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pyarrow as pa
import pytest

from pipeline.lake.files.allocation import Allowance, keep_freed_memory, resident
from pipeline.lake.files.limits import MIB

_FAULTS = """
import resource
from pipeline.lake.files.allocation import keep_freed_memory

def rounds(count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        blocks = [b"x" * (8 << 20) for _ in range(6)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

without = rounds(5)
assert keep_freed_memory()
rounds(1)
print(without, rounds(5))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_blocks_that_come_and_go_are_faulted_in_once() -> None:
    done = subprocess.run([sys.executable, "-c", _FAULTS], capture_output=True, text=True, check=True)
    without, kept = map(int, done.stdout.split())
    assert kept * 20 < without


@pytest.mark.parametrize("trouble", [OSError("dlopen"), TypeError("None"), AttributeError("mallopt")], ids=repr)
def test_a_library_that_cannot_be_asked_is_left_alone(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    def refuse(name: None) -> None:
        raise trouble

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert keep_freed_memory.__wrapped__() is False


@pytest.mark.skipif(not resident(), reason="only Linux tells what a process holds")
def test_what_arrow_only_keeps_is_given_back_beyond_the_allowance() -> None:
    before = resident()
    strict, generous = Allowance(16 * MIB), Allowance(256 * MIB)
    blocks = [pa.array(range(0, MIB), pa.int64()) for _ in range(8)]
    del blocks
    held = resident()
    assert held > before + 32 * MIB
    generous.check()
    assert resident() > held - 8 * MIB
    strict.check()
    assert resident() < held - 32 * MIB
