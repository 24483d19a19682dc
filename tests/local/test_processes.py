"""Children end with what started them, and take along what they started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.local.processes import release, start_python

STARTS_A_CHILD = "import subprocess, sys\nprint(subprocess.Popen(['sleep', '60']).pid, flush=True)\n"


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until_gone(pid: int) -> None:
    give_up = time.monotonic() + 10
    while runs(pid):
        assert time.monotonic() < give_up, f"{pid} still runs"
        time.sleep(0.01)


@pytest.mark.parametrize(("end", "code"), [("", 0), ("sys.exit(3)", 3), ("raise ConnectionResetError", 1)])
def test_a_child_that_ends_by_itself_leaves_nothing_that_it_started(tmp_path: Path, end: str, code: int):
    script = tmp_path / "script.py"
    script.write_text(STARTS_A_CHILD + end)
    child = start_python([str(script)], env=os.environ, cwd=str(tmp_path), output=subprocess.PIPE)
    assert child.stdout
    started = int(child.stdout.readline())
    assert child.wait(10) == code
    until_gone(started)
    child.stdout.close()
    release(child)


def test_a_child_whose_starter_is_killed_ends_with_what_it_started(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(f"{STARTS_A_CHILD}import time\ntime.sleep(60)\n")
    starter = (
        "import os, subprocess, sys, time\n"
        "from pipeline.local.processes import start_python\n"
        f"child = start_python([{str(script)!r}], env=os.environ, cwd='/', output=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline().decode(), flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert all(map(runs, pids))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for pid in pids:
        until_gone(pid)
