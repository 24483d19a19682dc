"""Datasets and batches as pages: what waits, what the rules said, and what can be done."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest
from playwright.sync_api import expect

from pipeline.console import datasets
from pipeline.console.counts import Cached
from pipeline.core.clients import client
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Staging, Status
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.messages.delivery import Delivery, Member
from pipeline.lake.settings import Setting
from pipeline.operate.health import HealthReader
from pipeline.operate.progress import look
from tests.console.conftest import LooksEachTime

HOSTILE = '<script>alert("x")</script>'


def rows(*ids):
    return pa.table(
        {"id": ids, "price": [None] * len(ids), "at": pa.array([None] * len(ids), pa.timestamp("us", "UTC"))}
    )


@pytest.fixture(scope="module")
def loaded(orders):
    """A committed batch of two rows."""
    bad = [{"line": n, "reason": "no number", "raw": "x"} for n in (2, 3)]
    batch = orders.open(orders.stage("first.csv", bad=bad))
    orders.write(batch, rows(1, 2))
    orders.commit(batch)
    return batch


@pytest.fixture(scope="module")
def held_back(orders, loaded):
    """A batch that broke a rule, with a sample of the rows that do."""
    obj = orders.stage(f"{HOSTILE}.csv")
    batch = orders.open(obj)
    orders.write(batch, rows(3), outcome="FAILED", reason=HOSTILE)
    bucket = orders.lake.settings[Setting.QUARANTINE_BUCKET]
    sample = [{"rules": ['IsComplete "id"'], "row": {"id": None, "note": HOSTILE}}]
    body = "".join(json.dumps(line) + "\n" for line in sample).encode()
    client("s3").put_object(Bucket=bucket, Key="sample.jsonl", Body=body)
    judged = orders.lake.batches.get(orders.name, batch).verdict
    orders.lake.batches.judged(orders.name, batch, replace(judged, sample_uri=f"s3://{bucket}/sample.jsonl"))
    orders.lake.finisher.quarantine(orders.name, batch, orders.work.table)
    return batch, obj


def test_a_dataset_tells_its_batches_rules_and_table(visitor, orders, loaded, held_back):
    document = visitor.document(f"/datasets/{orders.name}")
    assert [b["status"] for b in document["batches"]] == ["QUARANTINED", "COMMITTED"]
    assert document["fresh"] == document["batches"][1]["ended"]
    rules = {rule["rule"]: [each["outcome"] for each in rule["history"]] for rule in document["rules"]}
    assert rules['IsComplete "id"'] == ["Passed", "Failed"]
    table = document["table"]
    assert [column["name"] for column in table["columns"]] == ["id", "price", "at"]
    assert sorted(row[0] for row in table["rows"]) == [1, 2]
    assert table["total_rows"] == 2
    assert [each["is_current"] for each in table["snapshots"]].count(True) == 1
    assert "ruleset: Rules = [" in document["definition"]
    assert [(b["rows"], b["bad_rows"]) for b in document["batches"]] == [(1, 1), (2, 3)]
    html = visitor.get(f"/datasets/{orders.name}").text
    assert "<script>alert" not in html


def test_the_bad_rows_of_a_batch_are_one_number_wherever_they_are_told(visitor, sluice, orders, loaded):
    """Two that Stage A set aside, and one of the batch itself."""
    status = json.loads(sluice("status", orders.name, "--json").stdout)["batches"]
    listed = visitor.document(f"/datasets/{orders.name}")["batches"]
    found = [next(b["bad_rows"] for b in batches if b["batch"] == loaded) for batches in (status, listed)]
    assert [*found, visitor.document(f"/batches/{loaded}")["bad_rows"]] == [3, 3, 3]
    assert "3 bad rows" in visitor.get(f"/batches/{loaded}").text


def test_rows_and_bad_rows_of_batches_are_drawn_the_newest_at_the_right(tab, orders, loaded, held_back):
    tab.goto(f"/datasets/{orders.name}")
    chart = tab.get_by_role("img", name="at most 5 in one; 4 bad rows in all")
    titles = [f"{loaded}: 2 rows, 3 bad rows", f"{held_back[0]}: 1 row, 1 bad row"]
    expect(chart.locator("g title")).to_have_text(titles)
    expect(chart.locator("rect")).to_have_count(4)
    for bar, height in enumerate(("22.4", "33.6", "11.2", "11.2")):
        expect(chart.locator("rect").nth(bar)).to_have_attribute("height", height)


def test_the_list_has_every_dataset_with_what_waits_and_its_last_batch(
    visitor, orders, held_back, console, monkeypatch
):
    monkeypatch.setattr(console, "health", LooksEachTime(HealthReader().read))
    obj = orders.stage("waits.csv")
    (line,) = visitor.document("/datasets", find="order")["datasets"]
    assert (line["name"], line["backlog"]["waiting"], line["backlog"]["is_behind"]) == (orders.name, 1, False)
    assert line["last"]["batch"] == held_back[0]
    assert visitor.document("/datasets", find="nothing")["datasets"] == []
    orders.lake.catalog.move(obj, Status.SUPERSEDED, orders.name)


def test_a_large_backlog_is_counted_beside_the_page(visitor, orders, lake, console, monkeypatch):
    waiting = [orders.stage(f"many-{number}.csv") for number in range(12)]
    monkeypatch.setattr(console, "progress", Cached(look, 0))
    backlog = visitor.document(f"/datasets/{orders.name}")["backlog"]
    assert (backlog["waiting"], backlog["more"]) == (12, False)
    for obj in waiting:
        lake.catalog.move(obj, Status.SUPERSEDED, orders.name)


def test_an_object_that_waits_too_long_puts_its_dataset_behind(visitor, orders, lake, monkeypatch):
    obj = orders.stage("old.csv")
    now = lake.clock()
    monkeypatch.setattr(lake, "clock", lambda: now + timedelta(minutes=49))
    assert not visitor.document(f"/datasets/{orders.name}")["backlog"]["is_behind"]
    monkeypatch.setattr(lake, "clock", lambda: now + timedelta(minutes=51))
    document = visitor.document(f"/datasets/{orders.name}")
    assert document["backlog"]["is_behind"]
    assert document["patience"] == "50 min"
    orders.lake.catalog.move(obj, Status.SUPERSEDED, orders.name)


def test_a_batch_tells_its_verdict_its_objects_and_the_rows_that_fail(visitor, orders, held_back):
    batch, obj = held_back
    document = visitor.document(f"/batches/{batch}", dataset=orders.name)
    assert document["verdict"] == "FAILED"
    assert [each["outcome"] for each in document["rules"]] == ["Passed", "Failed"]
    assert document["sample"] == {
        "columns": ["id", "note"],
        "rows": [{"rules": ['IsComplete "id"'], "values": [None, HOSTILE]}],
    }
    assert [each["uri"] for each in document["objects"]] == [obj.uri]
    assert "<script>alert" not in visitor.get(f"/batches/{batch}").text


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/datasets/shop/nothing", "no dataset shop/nothing is registered"),
        ("/datasets/Shop/x", "is not of the form team/dataset"),
        ("/batches/nothing", "no dataset has a batch nothing"),
    ],
)
def test_what_is_not_there_says_so(visitor, path, told):
    assert told in visitor.get(f"{path}.json").json()["error"]


def test_a_batch_is_released_with_a_reason_and_only_with_one(tab, visitor, sluice, orders, held_back, lake):
    batch, _ = held_back
    assert "needs a reason" in visitor.post(f"/batches/{batch}/release", reason=" ").text
    tab.goto(f"/datasets/{orders.name}")
    tab.get_by_role("link", name=batch).first.click()
    tab.get_by_label("Why its rows may be seen").fill("the supplier confirmed it")
    tab.get_by_role("button", name="Release").click()
    tab.get_by_text("1 object staged again in the new batch").wait_for()
    new = lake.batches.newest(orders.name, 1)[0]
    assert new.id != batch
    assert new.release["reason"] == "the supplier confirmed it"
    assert tab.url.endswith(f"/batches/{new.id}")
    says_where_it_went(visitor, sluice, batch, new.id, "released into")


def test_what_is_said_of_something_that_goes_on_ends_with_it(tab, visitor, orders, lake, monkeypatch):
    if active := lake.batches.active(orders.name):
        lake.finisher.fail(orders.name, active, orders.work.table, "stopped")
    batch = orders.open(orders.stage("said.csv"))
    monkeypatch.setattr(datasets, "run_now", lambda lake, registration: ("STARTED", batch))
    tab.goto(f"/datasets/{orders.name}")
    tab.get_by_role("button", name="Run now").click()
    said = tab.get_by_text(f"Batch {batch} is being loaded.")
    said.wait_for()
    orders.write(batch, rows(7))
    orders.commit(batch)
    said.wait_for(state="detached")
    # Nor is it said on a page that is drawn later.
    assert "is being loaded." not in visitor.post(f"/datasets/{orders.name}/run").text


def says_where_it_went(visitor, sluice, batch, new, told):
    """The page of an old batch links to the new one, and has nothing to do any more; `status` says so, too."""
    assert f"since 1 object {told} {new}" in " ".join(sluice("status").stdout.split())
    since = visitor.document(f"/batches/{batch}")["since"]
    assert (since["told"], since["left"]) == (f"1 object {told} {new}", 0)
    html = visitor.get(f"/batches/{batch}").text
    assert f'href="/batches/{new}"' in html
    assert f'action="/batches/{batch}/' not in html
    # The list has both, and at the old one what came after it.
    listed = visitor.get("/datasets/shop/orders").text
    assert f'{since["told"]}: see <a href="/batches/{new}">{new}</a>' in listed


def test_a_failed_batch_is_loaded_again(visitor, sluice, orders, lake):
    if active := lake.batches.active(orders.name):
        lake.finisher.fail(orders.name, active, orders.work.table, "stopped")
    obj = orders.stage("broken.csv")
    batch = orders.open(obj)
    lake.finisher.fail(orders.name, batch, orders.work.table, "a bug")
    assert "staged again in the new batch" in visitor.post(f"/batches/{batch}/redrive").text
    new = lake.catalog.get(obj).batch
    assert new != batch
    says_where_it_went(visitor, sluice, batch, new, "redriven in")


def test_a_delivery_that_waits_is_told_with_what_it_lacks(visitor, orders):
    definition = {"team": "delivered", "dataset": "daily", "stage_a": {"format": "csv"}}
    dataset = Dataset.model_validate(definition | {"stage_b": {"start_when": {"manifest": "*.manifest"}}})
    lake, bucket = orders.lake, orders.lake.settings[Setting.STAGING_BUCKET]
    lake.registry.put(Registration.of(dataset, "queue", "dead", "db.daily"))
    obj = ObjectVersion(lake.settings[Setting.RAW_BUCKET], "delivered/daily/1.manifest", "v1")
    work = lake.catalog.register(ObjectCreated(obj, 1, "", 1000, "0A"), dataset.name)
    delivery = Delivery("manifest", (Member(f"delivered/daily/{HOSTILE}.csv"),))
    client("s3").put_object(Bucket=bucket, Key="1.json", Body=json.dumps(delivery.to_json()))
    facts = {"staged": f"s3://{bucket}/1.json", "staged_etag": "e", "rows_out": 0, "control": "manifest"}
    assert lake.catalog.stage(Staging(work, "0" * 64, False, facts), str(dataset.name)) is None
    [waiting] = visitor.document("/datasets/delivered/daily")["deliveries"]
    assert (waiting["uri"], waiting["files"], waiting["there"]) == (obj.uri, 1, 0)
    page = visitor.get("/datasets/delivered/daily").text
    assert "it has not come" in page
    assert HOSTILE not in page
    assert "0 of 1 files are there" in visitor.get(f"/object?uri={obj.uri}").text
