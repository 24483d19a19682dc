"""Rows that were set aside come back through a whole lake, and every file that they go through is known."""

from __future__ import annotations

import json

import yaml

from .conftest import Datasetup, RunningLake, csv_text, values

PRICES = {"stage_a": {"format": "csv", "columns": {"id": "bigint", "price": "bigint"}}}
RULES = {"quality": {"ruleset": 'Rules = [ IsComplete "id" ]'}}


def mend(lake: RunningLake, dataset: Datasetup, **stage_a: object) -> None:
    path = lake.root / "definitions" / "datasets" / dataset.name.team / f"{dataset.name.dataset}.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["stage_a"] |= stage_a
    path.write_text(yaml.safe_dump(definition))
    lake.apply(dataset)


def test_rows_that_were_set_aside_are_loaded_once_in_every_write_mode(lake: RunningLake) -> None:
    added = lake.define({**PRICES, **RULES})
    replaced = lake.define({**PRICES, "table": {"write": "replace"}})
    upserted = lake.define({**PRICES, "table": {"write": "upsert", "key": ["id"]}})
    every = (added, replaced, upserted)
    for dataset in every:
        dataset.drop("a.csv", csv_text("id,price", "1,10", "2,n/a", "3,x", "4,40"))
        dataset.drop("b.csv", csv_text("id,price", "5,n/a"))
    lake.settle()
    assert [values(dataset.rows(), "id") for dataset in every] == [[1, 4]] * 3
    # A newer version, and a row of a key that a row of it had which was set aside.
    replaced.drop("a.csv", csv_text("id,price", "1,11"))
    upserted.drop("c.csv", csv_text("id,price", "2,22"))
    lake.settle()
    for dataset in every:
        mend(lake, dataset, null_values=["n/a"])
        for _ in range(2):
            done = lake.sluice("redrive", "--rows", str(dataset.name), "--json")
            assert done.returncode == 0, done.stderr
        # The second found the rows of the first on their way.
        assert json.loads(done.stdout)["rows"] == 0
        dataset.drop("d.csv", csv_text("id,price", "9,90"))
    lake.settle()
    pairs = [sorted((row["id"], row["price"]) for row in dataset.rows()) for dataset in every]
    assert pairs == [
        [(1, 10), (2, None), (4, 40), (5, None), (9, 90)],
        [(1, 11), (5, None), (9, 90)],
        [(1, 10), (2, 22), (4, 40), (5, None), (9, 90)],
    ]
    told = lake.sluice("redrive", "--rows", str(added.name), "--dry-run").stdout
    assert "would send 1 row of 1 object again" in told
    assert "column price: a value is not bigint" in told
    row = added.row("a.csv")
    assert (row.rows_bad, row.rows_again, row.bad) == (1, 1, 1)
