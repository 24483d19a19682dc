"""Batches whose table somebody else writes to without a pause: no row of either is lost or doubled, in any write mode
whose rows depend on the table. What the writer kept from committing is committed once it rests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest

from pipeline.lake.tables.outcomes import CommitOutcome
from stages.stage_b.jobs.branches import BranchedTable
from tests.foreign_writer import ForeignWriter
from tests.stages.rows.loading import Loader
from tests.stages.rows.test_rows_accounted import File, Row, make_dataset, stage
from tests.warm_lake import REGION

FOREIGN = 1000
FIRST = File(1, (Row(1, 1, "a", "1"), Row(2, 2, "a", "1"), Row(3, 3, "b", "1")), "orders")
SECOND = File(2, (Row(12, 2, "a", "2"), Row(14, 4, "a", "2")), "orders")
AFTER = {
    "upsert": {1, 12, 3, 14},
    "replace": {12, 14},
    "overwrite by partition": {3, 12, 14},
    "overwrite": {12, 14},
}


@contextmanager
def foreign_writer(lake: Loader, table: str) -> Iterator[ForeignWriter]:
    key = lake._lake.key
    environment = {"AWS_ENDPOINT_URL": lake._lake.endpoint, "AWS_REGION": REGION, **key.variables()}
    # A partition of its own, and rows that no file has.
    row = {"id": FOREIGN, "n": FOREIGN, "p": "theirs", "v": 0}
    writer = ForeignWriter(table, row, environment=environment)
    try:
        yield writer
    finally:
        writer.rest()


@pytest.mark.parametrize("mode", AFTER)
def test_a_batch_commits_once_the_other_writer_rests_and_nothing_of_either_is_lost(lake: Loader, mode: str) -> None:
    dataset = make_dataset(mode)
    table = lake.make_table(dataset)
    first = lake.seal(dataset, table, [stage(FIRST)])
    lake.commit(table, first, lake.write(table, first, "r1").written)
    batch = lake.seal(dataset, table, [stage(SECOND)])
    with foreign_writer(lake, table) as writer:
        writer.wait_for(1)
        # The job itself gets through: its branch, and what it writes to it, are changes of the same table.
        restless = lake.write(table, batch, "r1").written
        writer.wait_for(1)
        assert commit(lake, table, batch, restless) == CommitOutcome.REBASE
        assert not restless.can_move
        theirs = writer.rest()
    assert commit(lake, table, batch, lake.write(table, batch, "r2").written) == CommitOutcome.COMMITTED
    found = lake.read(table).to_pylist()
    assert Counter(row["n"] for row in found if row["p"] != "theirs") == Counter(AFTER[mode])
    # An object that replaces the whole table replaces their rows, too.
    kept = [] if mode == "overwrite" else theirs
    assert sorted(row["id"] for row in found if row["p"] == "theirs") == kept
    assert set(lake.tables.load(table).metadata.refs) == {"main"}


def commit(lake: Loader, table: str, batch: str, written: Any) -> CommitOutcome:
    assert written.snapshot is not None
    return lake.tables.commit(table, batch, written.branch, written.base, written.snapshot, can_move=written.can_move)


class Intruded:
    """A Java object of which each `commit` comes after somebody else's, for as long as there are any."""

    def __init__(self, java: Any, others: Iterator[None]) -> None:
        self._java, self._others = java, others

    def __getattr__(self, name: str) -> Any:
        def called(*arguments: Any) -> Any:
            if name == "commit":
                next(self._others, None)
            answer = getattr(self._java, name)(*arguments)
            return Intruded(answer, self._others) if name in ("manageSnapshots", "createBranch") else answer

        return called


def test_a_run_makes_its_branch_however_often_others_commit_meanwhile(
    lake: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset("upsert")
    table = lake.make_table(dataset)
    row = pa.Table.from_pylist([{"n": 1, "id": FOREIGN}], lake.tables.load(table).schema().as_arrow())
    others = (lake.tables.load(table).append(row) for _ in range(6))
    load = BranchedTable._load
    monkeypatch.setattr(BranchedTable, "_load", lambda self: Intruded(load(self), others))
    branched = BranchedTable(lake._spark.newSession(), table)
    branched.create_branch("b_x_y")
    assert next(others, "none is left") == "none is left"
    assert lake.tables.load(table).metadata.refs["b_x_y"].snapshot_id == branched.base
