"""Batches beside a writer who knows nothing of Sluice: both get through, and no row of either is lost or doubled.

    python -m tests.benchmarks.foreign [--write MODE] [--commits N] [--batches N] [--a-second N]

The writer appends to the dataset's table by PyIceberg, in a process of its own, at least so many times and for as long
as batches come, one file each. It rests once a batch of another mode than `append` has given up.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from pipeline.cli.waits import wait
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.catalog import Status
from pipeline.operate.connection import Connected
from tests.benchmarks.flow import drop
from tests.benchmarks.small_lake import NAME, small_lake
from tests.foreign_writer import ForeignWriter

MORE = """stage_b: {schedule: rate(1 minute)}
quality: {ruleset: 'Rules = [ IsComplete "id" ]'}
"""
MODES = {"append": "", "upsert": "table: {write: upsert, key: [id]}\n", "replace": "table: {write: replace}\n"}
PATIENCE_S = 900


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", choices=MODES, default="append")
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--a-second", type=float, default=3)
    given = parser.parse_args()
    with small_lake(MORE + MODES[given.write]) as connected:
        # The table is there from the first batch on, whose job also warms Spark.
        load(connected, "first.csv")
        row = {"id": "foreign-", "n": 0}
        writer = ForeignWriter(table_of(connected), row, a_second=given.a_second)
        if given.write != "append":
            drop(connected, "0.csv")
            until_one_gave_up(connected)
        else:
            for number in range(given.batches):
                load(connected, f"{number}.csv")
        writer.wait_for(max(0, given.commits - len(writer.ids())))
        foreign = writer.rest()
        print(f"the other writer: {len(foreign)} commits, {len(foreign) / writer.seconds:.1f} a second", flush=True)
        if given.write != "append":
            for number in range(1, given.batches):
                drop(connected, f"{number}.csv")
            wait(connected, PATIENCE_S, lambda _: None)
        sys.exit(verdict(connected, given.batches + 1, foreign))


def until_one_gave_up(connected: Connected) -> None:
    """The lake never settles while the other writer goes on: looked at in pieces."""
    ends = time.monotonic() + PATIENCE_S
    while not any(each.status is BatchStatus.CANCELLED for each in connected.lake.batches.newest(str(NAME), 5)):
        if time.monotonic() > ends:
            raise SystemExit(f"no batch gave up within {PATIENCE_S} s")
        wait(connected, 5, lambda _: None)
    print("a batch gave up, and its objects wait for the next one", flush=True)


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


def verdict(connected: Connected, files: int, foreign: list[str]) -> int:
    """Print what became of both; 1 if a row is not there exactly once, or a batch failed."""
    statuses = Counter(row.status for row in connected.lake.catalog.all(str(NAME)))
    batches = Counter(batch.status for batch in connected.lake.batches.newest(str(NAME), 10 * files))
    found = connected.lake.tables.load(table_of(connected)).scan().to_arrow()["id"].to_pylist()
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
