"""Rows that were set aside come back through a whole lake, and every file that they go through is known."""

from __future__ import annotations

import json
import time

import yaml

from pipeline.cli.embedded import run_schedules_now
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.settings import Setting
from pipeline.operate.files import look_up
from tests.cli.test_files import keys

from .conftest import Datasetup, RunningLake, csv_text, values

PRICES = {"stage_a": {"format": "csv", "columns": {"id": "bigint", "price": "bigint"}}}
BATCHES = 5
"""So many small files Iceberg writes as one; fewer it leaves alone."""
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


def test_every_file_of_a_dataset_is_known_and_what_upkeep_wrote_leads_to_its_batches(lake: RunningLake) -> None:
    dataset = lake.define(PRICES)
    for n in range(BATCHES):
        dataset.drop(f"{n}.csv", csv_text("id,price", f"{n},1", "9,x"))
        lake.settle()
    before = data_files(lake, dataset)
    assert sorted(before.values()) == sorted(([row.batch], [f"s3://{row.object.path}"]) for row in loaded(dataset))
    done = lake.sluice("upkeep", str(dataset.name), "--now")
    assert done.returncode == 0, done.stderr
    wait_for_upkeep(lake, dataset)
    after = data_files(lake, dataset)
    [written] = after.keys() - before.keys()
    batches, objects = after[written]
    assert (sorted(batches), sorted(objects)) == (
        sorted(str(row.batch) for row in loaded(dataset)),
        sorted(row.object.uri for row in loaded(dataset)),
    )
    # What it took away still says whose it was, and readers do not see it.
    assert {uri: after[uri] for uri in before} == before
    for setting in (Setting.STAGING_BUCKET, Setting.QUARANTINE_BUCKET, Setting.CURATED_BUCKET):
        for uri in keys(lake.lake, setting, ""):
            if str(dataset.name) in uri:
                assert look_up(lake.lake, uri), uri


def loaded(dataset: Datasetup) -> list[ObjectRow]:
    return [dataset.row(f"{n}.csv") for n in range(BATCHES)]


def data_files(lake: RunningLake, dataset: Datasetup) -> dict[str, tuple[list[str], list[str]]]:
    uris = [uri for uri in keys(lake.lake, Setting.CURATED_BUCKET, f"{dataset.name}/") if "/data/" in uri]
    facts = {uri: look_up(lake.lake, uri) for uri in uris}
    return {uri: (list(each.batches), [obj.uri for obj in each.objects]) for uri, each in facts.items() if each}


def wait_for_upkeep(lake: RunningLake, dataset: Datasetup) -> None:
    """Until a turn, which the next poll begins, is over: the lock says then when the next is due no more."""
    run_schedules_now(lake.endpoint, [str(dataset.name)])
    give_up = time.monotonic() + 240
    while (lock := lake.lake.batches.lock(str(dataset.name))).active or lock.upkeep_due:
        assert time.monotonic() < give_up
        time.sleep(1)
