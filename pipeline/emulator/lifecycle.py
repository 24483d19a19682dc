"""Starts and stops the embedded AWS of a checkout, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from pipeline.core.errors import Refused, SluiceError
from pipeline.emulator import state
from pipeline.emulator.supervisor import FAILURE

START_S = 60
STOP_S = 20


def start(root: Path, *, port: int, region: str = state.REGION, env: str = state.ENV) -> state.RunningLake:
    """Start a supervisor and wait until its lake answers."""
    folder = state.state_folder(root)
    state.private_folder(folder)
    (folder / FAILURE).unlink(missing_ok=True)
    command = [sys.executable, "-m", "pipeline.emulator.supervisor", "--root", str(root), "--port", str(port)]
    with open(folder / "supervisor.log", "wb", opener=state.private) as output:
        child = subprocess.Popen(
            [*command, "--region", region, "--env", env],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=state.UMASK,
        )
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up:
        lake = state.running(root)
        if lake and lake.pid == child.pid:
            return lake
        if child.poll() is not None:
            raise _failure(folder)
        time.sleep(0.05)
    child.kill()
    raise SluiceError(f"the lake did not start within {START_S} s", hint=f"See {folder / 'supervisor.log'}.")


def _failure(folder: Path) -> SluiceError:
    try:
        told = json.loads((folder / FAILURE).read_text())
        return Refused(told["message"], hint=told["hint"])
    except (OSError, ValueError):
        last = (folder / "supervisor.log").read_text(errors="replace").strip().splitlines()[-1:]
        return SluiceError(f"the lake did not start: {' '.join(last)}", hint=f"See {folder / 'supervisor.log'}.")


def stop(root: Path) -> bool:
    """Stop the checkout's lake and wait until it is gone. False if none was running."""
    lake = state.running(root)
    if lake is None:
        state.forget(root)
        return False
    state.stop(lake)
    give_up = time.monotonic() + STOP_S
    while state.is_supervisor(lake.pid):
        if time.monotonic() > give_up:
            state.stop(lake, force=True)
        time.sleep(0.05)
    return True
