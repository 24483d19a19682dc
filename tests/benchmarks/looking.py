"""What `sluice status`, `objects` and `wait` cost with many finished objects in the catalog.

    python -m tests.benchmarks.looking [--sizes N N N] [--times N]

An embedded lake with one dataset, whose catalog has rows of finished objects and of a few that need attention; nothing
stands behind them. While it is empty, each command is run in a process of its own; then in this one, which has loaded
them, so that the start of Python is in none. Processor time is that of this process and of the embedded AWS. The peer
is what the commands did before there were indexes for it: a read of the whole table, counted, sorted and looked
through. Medians.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from typer.testing import CliRunner

from pipeline.cli import commands
from pipeline.cli.app import app
from pipeline.core.clock import system_clock
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.operate.attention import of_objects
from pipeline.operate.connection import Connected
from tests.benchmarks.catalog_rows import Row, fill, row_of
from tests.benchmarks.engine import cpu_s
from tests.benchmarks.small_lake import NAME, small_lake
from tests.whole_lake.listening import processes

SIZES = (500, 1000, 10_000)
NEED_ATTENTION = 20
"""Objects, of which half are loaded with bad rows and half are not loaded."""
COMMANDS = ("status", "objects", "wait")
FINISHED = [*[Status.COMMITTED] * 97, Status.DUPLICATE, Status.SUPERSEDED, Status.GONE]
"""Of a hundred rows."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    commands.load()
    with small_lake("") as connected:
        print_starts(given.times)
        print("| finished objects | what | time | processor: command | embedded AWS |\n|---|---|---|---|---|")
        there, lake = 0, supervisor()
        for size in given.sizes:
            fill(connected, range(there, size), row)
            there = size
            for name, run in measured(connected):
                took = [measure(run, lake) for _ in range(given.times + 1)][1:]
                wall, own, aws = (statistics.median(each) for each in zip(*took, strict=True))
                print(f"| {size:,} | {name} | {wall:.2f} s | {own:.2f} s | {aws:.2f} s |", flush=True)


def measured(connected: Connected) -> Iterator[tuple[str, Callable[[], None]]]:
    def sluice(*arguments: str) -> None:
        done = CliRunner().invoke(app, ["--endpoint", str(connected.endpoint), *arguments])
        # `wait` tells by 3 that something needs attention.
        if done.exit_code not in (0, 3):
            sys.exit(f"sluice {' '.join(arguments)}: {done.exception or done.output}")

    for name in COMMANDS:
        yield f"`sluice {name}`", partial(sluice, name)
    yield "a read of the whole table", lambda: read_all(connected)


def read_all(connected: Connected) -> None:
    rows = list(connected.lake.catalog.all())
    tables = {str(r.name): r.dataset.table for r in connected.lake.registry.all()}
    Counter((row.dataset, row.status) for row in rows)
    sorted(rows, key=lambda row: (row.since, row.order), reverse=True)
    of_objects(rows, tables, system_clock())


def measure(run: Callable[[], None], lake: int) -> tuple[float, float, float]:
    """Seconds that passed, and those of the processor: this process's and the lake's."""
    began, own, aws = time.monotonic(), time.process_time(), cpu_s(lake)
    run()
    return time.monotonic() - began, time.process_time() - own, cpu_s(lake) - aws


def print_starts(times: int) -> None:
    """What each command takes as a person runs it, in a process of its own, which starts and loads what it needs.

    The environment names the lake. The peer only loads AWS's SDK and asks the same embedded AWS one question. The least
    of several: what else the machine does makes each longer, and none shorter.
    """
    sluice = "from pipeline.cli import main; main()"
    peer = "import boto3; boto3.client('dynamodb').list_tables()"
    rows = {f"`sluice {name}`": (sluice, name) for name in COMMANDS}
    print("| a process of its own | time | processor: command |\n|---|---|---|")
    for name, command in {**rows, "boto3 alone, one call": (peer,)}.items():
        took = [start([sys.executable, "-c", *command]) for _ in range(times + 1)]
        wall, own = (min(each) for each in zip(*took, strict=True))
        print(f"| {name} | {wall:.2f} s | {own:.2f} s |", flush=True)


def start(command: list[str]) -> tuple[float, float]:
    """Seconds that passed, and those of the process's processor, from its start to its end."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    # `wait` tells by 3 that something needs attention.
    if subprocess.run(command, capture_output=True).returncode not in (0, 3):
        sys.exit(f"{' '.join(command)} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(bucket: str, n: int) -> Row:
    obj, status = ObjectVersion(bucket, f"{NAME}/{n}.csv", f"v{n}"), FINISHED[n % 100]
    bad = 1 if n < NEED_ATTENTION // 2 else 0
    if NEED_ATTENTION // 2 <= n < NEED_ATTENTION:
        status = Status.FAILED
    return row_of(
        obj,
        str(NAME),
        int(time.time() * 1000),
        (Status.REGISTERED, Status.STAGED, Status.CLAIMED, status),
        rows_in=10,
        rows_out=10 - bad,
        rows_bad=bad,
        batch="b",
        checksum=obj.digest,
        staged=f"s3://staging/{NAME}/2026/01/01/{obj.digest}-1.parquet",
        execution=f"{NAME}-{n // 10}",
    )


def supervisor() -> int:
    """The process id of the lake, which this process has started."""
    for pid in processes(os.getpid())[1:]:
        if b"pipeline.emulator.supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    sys.exit("the lake does not run")


if __name__ == "__main__":
    main()
