"""Upkeep of a real table by Iceberg's procedures: what readers see stays, what nobody needs goes."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.lake.datasets.model import Upkeep
from pipeline.lake.tables.homes import OutsideTable
from pipeline.lake.tables.names import batch_of
from stages.stage_b.jobs.table_upkeep import Keeper
from tests.stages.rows.loading import Loader
from tests.stages.rows.test_rows_accounted import File, Row, make_dataset, stage

LATER = datetime.now(UTC) + timedelta(days=30)


def keeper(lake: Loader, table: str, *ended: str) -> Keeper:
    return Keeper(lake._spark.newSession(), table, Upkeep(keep_at_least=2), ended.__contains__)


def load(lake: Loader, table: str, mode: str, order: int, *rows: Row) -> str:
    """A batch of one file; returns its id."""
    batch = lake.seal(make_dataset(mode), table, [stage(File(order, rows))])
    lake.commit(table, batch, lake.write(table, batch, "r1").written)
    return batch


def files_under(lake: Loader, table: str) -> set[str]:
    pages = lake._lake.s3.get_paginator("list_objects_v2").paginate(Bucket="values-curated", Prefix=f"{table}/")
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def rows(lake: Loader, table: str) -> list[dict[str, Any]]:
    return sorted(lake.read(table).to_pylist(), key=str)


def test_upkeep_changes_no_row_and_leaves_few_files_and_snapshots(lake: Loader) -> None:
    table = lake.make_table(make_dataset("upsert"))
    for n in range(6):
        load(lake, table, "upsert", n + 1, Row(n, n % 3, "a", "1"), Row(100 + n, 100 + n, "b", "1"))
    before = rows(lake, table)
    lost = f"{table}/data/lost.parquet"
    lake._lake.s3.put_object(Bucket="values-curated", Key=lost, Body=b"of a job that died")
    marker = lake.tables.load(table).properties["sluice.last-batch"]

    did = keeper(lake, table).keep_up(LATER)
    found = lake.tables.load(table)
    assert rows(lake, table) == before
    assert found.properties["sluice.last-batch"] == marker
    assert did["data_files"] >= 6
    assert did["orphans"] == 1
    assert lost not in files_under(lake, table)
    assert len(found.metadata.snapshots) == 2
    assert did["snapshots"] >= 6
    assert found.inspect.data_files().num_rows == 1
    # One alone is not rewritten; its rows are gone from the data files.
    assert found.inspect.delete_files().num_rows <= 1

    # A batch on what upkeep left, and upkeep of a table that is in order.
    load(lake, table, "upsert", 9, Row(50, 0, "a", "2"))
    after = rows(lake, table)
    assert [row["n"] for row in after if row["id"] == 0] == [50]
    keeper(lake, table).keep_up(LATER)
    assert rows(lake, table) == after


def test_branches_of_batches_that_ended_go_and_others_keep_their_rows(lake: Loader) -> None:
    table = lake.make_table(make_dataset("append"))
    load(lake, table, "append", 1, Row(1, 1, "a", "1"))
    written = []
    for order in (2, 3):
        batch = lake.seal(make_dataset("append"), table, [stage(File(order, (Row(order, 1, "a", "1"),)))])
        written.append((batch, lake.write(table, batch, "r1").written))
    (ended, _), (runs, kept) = written
    did = keeper(lake, table, ended).keep_up(LATER)
    found = lake.tables.load(table)
    assert did["branches"] == 1
    assert set(found.metadata.refs) == {"main", kept.branch}
    assert batch_of(kept.branch) == runs
    assert set(found.scan(snapshot_id=kept.snapshot).to_arrow()["n"].to_pylist()) == {1, 3}
    assert [row["n"] for row in rows(lake, table)] == [1]


def test_a_table_that_names_files_of_another_is_not_kept_up(lake: Loader) -> None:
    mine, theirs = lake.make_table(make_dataset("append")), lake.make_table(make_dataset("append"))
    load(lake, mine, "append", 1, Row(1, 1, "a", "1"))
    body = io.BytesIO()
    pq.write_table(lake.read(mine), body)
    their_file = f"{theirs}/data/theirs.parquet"
    lake._lake.s3.put_object(Bucket="values-curated", Key=their_file, Body=body.getvalue())

    def held() -> Keeper:
        spark, home = lake._spark.newSession(), f"s3://values-curated/{mine}/"
        return Keeper(spark, mine, Upkeep(keep_at_least=2), lambda batch: True, home)

    held().keep_up(LATER)
    lake.tables.load(mine).add_files([f"s3://values-curated/{their_file}"])
    # Only an old snapshot names it, which expires with its files.
    lake.tables.load(mine).overwrite(lake.read(mine))
    before = lake.tables.load(mine).metadata_location
    with pytest.raises(OutsideTable, match=their_file):
        held().keep_up(LATER)
    assert lake.tables.load(mine).metadata_location == before
    assert their_file in files_under(lake, theirs)


def test_files_that_are_young_stay_and_so_do_snapshots(lake: Loader) -> None:
    table = lake.make_table(make_dataset("append"))
    for n in range(4):
        load(lake, table, "append", n + 1, Row(n, n, "a", "1"))
    lake._lake.s3.put_object(Bucket="values-curated", Key=f"{table}/data/young.parquet", Body=b"of a job that runs")
    snapshots = {each.snapshot_id for each in lake.tables.load(table).metadata.snapshots}
    did = keeper(lake, table).keep_up(datetime.now(UTC))
    assert (did["orphans"], did["snapshots"]) == (0, 0)
    assert f"{table}/data/young.parquet" in files_under(lake, table)
    assert snapshots <= {each.snapshot_id for each in lake.tables.load(table).metadata.snapshots}
    for snapshot in snapshots:
        lake.tables.load(table).scan(snapshot_id=snapshot).to_arrow()


def test_files_of_deletes_whose_rows_are_gone_go(lake: Loader) -> None:
    """The newest batch's, too, which Iceberg keeps with the data files that replace what they were about."""
    table = lake.make_table(make_dataset("upsert"))
    for n in range(6):
        load(lake, table, "upsert", n + 1, Row(n, n, "a", "1"), Row(100 + n, 100 + n, "b", "1"))
    load(lake, table, "upsert", 7, Row(7, 0, "a", "2"), Row(8, 1, "a", "2"))
    before = rows(lake, table)
    assert lake.tables.load(table).inspect.delete_files().num_rows == 2
    keeper(lake, table).keep_up(LATER)
    assert rows(lake, table) == before
    found = lake.tables.load(table).inspect
    assert (found.data_files().num_rows, found.delete_files().num_rows) == (1, 0)


def test_a_table_that_another_writes_to_meanwhile_loses_none_of_its_rows(lake: Loader) -> None:
    table = lake.make_table(make_dataset("append"))
    for n in range(6):
        load(lake, table, "append", n + 1, Row(n, n, "a", "1"))
    steps = keeper(lake, table)
    compact = steps.compact

    def meanwhile() -> dict[str, int]:
        row = {"n": 99, "id": 99, "p": "z", "v": 1}
        schema = pa.schema([("n", pa.int64()), ("id", pa.int64()), ("p", pa.string()), ("v", pa.int32())])
        lake.tables.load(table).append(pa.Table.from_pylist([row], schema))
        return compact()

    steps.compact = meanwhile  # type: ignore[method-assign]
    steps.keep_up(LATER)
    assert [row["n"] for row in rows(lake, table)] == [0, 1, 2, 3, 4, 5, 99]


def test_a_branch_names_its_batch() -> None:
    assert [batch_of(name) for name in ("b_01A_jr_1", "main", "b_01A", "bb_01A_jr", "b__jr")] == [
        "01A", None, None, None, "",
    ]  # fmt: skip
