"""`status`, `wait` and the console agree on what needs attention, for every write mode; nothing that is missing from a
table goes out of sight because a newer version of its key is loaded."""

from __future__ import annotations

import json

import pytest

from pipeline.catalog import Status
from pipeline.cli.dropping import EXIT_ATTENTION
from pipeline.console.counting import count
from pipeline.datasets.model import ORDER_COLUMN
from pipeline.events.s3 import ObjectCreated
from pipeline.objects import ObjectVersion
from pipeline.settings import Setting
from tests.cli.conftest import ORDERS, Actor
from tests.cli.test_looking import rows

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
    home = [trouble for trouble in count(lake).summary.troubles if trouble.dataset == f"shop/{mode}"]
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


def test_an_object_of_no_dataset_needs_attention_for_all_three(sluice, lake):
    event = ObjectCreated(ObjectVersion(lake.settings[Setting.RAW_BUCKET], "lost/things/x.csv", "v1"), 5, "e", 1, "0A")
    lake.catalog.leave_unrouted(event, "no dataset lost/things is registered")
    waited = sluice("wait", "--json", "--timeout", "30")
    attention = json.loads(sluice("status", "--json").stdout)["attention"]
    assert "UNROUTED" in {trouble["status"] for trouble in attention}
    assert waited.exit_code == EXIT_ATTENTION
    assert json.loads(waited.stdout)["needs_attention"] == sum(trouble["objects"] for trouble in attention)
