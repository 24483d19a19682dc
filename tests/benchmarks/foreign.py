"""Batches beside a writer who knows nothing of Sluice: both get through, and no row of either is lost or doubled.

    python -m tests.benchmarks.foreign [--commits N] [--batches N] [--a-second N]

The writer appends to the dataset's table by PyIceberg, at least so many times and for as long as batches come, one
file each.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import pyarrow as pa

from pipeline.cli.waits import wait
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.catalog import Status
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.operate.connection import Connected
from tests.benchmarks.flow import drop
from tests.benchmarks.small_lake import NAME, small_lake

MORE = """stage_b: {schedule: rate(1 minute)}
quality: {ruleset: 'Rules = [ IsComplete "id" ]'}
"""
PATIENCE_S = 900


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--a-second", type=float, default=3)
    given = parser.parse_args()
    with small_lake(MORE) as connected:
        # The table is there from the first batch on, whose job also warms Spark.
        load(connected, "first.csv")
        done = threading.Event()
        foreign: list[str] = []
        writer = threading.Thread(target=write, args=(connected, given, foreign, done.is_set))
        writer.start()
        for number in range(given.batches):
            load(connected, f"{number}.csv")
        done.set()
        writer.join()
        sys.exit(verdict(connected, given.batches + 1, foreign))


def table_of(connected: Connected) -> str:
    registration = connected.lake.registry.get(NAME)
    assert registration
    return registration.table


def load(connected: Connected, file: str) -> None:
    began = time.monotonic()
    drop(connected, file)
    progress = wait(connected, PATIENCE_S, lambda _: None)
    newest = connected.lake.batches.newest(str(NAME), 1)[0]
    what = newest.status.value if progress.is_settled else progress.describe()
    print(f"{file:<10} {what} after {time.monotonic() - began:.0f} s, {newest.rebases} transforms again", flush=True)


def write(connected: Connected, given: argparse.Namespace, wrote: list[str], is_done: Callable[[], bool]) -> None:
    """Append row after row at the rate that is given; a commit that others were quicker than is tried again."""
    from pyiceberg.exceptions import CommitFailedException

    tables, name = IcebergTables(), table_of(connected)
    began, refused = time.monotonic(), 0
    while len(wrote) < given.commits or not is_done():
        row = f"foreign-{len(wrote)}"
        next_at = time.monotonic() + 1 / given.a_second
        try:
            tables.load(name).append(pa.table({"id": [row], "n": pa.array([0], pa.int32())}))
            wrote.append(row)
        except (CommitFailedException, ValueError):
            # The latter is what PyIceberg says where a snapshot came to another branch meanwhile.
            refused += 1
        time.sleep(max(0.0, next_at - time.monotonic()))
    rate = len(wrote) / (time.monotonic() - began)
    print(f"the other writer: {len(wrote)} commits, {rate:.1f} a second, {refused} refused", flush=True)


def verdict(connected: Connected, files: int, foreign: list[str]) -> int:
    """Print what became of both; 1 if a row is not there exactly once, or a batch failed."""
    statuses = Counter(row.status for row in connected.lake.catalog.all(str(NAME)))
    batches = Counter(batch.status for batch in connected.lake.batches.newest(str(NAME), 10 * files))
    found = IcebergTables().load(table_of(connected)).scan().to_arrow()["id"].to_pylist()
    theirs = Counter(row for row in found if row.startswith("foreign-"))
    ours = Counter(row for row in found if not row.startswith("foreign-"))
    print(f"files {dict(statuses)}; batches {dict(batches)}")
    print(f"rows of files {len(ours)} of {files}, of the other writer {len(theirs)} of {len(foreign)}", flush=True)
    once = set(theirs.values()) | set(ours.values()) <= {1}
    whole = len(ours) == files and set(theirs) == set(foreign)
    good = statuses == {Status.COMMITTED: files} and BatchStatus.FAILED not in batches
    return 0 if once and whole and good else 1


if __name__ == "__main__":
    main()
