"""Every process of a running lake may be killed: what must run comes back, and nothing is left of what was there."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from pipeline.emulator import state

from .conftest import RunningLake, csv_text, values
from .listening import processes

PATIENCE_S = 120
ON_DEMAND = ("emulator/interpreter_main.py", "awslambda/main.py", "script.py", "spark/warm_up.py", "query_child")
"""What runs for a while, because somebody asked for it: the next who asks gets another. All else has to come back."""

DEFINITION = {
    "stage_a": {"format": "csv", "columns": {"id": "string"}},
    "stage_b": {"schedule": "rate(1 minute)"},
    "quality": {"ruleset": 'Rules = [ IsComplete "id" ]'},
}


def supervisor(lake: RunningLake) -> int:
    running = state.running(lake.root)
    assert running
    return running.pid


def of_state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "gone"


def command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    return ""


def commands(lake: RunningLake) -> dict[str, int]:
    """What runs under the supervisor, at whatever depth, by its command line."""
    found = {command(pid): pid for pid in processes(supervisor(lake))[1:] if of_state(pid) not in "ZX"}
    return {text: pid for text, pid in found.items() if text}


def must_run(lake: RunningLake) -> dict[str, int]:
    return {text: pid for text, pid in commands(lake).items() if not any(script in text for script in ON_DEMAND)}


def until(what: str, condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up, f"{what} did not happen within {PATIENCE_S} s"
        time.sleep(0.1)


def answers(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_whatever_is_killed_comes_back_and_leaves_nothing_behind(lake: RunningLake) -> None:
    dataset = lake.define(DEFINITION)
    dataset.drop("before.csv", csv_text("id", "1"))
    lake.settle()
    running = state.running(lake.root)
    assert running
    before, needed = commands(lake), must_run(lake)
    # Spark and the console at least; what else there is, the looking finds.
    assert any("java" in text for text in needed)
    assert any("pipeline.console" in text for text in needed)
    for pid in before.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until("the death of all that was killed", lambda: {of_state(pid) for pid in before.values()} <= {"Z", "X", "gone"})
    # Nobody is turned away meanwhile: who calls the console waits for the next.
    assert answers(running.pages) == 200
    until("the end of all that was killed", lambda: {of_state(pid) for pid in before.values()} == {"gone"})
    until("the return of what must run", lambda: must_run(lake).keys() >= needed.keys())
    dataset.drop("after.csv", csv_text("id", "2"))
    lake.settle()
    assert values(dataset.rows(), "id") == ["1", "2"]
    assert answers(running.pages) == 200
    assert not [pid for pid in processes(supervisor(lake)) if of_state(pid) in "ZX"]
    assert not (state.state_folder(lake.root) / "spark" / "warm-up.log").exists(), "SLUICE_COLD_SPARK has no effect"
