"""`status`, `wait` and the console agree on what needs attention, for every write mode; nothing that is missing from a
table goes out of sight because a newer version of its key is loaded."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.cli.drop import EXIT_ATTENTION
from pipeline.console.counts import count
from pipeline.core.clients import client
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.lake.datasets.model import ORDER_COLUMN
from pipeline.lake.settings import Setting
from pipeline.operate.kept_objects import KeptObjects
from tests.cli.conftest import ORDERS, Actor
from tests.cli.stories import rows

MODES = {
    "append": {"write": "append"},
    "replace": {"write": "replace"},
    "upsert": {"write": "upsert", "key": ["id"]},
    "overwrite": {"write": "overwrite"},
    "partitions": {"write": "overwrite", "partition_by": ["id"]},
}
REPLACED = {"overwrite", "replace"}
"""Where whatever is newer and loaded, of the key at least, replaces all that was before."""


def found(sluice, lake, mode):
    """What each of the three says of the objects of the dataset: how many need attention, and why."""
    status = json.loads(sluice("status", f"shop/{mode}", "--json").stdout)
    waited = sluice("wait", f"shop/{mode}", "--json", "--timeout", "30")
    told = json.loads(waited.stdout)
    home = [trouble for trouble in count(lake, KeptObjects()).summary.troubles if trouble.dataset == f"shop/{mode}"]
    assert (told["settled"], status["settled"]) == (True, True)
    assert told["needs_attention"] == sum(t["objects"] for t in status["attention"]) == sum(t.objects for t in home)
    assert waited.exit_code == (EXIT_ATTENTION if status["attention"] else 0)
    return {(trouble["status"], trouble["reason"]) for trouble in status["attention"]}


@pytest.mark.parametrize("mode", MODES)
def test_a_version_that_is_not_in_the_table_stays_although_a_newer_one_of_its_key_is(sluice, lake, mode):
    actor = Actor(lake, {**ORDERS, "dataset": mode, "table": MODES[mode]})
    lost = {(status, f"it was {status}") for status in (Status.FAILED, Status.QUARANTINED)}
    for status, reason in lost:
        lake.catalog.move(actor.register(actor.drop("a.csv")), status, actor.name, reason=reason)
    assert found(sluice, lake, mode) == lost
    batch = actor.open(actor.stage("a.csv"))
    actor.write(batch, rows(1) if mode == "append" else rows(1).append_column(ORDER_COLUMN, [["1"]]))
    actor.commit(batch)
    assert found(sluice, lake, mode) == (set() if mode in REPLACED else lost)


def test_bad_rows_need_attention_for_all_three(sluice, lake):
    actor = Actor(lake, {**ORDERS, "dataset": "set_aside"})
    batch = actor.open(actor.stage("some.csv", bad=[{"line": 2, "reason": "no number", "raw": "x"}]))
    actor.write(batch, rows(1))
    actor.commit(batch)
    ((status, _),) = found(sluice, lake, "set_aside")
    assert status == "BAD_ROWS"


def test_rows_that_a_batch_set_aside_or_that_came_twice_need_attention_for_all_three(sluice, lake):
    actor = Actor(lake, {**ORDERS, "dataset": "by_batch"})
    first, again, bad = actor.stage("a.csv"), actor.stage("a.csv"), actor.stage("b.csv", bad=[{"line": 9}])
    batch = actor.open(first, again, bad)
    line = {"object": actor.row(bad).id, "line": 3, "reason": "key column id is null", "row": {"id": None}}
    bucket, of_run = lake.settings[Setting.QUARANTINE_BUCKET], f"{actor.name}/_batches/{batch}/run/part-0"
    client("s3").put_object(Bucket=bucket, Key=of_run, Body=f"{json.dumps({'object': 'x'})}\n{json.dumps(line)}\n")
    actor.write(
        batch, rows(1, 1, 2), found={"set_aside": {bad.digest: 2}, "repeated": {first.digest: 0, again.digest: 8}}
    )
    actor.commit(batch)
    told = dict(found(sluice, lake, "by_batch"))
    assert told == {
        "BAD_ROWS": "3 rows of 1 object could not be loaded: a key column is null, or a value does not fit its column "
        "of the table, and went to the quarantine bucket",
        "REPEATED_ROWS": "8 rows of 1 object repeat rows of an earlier version of the same key: the table has them "
        "twice",
    }
    [version] = json.loads(sluice("why", bad.uri, "--json").stdout)["versions"]
    assert (version["rows_in"], version["rows_out"], version["rows_bad"]) == (10, 7, 3)
    assert version["bad_rows"] == [{"line": 3, "reason": "key column id is null", "raw": {"id": None}}, {"line": 9}]
    assert "10 in, 7 out, 3 bad" in sluice("why", bad.uri).stdout
    text = sluice("why", again.uri).stdout
    assert text.count("8 of its 10 rows repeat rows of an earlier version of this key") == 1
    assert "whether" not in text
    assert text.count("Nothing to do.") == 1
    page = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text().partition("## Rows that came twice")[2]
    [block] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(block.replace("sluice_local_demo.orders", actor.work.table), {})
    assert sorted(lake.finisher.tables.load(actor.work.table).scan().to_arrow()["id"].to_pylist()) == [1, 2]
    for obj in (again, bad):
        assert sluice("dismiss", obj.uri, "--reason", "meant so").exit_code == 0
    assert not found(sluice, lake, "by_batch")


def test_an_object_of_no_dataset_needs_attention_for_all_three(sluice, lake):
    event = ObjectCreated(ObjectVersion(lake.settings[Setting.RAW_BUCKET], "lost/things/x.csv", "v1"), 5, "e", 1, "0A")
    lake.catalog.leave_unrouted(event, "no dataset lost/things is registered")
    waited = sluice("wait", "--json", "--timeout", "30")
    attention = json.loads(sluice("status", "--json").stdout)["attention"]
    assert "UNROUTED" in {trouble["status"] for trouble in attention}
    assert waited.exit_code == EXIT_ATTENTION
    assert json.loads(waited.stdout)["needs_attention"] == sum(trouble["objects"] for trouble in attention)
