"""Datasets with transforms of their team's own, from a dropped file to the table, each kind under a role of its own."""

from __future__ import annotations

from typing import Any

from pipeline.core.clients import client
from pipeline.lake.catalog import Status

from .conftest import Datasetup, RunningLake, csv_text

CUSTOMERS = {"stage_a": {"format": "csv", "columns": {"customer": "string", "name": "string"}}}
ORDERS = {"stage_a": {"format": "csv", "columns": {"id": "bigint", "customer": "string", "price": "double"}}}
PYTHON = """
import pyarrow.compute as pc

def cheap(batch):
    if 99.0 in batch["price"].to_pylist():
        raise ValueError("ninety-nine is too much")
    return batch.filter(pc.less(batch["price"], 10))
"""
SCRIPT = """
from pipeline.lake.transforms import batch

names = batch.table("{customers}")
batch.write(batch.staged().join(names, "customer").select("id", "name"))
"""


def with_transform(lake: RunningLake, file: str, text: str, transform: dict[str, Any], **more: Any) -> Datasetup:
    path = lake.root / "definitions" / "datasets" / "tests" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return lake.define({**ORDERS, "transform": transform, **more})


def test_each_kind_of_transform_from_a_file_to_the_table(lake: RunningLake) -> None:
    customers = lake.define(CUSTOMERS)
    customers.drop("a.csv", csv_text("customer,name", "a,Ada", "b,Bob"))
    lake.settle()
    sql = "select s.id, c.name, s.price from staged s join them c on s.customer = c.customer"
    reads = [f"{customers.name} as them"]
    rules = {"quality": {"ruleset": 'Rules = [ IsComplete "name" ]'}}
    joined = with_transform(lake, "join.sql", sql, {"sql": "join.sql", "reads": reads}, **rules)
    cheap = with_transform(lake, "cheap.py", PYTHON, {"python": "cheap.py:cheap"})
    script = SCRIPT.format(customers=customers.name)
    scripted = with_transform(lake, "job.py", script, {"script": "job.py", "reads": [str(customers.name)]})
    for dataset in (joined, cheap, scripted):
        dataset.drop("a.csv", csv_text("id,customer,price", "1,a,1.5", "2,b,20", "3,nobody,3"))
    lake.settle()
    assert joined.rows() == [{"id": 1, "name": "Ada", "price": 1.5}, {"id": 2, "name": "Bob", "price": 20.0}]
    assert [row["id"] for row in cheap.rows("select id from {table} order by id")] == [1, 3]
    assert joined.row("a.csv").status is Status.COMMITTED
    assert [row["name"] for row in scripted.rows("select name from {table} order by id")] == ["Ada", "Bob"]
    [batch] = joined.batches()
    assert batch.write
    assert (batch.write.given, batch.write.made, batch.write.rows) == (3, 2, 2)
    shown = lake.sluice("why", joined.key("a.csv"))
    assert "3 rows in, 2 out; read " + str(customers.name) in " ".join(shown.stdout.split()), shown.stdout

    cheap.drop("b.csv", csv_text("id,customer,price", "4,a,99"))
    joined.drop("b.csv", csv_text("id,customer,price", "4,a,99"))
    lake.settle()
    [failed, _] = cheap.batches()
    assert failed.status == "FAILED"
    assert failed.error
    assert "ValueError: ninety-nine is too much (at cheap.py:6 in cheap" in failed.error
    assert len(joined.rows()) == 3, "other datasets go on"

    roles = {job["Name"]: job["Role"] for job in client("glue").get_jobs()["Jobs"]}
    of_transforms = {name: role for name, role in roles.items() if "-transform-tests-" in name}
    assert len(set(of_transforms.values())) == len(of_transforms) >= 3


def test_sql_that_cannot_be_is_refused_when_it_is_applied(lake: RunningLake) -> None:
    dataset = with_transform(lake, "ok.sql", "select id, price * 2 as twice from staged", {"sql": "ok.sql"})
    path = lake.root / "definitions" / "datasets" / "tests" / "ok.sql"
    path.write_text("select id,\n  price * 2 as twice\nfrom stagedd")
    refused = lake.sluice("datasets", "apply", str(dataset.name))
    path.write_text("select id, price * 2 as twice from staged")
    assert refused.returncode != 0
    assert "datasets/tests/ok.sql:3: column 6: reads stagedd, which is not there; it may read staged" in refused.stderr
