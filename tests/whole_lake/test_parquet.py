"""Datasets whose tables are plain Parquet files, through the whole lake."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.clients import client, session
from pipeline.lake.catalog import Status

from .conftest import Datasetup, RunningLake, values

# Jobs, a function with pandas and a crawl, one after the other.
PATIENCE_S = 300
COLUMNS = {"id": "bigint", "day": "date", "name": "string"}
CSV = {"format": "csv", "columns": COLUMNS, "on_new_column": "add"}


def partitions(dataset: Datasetup) -> list[dict[str, Any]]:
    database = dataset.lake.lake.registry.get(dataset.name)
    assert database
    place, name = database.table.split(".")
    found: list[dict[str, Any]] = client("glue").get_partitions(DatabaseName=place, TableName=name)["Partitions"]
    return found


def test_batches_are_partitions_that_are_seen_once_their_rules_hold(lake: RunningLake) -> None:
    rules = {"ruleset": 'Rules = [ IsComplete "name" ]'}
    dataset = lake.define({"stage_a": CSV, "table": {"format": "parquet"}, "quality": rules})
    dataset.drop("a.csv", "id,day,name\n1,2026-01-31,a\n2,2026-02-01,b\n")
    lake.settle(PATIENCE_S)
    [batch] = dataset.batches()
    assert (batch.status, batch.format) == ("COMMITTED", "parquet"), batch.error
    assert [part["Values"] for part in partitions(dataset)] == [[batch.id]]
    assert dataset.rows("select id, cast(day as varchar) as day, name, batch_id from {table} order by id") == [
        {"id": 1, "day": "2026-01-31", "name": "a", "batch_id": batch.id},
        {"id": 2, "day": "2026-02-01", "name": "b", "batch_id": batch.id},
    ]

    dataset.drop("b.csv", "id,day,name\n3,2026-02-01,\n")
    lake.settle(PATIENCE_S)
    assert dataset.row("b.csv").status is Status.QUARANTINED
    assert values(dataset.rows(), "id") == [1, 2]

    dataset.drop("c.csv", "id,day,name,more\n4,2026-02-02,d,x\n")
    lake.settle(PATIENCE_S)
    assert values(dataset.rows("select id from {table} where more = 'x'"), "id") == [4]

    # pandas, through awswrangler, finds the same by the catalog.
    import awswrangler

    registered = lake.lake.registry.get(dataset.name)
    assert registered
    database, table = registered.table.split(".")
    # The catalog's partitions, and not the table's folder, where files of batches that failed lie, too.
    folders = awswrangler.catalog.get_parquet_partitions(database, table, boto3_session=session())
    files = [file for each in folders for file in awswrangler.s3.list_objects(each, boto3_session=session())]
    frame = awswrangler.s3.read_parquet(files, boto3_session=session())
    assert sorted(frame["id"]) == [1, 2, 4]


def test_an_object_takes_the_place_of_the_table_or_of_its_partitions(lake: RunningLake) -> None:
    whole = lake.define(of_all_rows({"write": "overwrite"}, "RowCount < 4"))
    parted = lake.define(of_all_rows({"write": "overwrite", "partition_by": ["day"]}, "RowCount = 3"))
    added = lake.define(of_all_rows({}, 'IsUnique "id"'))
    for dataset in (whole, parted, added):
        dataset.drop("a.csv", "id,day,name\n1,2026-01-31,a\n2,2026-02-01,b\n3,,c\n")
    lake.settle(PATIENCE_S)
    for dataset in (whole, parted, added):
        assert values(dataset.rows(), "id") == [1, 2, 3], dataset.batches()[0].error
        dataset.drop("b.csv", "id,day,name\n4,2026-02-01,d\n")
    lake.settle(PATIENCE_S)
    # Rules of scope: table are about what the table would be with the batch.
    assert values(added.rows(), "id") == [1, 2, 3, 4], added.batches()[0].error
    added.drop("c.csv", "id,day,name\n2,2026-02-02,again\n")
    lake.settle(PATIENCE_S)
    assert added.row("c.csv").status is Status.QUARANTINED
    assert values(added.rows(), "id") == [1, 2, 3, 4]
    assert values(whole.rows(), "id") == [4]
    assert values(parted.rows("select id from {table} order by id"), "id") == [1, 3, 4]
    nulls = parted.rows("select id from {table} where day is null")
    assert values(nulls, "id") == [3]


def of_all_rows(table: dict[str, Any], rule: str) -> dict[str, Any]:
    quality = {"ruleset": f"Rules = [ {rule} ]", "scope": "table"}
    return {"stage_a": CSV, "table": {"format": "parquet", **table}, "quality": quality}


def test_a_crawler_enters_what_the_rules_let_through(lake: RunningLake) -> None:
    rules = {"ruleset": 'Rules = [ IsComplete "name" ]'}
    dataset = lake.define({"stage_a": CSV, "table": {"format": "parquet", "crawler": True}, "quality": rules})
    registered = lake.lake.registry.get(dataset.name)
    assert registered
    dataset.drop("a.csv", "id,day,name,more\n1,2026-01-31,a,x\n")
    lake.settle(PATIENCE_S)
    [batch] = dataset.batches()
    assert batch.status == "COMMITTED", batch.error
    assert [part["Values"] for part in partitions(dataset)] == [[batch.id]]
    assert dataset.rows("select id, more, batch_id from {table}") == [{"id": 1, "more": "x", "batch_id": batch.id}]
    dataset.drop("b.csv", "id,day,name\n3,2026-02-01,\n")
    lake.settle(PATIENCE_S)
    assert dataset.row("b.csv").status is Status.QUARANTINED
    assert len(partitions(dataset)) == 1
    # A file that somebody else put there, of another schema: the crawl fails, and with it the batch, of which nobody
    # sees a row; once it is gone the batch is loaded again.
    database, table = registered.table.split(".")
    found = client("glue").get_table(DatabaseName=database, Name=table)["Table"]
    bucket, _, prefix = found["StorageDescriptor"]["Location"].removeprefix("s3://").partition("/")
    place = {"Bucket": bucket, "Key": f"{prefix}batch_id={batch.id}/theirs.parquet"}
    client("s3").put_object(**place, Body=parquet_of(id=["text"]))
    dataset.drop("c.csv", "id,day,name\n4,2026-02-02,d\n")
    lake.settle(PATIENCE_S)
    newest = dataset.batches()[0]
    assert newest.status == "FAILED"
    assert "column id is" in (newest.error or "")
    assert len(partitions(dataset)) == 1
    client("s3").delete_object(**place)
    assert lake.sluice("redrive", "--batch", newest.id).returncode == 0
    lake.settle(PATIENCE_S)
    assert values(dataset.rows("select id from {table}"), "id") == [1, 4]


def parquet_of(**columns: list[Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()
