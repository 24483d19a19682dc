"""Datasets with transforms of their team's own, from a dropped file to the table, each kind under a role of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.core.clients import client
from pipeline.lake.catalog import Status

from ..conftest import ROOT
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


def test_the_examples_of_the_docs_work_as_they_stand_there(lake: RunningLake) -> None:
    """A new user: an SQL transform that joins two datasets, from nothing to a table, from the docs alone."""
    begin, load, *_ = blocks("sh")
    typed(lake, begin)
    folder = lake.root / "definitions" / "datasets" / "retail"
    (folder / "transforms" / "orders.sql").write_text(next(text for text in blocks("sql") if "from staged" in text))
    definition = folder / "orders.yaml"
    text = definition.read_text()
    assert text.rstrip().endswith("reads: []")
    wanted = next(text for text in blocks("yaml") if "reads: [retail/customers]" in text and "sql:" in text)
    definition.write_text(text[: text.index("transform:")] + wanted)
    # Status 3: all is settled, and of another test's objects some need attention.
    shown = typed(lake, load.replace("sluice wait", "sluice wait || test $? = 3"))
    assert "3 rows in, 2 out; read retail/customers at snapshot" in " ".join(shown.split())
    rows = lake.query("select order_id, name, price from retail.orders order by order_id")
    assert [(str(row["order_id"]), row["name"], float(row["price"])) for row in rows] == [
        ("1", "Ada", 10.5),
        ("2", "Bob", 20.0),
    ]

    # Another team's transform reads customers, once their definition says so.
    [shared] = [text for text in blocks("yaml") if "shared_with" in text]
    customers = folder / "customers.yaml"
    customers.write_text(f"{customers.read_text()}\n{shared.replace('shop', 'tests')}")
    columns = {"order_id": "bigint", "customer_id": "string", "price": "double"}
    code = {name: next(text for text in blocks("python") if mark in text) for name, mark in MARKS.items()}
    made = {}
    for name, transform in EXAMPLES.items():
        said = {"stage_a": {"format": "csv", "columns": columns}}
        made[name] = with_transform(lake, f"{name}.py", code[name], transform, **said)
        made[name].drop("a.csv", csv_text("order_id,customer_id,price", "1,C-1,10.5", "2,C-1,1", "3,C-2,-1"))
    lake.settle(600)
    assert [row["cents"] for row in made["function"].rows("select cents from {table} order by 1")] == [100.0, 1050.0]
    totals = made["job"].rows("select name, total from {table} order by 1")
    assert totals == [{"name": "Ada", "total": 11.5}, {"name": "Bob", "total": -1.0}]


WAITING = """
import os, pathlib, time
from pipeline.lake.transforms import batch

def wait_for_death(name):
    mark = pathlib.Path("{folder}", name)
    if not mark.exists():
        mark.with_suffix(".new").write_text(str(os.getpid()))
        mark.with_suffix(".new").rename(mark)
        time.sleep(1800)

rows = batch.staged().select("id", "price")
wait_for_death("before it gave rows")
batch.write(rows)
wait_for_death("before they were written")
"""


def test_a_job_that_is_killed_between_the_parts_of_its_transform_loads_its_rows_once(
    lake: RunningLake, tmp_path: Path
) -> None:
    text = WAITING.format(folder=tmp_path)
    dataset = with_transform(
        lake, "waiting.py", text, {"script": "waiting.py", "columns": {"id": "bigint", "price": "double"}}
    )
    dataset.drop("a.csv", csv_text("id,customer,price", "1,a,1.5", "2,b,20"))
    dataset.open_batch()
    for name in ("before it gave rows", "before they were written"):
        mark, give_up = tmp_path / name, time.monotonic() + 900
        while not mark.exists():
            assert time.monotonic() < give_up, f"no run came to where it stands {name}"
            time.sleep(0.2)
        os.kill(int(mark.read_text()), signal.SIGKILL)
    lake.settle(900)
    [batch] = dataset.batches()
    assert batch.status == "COMMITTED", batch.error
    assert batch.write
    assert (batch.write.given, batch.write.made, batch.write.rows) == (2, 2, 2)
    assert dataset.rows("select id, price from {table} order by id") == [
        {"id": 1, "price": 1.5},
        {"id": 2, "price": 20.0},
    ]


MARKS = {"function": "def clean", "job": "batch.write"}
EXAMPLES = {
    "function": {"python": "function.py:clean"},
    "job": {"script": "job.py", "reads": ["retail/customers"]},
}


def blocks(language: str) -> list[str]:
    page = (ROOT / "docs" / "transforms.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def typed(lake: RunningLake, script: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {"COLUMNS": "160"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=lake.root, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
