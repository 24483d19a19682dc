"""The transform job on tables of plain Parquet files, and what leads readers to its rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pyarrow as pa
import pytest
from pyiceberg.io import load_file_io

from pipeline.lake.batches.records import BatchRecords
from pipeline.lake.datasets import Dataset
from pipeline.lake.tables import parquet, parquet_creation
from pipeline.lake.tables.creation import create_database
from pipeline.lake.tables.outcomes import CommitOutcome
from pipeline.lake.tables.parquet import ParquetTables
from pipeline.lake.tables.parquet_creation import create_parquet_table
from pipeline.operate.parquet_rows import ParquetRows
from tests.stages.stage_b.conftest import BATCHES, Staged, Table, numbers
from tests.warm_lake import REGION, WarmLake

MakeParquet = Callable[..., Table]


@pytest.fixture
def make_parquet(lake: WarmLake, monkeypatch: pytest.MonkeyPatch) -> MakeParquet:
    session = boto3.Session(lake.key.id, lake.key.secret, region_name=REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", lake.endpoint)
    for module in (parquet, parquet_creation):
        monkeypatch.setattr(module, "session", lambda: session)
    tables: Any = ParquetTables(lake.glue, lake.s3)

    def make(columns: dict[str, str], **table: Any) -> Table:
        definition = {"team": "team", "dataset": "set", "stage_a": {"format": "json", "columns": columns}}
        dataset = Dataset.model_validate({**definition, "table": {"format": "parquet", **table}})
        name = f"lake_team.set_{next(numbers)}"
        create_database("lake_team", lake.glue)
        create_parquet_table(dataset, name, f"s3://curated/{name.replace('.', '/')}", lake.glue)
        return ParquetTable(lake, dataset, name, tables, BatchRecords(lake.dynamodb, BATCHES))

    return make


def of_lake(lake: WarmLake) -> Any:
    place = {"s3.endpoint": lake.endpoint, "s3.region": REGION, "s3.force-virtual-addressing": "false"}
    return load_file_io({**place, "s3.access-key-id": lake.key.id, "s3.secret-access-key": lake.key.secret}, "s3://")


class ParquetTable(Table):
    def rows(self, snapshot: int | None = None, *columns: str) -> list[dict[str, Any]]:
        tables: Any = self.tables
        home = f"s3://curated/{self.name.replace('.', '/')}/"
        found = ParquetRows(tables.load(self.name), self.lake.glue, self.lake.s3, home, of_lake(self.lake)).table()
        kept = [{k: v for k, v in row.items() if k not in ("_sluice_order", "batch_id")} for row in found.to_pylist()]
        return sorted(kept, key=lambda row: json.dumps(row, default=str, sort_keys=True))


def test_a_batch_is_seen_only_after_its_commit_and_a_second_run_doubles_nothing(make_parquet: MakeParquet) -> None:
    table = make_parquet({"id": "bigint", "name": "string"})
    first = table.transform(Staged(pa.table({"id": [1, 2], "name": ["a", None]})))
    assert first.run["JobRunState"] == "SUCCEEDED", first.run
    assert first.write
    assert (first.write.rows, first.write.bad_rows, first.write.superseded) == (2, 0, ())
    assert table.rows() == []
    again = table.transform(batch=first.batch)
    assert again.write
    assert again.write.branch != first.write.branch
    assert again.write.snapshot != first.write.snapshot
    for _ in range(2):
        outcome = table.tables.commit(table.name, again.batch, again.write.branch, 0, again.write.snapshot or 0)
        assert outcome == CommitOutcome.COMMITTED
        assert table.rows() == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]
    # A stray run of the same batch, which was not checked, does not come beside it.
    assert table.tables.commit(table.name, first.batch, first.write.branch, 0, first.write.snapshot or 0) == "REBASE"
    assert table.tables.abandon(table.name, first.batch) == CommitOutcome.COMMITTED
    assert len(table.rows()) == 2

    # What files bring beside the contract; an abandoned batch is never seen, however late its commit comes.
    table.load(Staged(pa.table({"id": [3], "more": [1.5]}), 2))
    assert table.rows()[-1] == {"id": 3, "name": None, "more": 1.5}
    lost = table.transform(Staged(pa.table({"id": [4]}), 3))
    assert lost.write
    assert table.tables.abandon(table.name, lost.batch) == CommitOutcome.ABANDONED
    assert table.tables.abandon(table.name, lost.batch) == CommitOutcome.ABANDONED
    assert table.tables.commit(table.name, lost.batch, lost.write.branch, 0, lost.write.snapshot or 0) == "REBASE"
    assert [row["id"] for row in table.rows()] == [1, 2, 3]
