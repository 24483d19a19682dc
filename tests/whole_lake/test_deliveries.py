"""Deliveries on a running lake: by marker and by manifest, whole or not at all."""

from __future__ import annotations

import json

from pipeline.cli.waits import wait
from pipeline.lake.batches.records import BatchStatus
from pipeline.lake.catalog import Status

from .conftest import Datasetup, RunningLake, csv_text, values

COLUMNS = {"format": "csv", "columns": {"id": "string", "n": "int"}}


def define(lake: RunningLake, start: dict[str, str]) -> Datasetup:
    return lake.define({"stage_a": COLUMNS, "stage_b": {"start_when": start}})


def wait_a_while(lake: RunningLake, seconds: float = 4) -> None:
    """Long enough for files to be staged and for a poll to leave them."""
    wait(lake.connected, seconds, lambda progress: None)


def test_deliveries_are_loaded_whole_by_their_marker_or_manifest(lake: RunningLake):
    marked, named = define(lake, {"marker": "_SUCCESS"}), define(lake, {"manifest": "*.manifest", "within": "1 hour"})
    marked.drop("day/a.csv", csv_text("id,n", "1,1"))
    marked.drop("day/b.csv", csv_text("id,n", "2,2"))
    named.drop("1.manifest", json.dumps({"files": ["in/a.csv", "in/b.csv"]}))
    named.drop("in/a.csv", csv_text("id,n", "1,1"))
    wait_a_while(lake)
    assert marked.rows() == named.rows() == []
    assert named.row("1.manifest").status is Status.STAGED
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
