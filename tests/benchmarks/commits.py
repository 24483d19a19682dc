"""Calls of one batch, from its job's first to its commit's last, as the table grows old."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.model import Upkeep
from stages.stage_b.jobs.table_upkeep import Keeper
from tests.stages.rows.loading import Loader, loader
from tests.stages.rows.test_rows_accounted import File, Row, make_dataset, stage
from tests.warm_lake import REGION

MODES = ("append", "upsert")
UPKEEP_EVERY = 100
"""Commits between two turns of upkeep."""


def load(lake: Loader, dataset: Dataset, table: str, n: int) -> None:
    """A batch of one file with a row of a new key, and one of a key that is there."""
    rows = (Row(n, n, "a", "1"), Row(n, 0, "a", "1"))
    batch = lake.seal(dataset, table, [stage(File(n, rows))])
    written = lake.write(table, batch, "r1").written
    assert written.snapshot is not None
    lake.tables.commit(table, batch, written.branch, written.base, written.snapshot)


def measured(lake: Loader, mode: str, counts: list[int]) -> Iterator[tuple[int, int, int]]:
    """(commits so far, calls to S3, all calls) of the batch after so many."""
    dataset = make_dataset(mode)
    table = lake.make_table(dataset)
    for n in range(1, max(counts) + 2):
        lake._lake.forget_calls()
        load(lake, dataset, table, n)
        if n - 1 in counts:
            calls = lake._lake.calls()
            yield n - 1, sum(count for name, count in calls.items() if name.startswith("s3.")), calls.total()
        if n % UPKEEP_EVERY == UPKEEP_EVERY // 2:
            keeper = Keeper(lake._spark.newSession(), table, Upkeep(keep_at_least=2), lambda batch: True)
            keeper.keep_up(datetime.now(UTC))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=1000, help="the most that a table gets (default: 1000)")
    parser.add_argument("--write", choices=MODES, action="append", help="only tables of this write mode")
    given = parser.parse_args()
    most = given.commits
    os.environ.setdefault("AWS_REGION", REGION)
    counts = sorted({count for count in (10, 100, most) if count <= most})
    print("| write | commits before | calls to S3 | all calls |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder, loader(Path(folder)) as lake:
        for mode in given.write or MODES:
            for commits, s3, total in measured(lake, mode, counts):
                print(f"| {mode} | {commits} | {s3} | {total} |", flush=True)


if __name__ == "__main__":
    main()
