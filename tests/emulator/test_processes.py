"""Children end with what started them, and take along what they started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.emulator.processes import release, start_python
from tests.patience import PATIENCE_S, until

STARTS_A_CHILD = "import subprocess, sys\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)\n"


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until_gone(pid: int) -> None:
    until(lambda: not runs(pid))


def all_end_with(starter: str) -> None:
    """Run Python that prints two process ids in a line; they run until it is killed, and end with it."""
    parent = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(runs, pids))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for pid in pids:
        until_gone(pid)


@pytest.mark.parametrize(("end", "code"), [("", 0), ("sys.exit(3)", 3), ("raise ConnectionResetError", 1)])
def test_a_child_that_ends_by_itself_leaves_nothing_that_it_started(tmp_path: Path, end: str, code: int):
    script = tmp_path / "script.py"
    script.write_text(STARTS_A_CHILD + end)
    child = start_python([str(script)], env=os.environ, cwd=str(tmp_path), output=subprocess.PIPE)
    assert child.stdout
    started = int(child.stdout.readline())
    assert child.wait(PATIENCE_S) == code
    until_gone(started)
    child.stdout.close()
    release(child)


def test_a_child_whose_starter_is_killed_ends_with_what_it_started(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(f"{STARTS_A_CHILD}import time\ntime.sleep(600)\n")
    starter = (
        "import os, subprocess, sys, time\n"
        "from pipeline.emulator.processes import start_python\n"
        f"child = start_python([{str(script)!r}], env=os.environ, cwd='/', output=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline().decode(), flush=True)\n"
        "time.sleep(600)\n"
    )
    all_end_with(starter)
