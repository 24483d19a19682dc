"""What a dataset's table is made of, and when its batches open, in words."""

from __future__ import annotations

import pytest

from pipeline.lake.datasets import Dataset
from pipeline.operate.datasets import kind_of_table, kind_of_transform, start_of_batches


def dataset(**parts):
    stage_a = {"format": "csv", "columns": {"id": "bigint", "day": "date", "v": "double"}}
    return Dataset.from_stored({"team": "shop", "dataset": "orders", "stage_a": stage_a, **parts})


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "Iceberg; append"),
        ({"write": "upsert", "key": ["id", "day"]}, "Iceberg; upsert by id, day"),
        ({"write": "overwrite", "partition_by": ["day"]}, "Iceberg; overwrite, partitioned by day"),
        ({"format": "parquet", "write": "overwrite"}, "plain Parquet files; overwrite"),
        (
            {"format": "parquet", "crawler": True},
            "plain Parquet files; append, entered in the catalog by a crawler",
        ),
    ],
)
def test_a_table_is_told_by_what_it_is_made_of_and_what_rows_do(table, told):
    assert kind_of_table(dataset(table=table)) == told


@pytest.mark.parametrize(
    ("stage_b", "told"),
    [
        ({}, None),
        ({"min_objects": 5}, "when 5 objects wait, or one of them for 30 min"),
        ({"start_when": {"objects": 7}, "max_wait": "2 hours"}, "when 7 objects wait, or one of them for 2 h"),
        ({"start_when": {"marker": "_SUCCESS"}}, "when _SUCCESS lies in a folder, with all that lies there"),
        ({"start_when": {"manifest": "*.mf"}}, "when a manifest *.mf came, with what it names"),
    ],
)
def test_it_is_told_when_a_batch_opens_that_does_not_take_objects_as_they_come(stage_b, told):
    assert start_of_batches(dataset(stage_b=stage_b)) == told


@pytest.mark.parametrize(
    ("transform", "told"),
    [
        (None, None),
        ({"sql": "orders.sql", "reads": ["shop/prices as p"]}, "SQL, orders.sql, reads shop/prices as p"),
        ({"python": "orders.py:clean"}, "Python, orders.py:clean"),
        ({"script": "orders.py"}, "a Glue script, orders.py"),
    ],
)
def test_a_transform_is_told_by_its_kind_its_file_and_what_it_reads(transform, told):
    assert kind_of_transform(dataset(**({"transform": transform} if transform else {}))) == told
