"""Rounds of kill -9 at random moments of each kind of process that works for a batch: nothing may need a person.

    python -m tests.benchmarks.kills [--rounds N] [--seed N]

Each round drops one file and kills one process while the file is on its way. Every batch has to commit by
itself, and every row to be in the table once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pipeline.cli.waits import wait
from pipeline.core.clients import client
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.catalog import Status
from pipeline.operate.connection import Connected
from tests.benchmarks.flow import drop
from tests.benchmarks.small_lake import NAME, small_lake
from tests.whole_lake.listening import processes

MORE = """stage_b: {schedule: rate(1 minute)}
quality: {ruleset: 'Rules = [ IsComplete "id", ColumnValues "n" >= 0 ]'}
"""
PATIENCE_S = 600


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of process: what its command or folder has in it, and for how long after its start it may be killed."""

    name: str
    mark: str
    within_s: float
    is_warm: bool = False
    """It is there before the file is: the moment is one of the whole way, and not one after its start."""


KINDS = (
    Kind("transform worker", "transform.transform_objects", 3),
    Kind("commit worker", "end.commit_batch", 4),
    Kind("job process", "/glue/sluice-", 12),
    Kind("JVM", "/bin/java", 40, is_warm=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with small_lake(MORE) as connected:
        for kind in KINDS:
            for number in range(given.rounds):
                play(connected, kind, number, chance.uniform(0, kind.within_s))
        sys.exit(verdict(connected, len(KINDS) * given.rounds))


def play(connected: Connected, kind: Kind, number: int, after_s: float) -> None:
    """One round: drop a file, kill a process of the kind at its moment, and wait until nothing moves."""
    if not kind.is_warm:
        # One that is warm would have done its work before anybody could kill it.
        for pid in found(kind):
            _kill(pid)
    began = time.monotonic()
    drop(connected, f"{kind.name.replace(' ', '-')}-{number}.csv")
    moment = _kill_at(connected, kind, after_s)
    progress = wait(connected, PATIENCE_S, lambda _: None)
    newest = connected.lake.batches.newest(str(NAME), 1)
    status = newest[0].status.value if newest and progress.is_settled else progress.describe()
    took = time.monotonic() - began
    print(f"{kind.name:<17} {number + 1:>3}  killed {moment}, {status} after {took:.0f} s", flush=True)


def _kill_at(connected: Connected, kind: Kind, after_s: float) -> str:
    began = time.monotonic()
    if kind.is_warm:
        wait(connected, after_s, lambda _: None)
    while not (pids := found(kind)):
        if time.monotonic() - began > PATIENCE_S:
            return "never: none was there"
        # Hurries the poller, and gives up at once.
        wait(connected, 0, lambda _: None)
        time.sleep(0.02)
    if not kind.is_warm:
        time.sleep(after_s)
    hit = sum(_kill(pid) for pid in pids)
    what = f"{after_s:.1f} s after {'the file' if kind.is_warm else 'its start'}"
    return what if hit else f"too late, {what}"


def found(kind: Kind) -> list[int]:
    """The processes of a kind that run under this one."""
    return [pid for pid in processes(os.getpid())[1:] if kind.mark in _command(pid)]


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return f"{Path(f'/proc/{pid}/cmdline').read_text()}\0{os.readlink(f'/proc/{pid}/cwd')}"
    return ""


def _kill(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def verdict(connected: Connected, files: int) -> int:
    """Print what became of all files; 1 if one needs a person, or a row is not there exactly once."""
    statuses = Counter(row.status for row in connected.lake.catalog.all(str(NAME)))
    batches = Counter(batch.status for batch in connected.lake.batches.newest(str(NAME), 10 * files))
    seen = Counter(rows(connected))
    doubled = sum(n - 1 for n in seen.values())
    print(f"{files} files: {dict(statuses)}; batches {dict(batches)}; {len(seen)} rows, {doubled} of them doubled")
    print(f"runs of jobs: {runs()}", flush=True)
    good = statuses == {Status.COMMITTED: files} and set(batches) == {BatchStatus.COMMITTED}
    return 0 if good and len(seen) == files and not doubled else 1


def rows(connected: Connected) -> list[str]:
    registration = connected.lake.registry.get(NAME)
    assert registration
    return [str(value) for value in connected.lake.tables.load(registration.table).scan().to_arrow()["id"].to_pylist()]


def runs() -> dict[str, int]:
    """How often the standard and the quality job ran, by how that ended."""
    glue = client("glue")
    jobs = glue.get_paginator("get_jobs").paginate()
    names = [job["Name"] for page in jobs for job in page["Jobs"]]
    states = Counter(
        f"{name.rpartition('-')[2]} {run['JobRunState']}"
        for name in names
        for page in glue.get_paginator("get_job_runs").paginate(JobName=name)
        for run in page["JobRuns"]
    )
    return dict(states)


if __name__ == "__main__":
    main()
