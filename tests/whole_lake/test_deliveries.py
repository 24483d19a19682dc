"""Deliveries on a running lake: by marker and by manifest, whole or not at all."""

from __future__ import annotations

import json

from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.catalog import Status
from pipeline.operate.datasets import run_now
from tests.patience import until

from .conftest import Datasetup, RunningLake, csv_text, values

COLUMNS = {"format": "csv", "columns": {"id": "string", "n": "int"}}


def define(lake: RunningLake, start: dict[str, str]) -> Datasetup:
    return lake.define({"stage_a": COLUMNS, "stage_b": {"start_when": start}})


def wait_until_staged(dataset: Datasetup, *files: str) -> None:
    def are_staged() -> bool:
        keys = [dataset.lake.versions(dataset.key(file)) for file in files]
        return all(rows and rows[-1].status is Status.STAGED for rows in keys)

    until(are_staged)


def poll(dataset: Datasetup) -> tuple[str, str | None]:
    return run_now(dataset.lake.lake, dataset.lake.lake.registry.get(dataset.name))


def test_deliveries_are_loaded_whole_by_their_marker_or_manifest(lake: RunningLake):
    marked, named = define(lake, {"marker": "_SUCCESS"}), define(lake, {"manifest": "*.manifest", "within": "1 hour"})
    marked.drop("day/a.csv", csv_text("id,n", "1,1"))
    marked.drop("day/b.csv", csv_text("id,n", "2,2"))
    named.drop("1.manifest", json.dumps({"files": ["in/a.csv", "in/b.csv"]}))
    named.drop("in/a.csv", csv_text("id,n", "1,1"))
    wait_until_staged(marked, "day/a.csv", "day/b.csv")
    wait_until_staged(named, "1.manifest", "in/a.csv")
    assert [poll(dataset)[1] for dataset in (marked, named)] == [None, None]
    assert marked.rows() == named.rows() == []
    said = lake.sluice("status", str(named.name)).stdout
    assert "1 of 2 files are there; b.csv: it has not come" in said
    why = lake.sluice("why", named.key("in/a.csv")).stdout
    assert f"It is of the delivery of s3://{lake.raw}/{named.key('1.manifest')}: 1 of 2 files are there" in why
    why = json.loads(lake.sluice("why", marked.key("day/a.csv"), "--json").stdout)
    assert why["versions"][0]["waits_for"] == "No delivery has it yet: it waits for the marker _SUCCESS in its folder."
    marked.drop("day/_SUCCESS", "")
    named.drop("in/b.csv", csv_text("id,n", "2,2"))
    lake.settle()
    for dataset, control in ((marked, "day/_SUCCESS"), (named, "1.manifest")):
        assert values(dataset.rows(), "id") == ["1", "2"]
        [batch] = dataset.batches()
        assert (batch.status, batch.objects, len(batch.delivery)) == (BatchStatus.COMMITTED, 2, 1)
        row = dataset.row(control)
        assert (row.status, row.batch, row.rows_out) == (Status.COMMITTED, batch.id, 0)
