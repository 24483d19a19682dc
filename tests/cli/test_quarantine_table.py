"""Rows that were set aside, as a table that queries can read."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from pipeline.core.clients import client
from pipeline.core.errors import BadInput
from pipeline.lake.settings import Setting
from tests.cli.conftest import Actor

SALES = {"team": "shop", "dataset": "sales", "stage_a": {"format": "csv", "columns": {"id": "bigint"}}}


def asked(sluice, sql: str) -> Any:
    result = sluice("query", sql, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def bad(*lines: int, reason: str = "column id: 'x' it is not an integer") -> list[dict[str, Any]]:
    return [{"line": line, "reason": reason, "raw": f"row {line},x\u2028"} for line in lines]


@pytest.fixture(scope="module")
def sales(lake):
    return Actor(lake, SALES)


def test_rows_of_stage_a_are_there_with_their_object_and_reason(sluice, sales):
    first = sales.stage("a.csv", bad=bad(2, 5))
    second = sales.stage("b.csv", bad=bad(3, reason="4 cells where the header has 1"))
    sales.stage("good.csv")
    found = asked(sluice, "select * from quarantine.shop.sales order by object, line")
    assert [(row["object"], row["line"], row["column"]) for row in found] == [
        (first.uri, 2, "id"),
        (first.uri, 5, "id"),
        (second.uri, 3, None),
    ]
    assert found[0] == {
        "object": first.uri,
        "version": first.version_id,
        "status": "STAGED",
        "batch": None,
        "stage": "A",
        "line": 2,
        "column": "id",
        "reason": "column id: 'x' it is not an integer",
        "raw": "row 2,x\u2028",
    }
    grouped = asked(sluice, 'select "column", count(*) n from Quarantine.Shop.Sales group by 1 order by 2')
    assert grouped == [{"column": None, "n": 1}, {"column": "id", "n": 2}]


def test_rows_that_a_batch_set_aside_are_there_too_and_beside_the_table(sluice, lake):
    actor = Actor(lake, {**SALES, "dataset": "late"})
    obj = actor.stage("a.csv")
    other = actor.stage("b.csv")
    batch = actor.open(obj, other)
    found = {"set_aside": {obj.digest: 2}}
    actor.write(batch, pa.table({"id": pa.array([1], pa.int64())}), found=found)
    bucket = lake.settings[Setting.QUARANTINE_BUCKET]
    rows = [{"object": o, "reason": "key column id is null", "line": n, "row": {"id": None}} for n, o in _mixed(obj)]
    body = "".join(json.dumps(row) + "\n" for row in rows)
    client("s3").put_object(Bucket=bucket, Key=f"{actor.name}/_batches/{batch}/run/part-0.jsonl", Body=body.encode())
    actor.commit(batch)
    sql = "select line, stage, batch, raw, status from quarantine.shop.late order by line"
    assert asked(sluice, sql) == [
        {"line": n, "stage": "B", "batch": batch, "raw": '{"id": null}', "status": "COMMITTED"} for n in (1, 2)
    ]
    both = "select (select count(*) from shop.late) t, (select count(*) from quarantine.shop.late) q"
    assert asked(sluice, both) == [{"t": 1, "q": 2}]


def _mixed(obj) -> list[tuple[int, str]]:
    return [(1, obj.versioned_path), (2, obj.versioned_path), (7, "another/object#v")]


def test_a_dataset_without_such_rows_has_an_empty_table(sluice, lake):
    Actor(lake, {**SALES, "dataset": "clean"})
    assert asked(sluice, "select count(*) n from quarantine.shop.clean") == [{"n": 0}]


def test_files_that_have_expired_have_no_rows(sluice, lake):
    actor = Actor(lake, {**SALES, "dataset": "old"})
    obj = actor.stage("a.csv", bad=bad(1))
    bucket = lake.settings[Setting.QUARANTINE_BUCKET]
    client("s3").delete_object(Bucket=bucket, Key=f"{obj.digest}.jsonl")
    assert asked(sluice, "select count(*) n from quarantine.shop.old") == [{"n": 0}]


@pytest.mark.parametrize("name", ["quarantine.shop.nothing", "quarantine.nobody.sales", "other.shop.sales", "a.b.c.d"])
def test_no_other_name_of_three_parts_is_a_table(sluice, sales, name):
    result = sluice("query", f"select * from {name}")
    assert isinstance(result.exception, BadInput)
    assert name in str(result.exception)
