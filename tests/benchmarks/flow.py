"""How long a small file takes through a warm embedded lake.

    python -m tests.benchmarks.flow [--files N] [--batches N]

Dropped to staged: from the answer of PutObject to the STAGED row, one file after another. Poll to committed: from the
poller's invocation to the batch's end, with a ruleset, for batches of one file after the first two.
"""

from __future__ import annotations

import argparse
import statistics
import time

from pipeline.cli.embedded import run_schedules_now
from pipeline.core.clients import client
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.settings import Setting
from pipeline.operate.connection import Connected
from tests.benchmarks.small_lake import NAME, small_lake

QUALITY = """quality: {ruleset: 'Rules = [ IsComplete "id", ColumnValues "n" >= 0 ]'}\n"""
PATIENCE_S = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--batches", type=int, default=5)
    given = parser.parse_args()
    with small_lake(QUALITY) as connected:
        report("poll to committed, two jobs, warm", [commit_one(connected, n) for n in range(given.batches + 2)][2:])
        report("dropped to staged", [stage_one(connected, n) for n in range(given.files + 1)][1:])


def report(what: str, seconds: list[float]) -> None:
    low, high = min(seconds), max(seconds)
    print(f"{what:<36} median {statistics.median(seconds):6.2f} s   ({low:.2f} to {high:.2f}, {len(seconds)} runs)")


def drop(connected: Connected, file: str, name: DatasetName = NAME) -> str:
    """Put a file of one row; returns its path, `bucket/key`."""
    key = f"{name}/{file}"
    bucket = connected.lake.settings[Setting.RAW_BUCKET]
    client("s3").put_object(Bucket=bucket, Key=key, Body=f"id,n\n{file},1\n".encode())
    return f"{bucket}/{key}"


def until(what: str, condition: object) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():  # type: ignore[operator]
        if time.monotonic() > give_up:
            raise SystemExit(f"{what} did not happen within {PATIENCE_S} s")
        time.sleep(0.01)


def stage_one(connected: Connected, n: int) -> float:
    path = drop(connected, f"staged-{n}.csv")
    began = time.monotonic()
    until("staging", lambda: any(row.status is Status.STAGED for row in connected.lake.catalog.history(path)))
    return time.monotonic() - began


def commit_one(connected: Connected, n: int) -> float:
    path = drop(connected, f"committed-{n}.csv")
    until("staging", lambda: any(row.status is Status.STAGED for row in connected.lake.catalog.history(path)))
    assert connected.endpoint
    began = time.monotonic()
    run_schedules_now(connected.endpoint)
    until("committing", lambda: any(row.status is Status.COMMITTED for row in connected.lake.catalog.history(path)))
    return time.monotonic() - began


if __name__ == "__main__":
    main()
