"""`sluice try` on a running lake: what the edited definition would do, and nothing of it stays."""

from __future__ import annotations

import json
from typing import Any

import yaml

from pipeline.core.clients import client
from pipeline.lake.settings import Setting

from .conftest import Datasetup, RunningLake, csv_text, run_sluice, values

KEYED = {"write": "upsert", "key": ["id"]}
ORDERS: dict[str, Any] = {"stage_a": {"format": "csv", "columns": {"id": "string", "n": "int"}}, "table": KEYED}
EDITED: dict[str, Any] = {
    "stage_a": {"format": "csv", "columns": {"id": "string", "n": {"type": "bigint", "required": True}}},
    "table": KEYED,
    "quality": {"ruleset": 'Rules = [ IsComplete "id", ColumnValues "n" >= 2 ]'},
}


def everything(lake: RunningLake, orders: Datasetup) -> Any:
    """All keys and tables that a trial could leave something in, and what the lake says of the dataset."""
    buckets = (Setting.STAGING_BUCKET, Setting.QUARANTINE_BUCKET, Setting.CURATED_BUCKET)
    pages = [client("s3").get_paginator("list_objects_v2").paginate(Bucket=lake.lake.settings[b]) for b in buckets]
    keys = {each["Key"] for page in pages for one in page for each in one.get("Contents", ())}
    registration = lake.lake.registry.get(orders.name)
    assert registration
    database = registration.table.partition(".")[0]
    tables = {
        each["Name"]: each["Parameters"] for each in client("glue").get_tables(DatabaseName=database)["TableList"]
    }
    rows = client("dynamodb").scan(TableName=lake.lake.settings[Setting.BATCHES_TABLE])["Items"]
    return {k for k in keys if not k.startswith("_spark-events/")}, tables, rows, registration, orders.row("a.csv")


def test_a_definition_is_tried_with_the_real_jobs_and_nothing_of_it_stays(lake: RunningLake):
    orders = lake.define(ORDERS)
    orders.drop("a.csv", csv_text("id,n", "1,1", "2,2"))
    orders.drop("b.csv", csv_text("id,n", "3,", "4,x", "5,5"))
    lake.settle()
    before = everything(lake, orders)
    path = lake.root / "definitions" / "datasets" / orders.name.team / f"{orders.name.dataset}.yaml"
    path.write_text(yaml.safe_dump({"team": orders.name.team, "dataset": orders.name.dataset, **EDITED}))
    done = lake.sluice("try", str(orders.name), "--json")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["failed"] is None
    facts = [(each["uri"][-5:], each["had"], each["rows"], each["bad"]) for each in report["objects"]]
    assert sorted(facts) == [("a.csv", 2, 2, 0), ("b.csv", 2, 1, 2)]
    assert sorted(each["rows"] for each in report["bad_rows"]) == [1, 1]
    assert report["written"] == {"rows": 3, "set_aside": 0}
    assert report["rows"] == {"same": 3, "only_there": 1, "only_tried": 0}
    assert report["schema"] == ["wider: n int → bigint"]
    assert report["quality"]["outcome"] == "FAILED"
    outcomes = {each["rule"]: each["outcome"] for each in report["quality"]["rules"]}
    assert outcomes == {'IsComplete "id"': "Passed", 'ColumnValues "n" >= 2': "Failed"}
    assert everything(lake, orders) == before
    assert values(orders.rows(), "id", "n") == [("1", 1), ("2", 2), ("3", None), ("5", 5)]


SQL = """
select o.id, c.name, o.n * 2 as twice, o._sluice_order from staged o join {customers} c on o.customer = c.customer
"""
PYTHON = """
def checked(batch):
    if 9 in batch["n"].to_pylist():
        raise ValueError("nine is too much")
    return batch.filter([n > 1 for n in batch["n"].to_pylist()])
"""


def test_a_transform_is_tried_over_raw_objects_and_nothing_of_it_stays(lake: RunningLake):
    columns = {"id": "string", "customer": "string", "n": "int"}
    customers = lake.define({"stage_a": {"format": "csv", "columns": {"customer": "string", "name": "string"}}})
    orders = lake.define({"stage_a": {"format": "csv", "columns": columns}, "table": KEYED})
    customers.drop("a.csv", csv_text("customer,name", "a,Ada", "b,Bob"))
    orders.drop("a.csv", csv_text("id,customer,n", "1,a,1", "2,b,2", "3,nobody,3"))
    orders.drop("b.csv", csv_text("id,customer,n", "1,a,9"))
    lake.settle(600)
    before = everything(lake, orders)
    folder = lake.root / "definitions" / "datasets" / orders.name.team
    edited = {"team": orders.name.team, "dataset": orders.name.dataset, "table": KEYED}
    edited["stage_a"] = {"format": "csv", "columns": columns, "on_new_column": "reject"}
    rules = {"quality": {"ruleset": 'Rules = [ IsComplete "name", ColumnValues "twice" < 10 ]'}}
    made = {"transform": {"sql": "tried.sql", "reads": [str(customers.name)], "columns": GIVEN}}
    (folder / "tried.sql").write_text(SQL.format(customers=customers.name.dataset))
    (folder / f"{orders.name.dataset}.yaml").write_text(yaml.safe_dump({**edited, **made, **rules}))
    done = run_sluice(lake.root, "try", str(orders.name), "--json", timeout=600)
    report = json.loads(done.stdout)
    assert report["failed"] is None, report
    # Of the order that came twice the newer row is in the table; that of nobody is not joined.
    assert report["written"] == {"rows": 2, "set_aside": 0}
    assert {each["rule"]: each["outcome"] for each in report["quality"]["rules"]} == {
        'IsComplete "name"': "Passed",
        'ColumnValues "twice" < 10': "Failed",
    }
    assert "new: name string" in report["schema"]
    assert everything(lake, orders) == before

    (folder / "tried.py").write_text(PYTHON)
    function = {"transform": {"python": "tried.py:checked", "columns": {**columns}}}
    (folder / f"{orders.name.dataset}.yaml").write_text(yaml.safe_dump({**edited, **function}))
    done = run_sluice(lake.root, "try", str(orders.name), "--json", timeout=600)
    assert done.returncode == 1, done.stderr
    assert "at tried.py:4 in checked" in json.loads(done.stdout)["failed"]
    assert everything(lake, orders) == before


GIVEN = {"id": "string", "name": "string", "twice": "int"}
