"""What somebody does with the console of a running lake: sees why, drops what is mended, and sees the table change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from pipeline.emulator import state

from ..console.conftest import chromium, let_in
from .conftest import RunningLake, csv_text

assert chromium

DEFINITION = {
    "stage_a": {"format": "csv", "columns": {"id": "string", "quantity": "int"}},
    "quality": {"ruleset": 'Rules = [ IsComplete "id", ColumnValues "quantity" > 0 ]'},
}
PATIENCE_MS = 90_000
DROPPED = """([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name, {type: "text/csv"}));
  return transfer;
}"""


@pytest.fixture
def tab(chromium: Any, lake: RunningLake) -> Iterator[Any]:
    running = state.running(lake.root)
    assert running
    context = chromium.new_context(base_url=running.console)
    context.set_default_timeout(PATIENCE_MS)
    let_in(context, running.console, running.key.console_token())
    yield context.new_page()
    context.close()


def test_a_batch_that_broke_a_rule_is_understood_mended_dropped_and_seen_in_the_table(lake: RunningLake, tab: Any):
    dataset = lake.define(DEFINITION)
    dataset.drop("orders.csv", csv_text("id,quantity", "good,1", "bad,-1"))
    lake.settle()

    tab.goto("/")
    trouble = tab.locator("article.trouble", has_text=str(dataset.name))
    expect(trouble).to_contain_text('ColumnValues "quantity" > 0', use_inner_text=True)
    trouble.get_by_role("link", name=str(dataset.name)).first.click()
    tab.get_by_role("link", name=dataset.batches()[0].id).first.click()
    failing = tab.get_by_role("region", name="Failing rows")
    expect(failing).to_contain_text("bad", use_inner_text=True)
    expect(failing).to_contain_text("-1", use_inner_text=True)

    tab.goto(f"/datasets/{dataset.name}")
    expect(tab.get_by_role("region", name="The first rows").get_by_text("No rows.")).to_be_visible()
    files = tab.evaluate_handle(DROPPED, ["mended.csv", csv_text("id,quantity", "good,1", "mended,2")])
    for event in ("dragover", "drop"):
        tab.dispatch_event("main", event, {"dataTransfer": files})
    tab.get_by_text("1 stored").wait_for()
    tab.locator(".facts").get_by_text("1 object, the oldest since").wait_for()
    tab.get_by_role("button", name="Run now").click()
    tab.get_by_role("status").filter(has_text="is being loaded").wait_for()
    tab.get_by_role("region", name="The first rows").get_by_text("mended").wait_for()
    assert sorted(row["id"] for row in dataset.rows()) == ["good", "mended"]
    seen_as_pictures(dataset, tab)


def seen_as_pictures(dataset: Any, tab: Any) -> None:
    """The dataset's days, the lineage of what was loaded, and a query's answer as a chart."""
    tab.get_by_role("link", name="day by day").click()
    tab.get_by_role("img", name="Rows by day: 4 rows in, 2 in the table").wait_for()
    tab.get_by_role("img", name="Time from drop to table by day: median").wait_for()
    tab.goto(f"/datasets/{dataset.name}")
    lineage = tab.get_by_role("region", name="Lineage")
    lineage.get_by_role("link", name="table").wait_for()
    lineage.get_by_role("link", name=f"batch {dataset.batches()[0].id}, COMMITTED").click()
    tab.get_by_role("region", name="Lineage").get_by_role("link", name="raw mended.csv, COMMITTED").click()
    tab.get_by_role("region", name="The way of its rows").get_by_role("link", name="staged").wait_for()
    tab.goto("/query")
    tab.locator("#sql").fill(f"select id, quantity from {str(dataset.name).replace('/', '.')}")
    tab.keyboard.press("Control+Enter")
    tab.get_by_role("img", name="The answer as bars by id, 2 rows. quantity: 1 to 2").wait_for()


def test_a_paused_dataset_is_loaded_by_nobody_but_who_drains_it(lake: RunningLake, tab: Any):
    dataset = lake.define(DEFINITION)
    tab.goto(f"/datasets/{dataset.name}")
    tab.get_by_role("button", name="Run now").click()
    tab.get_by_text("Nothing waits.").wait_for()
    tab.get_by_text("Pause its schedule or its upkeep").click()
    tab.get_by_label("Why").fill("the supplier sends it again")
    tab.get_by_role("button", name="Pause", exact=True).click()
    tab.get_by_text("Its schedule is paused").wait_for()
    expect(tab.locator(".facts").get_by_text("the supplier sends it again")).to_be_visible()

    dataset.drop("paused.csv", csv_text("id,quantity", "good,1"))
    tab.locator(".facts").get_by_text("1 object, the oldest since").wait_for()
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.get_by_role("button", name="Drain the backlog").click()
    tab.get_by_text("nothing waits any more").wait_for()
    assert [row["id"] for row in dataset.rows()] == ["good"]
    tab.get_by_role("button", name="Resume the schedule").click()
    tab.get_by_text("Its schedule runs again.").wait_for()


def test_an_object_that_cannot_be_read_is_sent_back_from_its_page(lake: RunningLake, tab: Any):
    dataset = lake.define(DEFINITION)
    dataset.drop("cut.csv.gz", b"\x1f\x8b not gzip")
    lake.settle()
    tab.goto(f"/object?uri=s3://{lake.raw}/{dataset.key('cut.csv.gz')}")
    expect(tab.locator("main")).to_contain_text("gzip", use_inner_text=True)
    tab.get_by_role("button", name="Redrive").first.click()
    # What the next page says depends on whether Stage A is through with it by then.
    tab.wait_for_url("**after=*")
    lake.settle()
    assert [status for status, _ in dataset.row("cut.csv.gz").history].count("QUARANTINED") == 2


def test_a_dropped_sample_becomes_a_definition_that_was_tried(lake: RunningLake, tab: Any):
    tab.goto("/datasets")
    tab.get_by_label("Define a dataset").fill("shop/prices")
    tab.get_by_role("button", name="Begin").click()
    tab.wait_for_url("**/definition?*")
    tab.wait_for_load_state()
    files = tab.evaluate_handle(DROPPED, ["a.csv", csv_text("sku,price", "a,1.50", "b,2.25")])
    for event in ("dragover", "drop"):
        tab.dispatch_event("main", event, {"dataTransfer": files})
    tab.get_by_text("1 stored").wait_for()
    lake.settle()
    tab.get_by_role("button", name="Propose from the newest sample").click()
    tab.get_by_role("button", name="Try on its last objects").click()
    tab.get_by_text("2 rows loaded, nothing published").wait_for()
    tab.get_by_role("button", name="Save as the checkout's file").click()
    tab.get_by_text("Saved as definitions/datasets/shop/prices.yaml").wait_for()
    assert "price: decimal(18,2)" in (lake.root / "definitions/datasets/shop/prices.yaml").read_text()
    (lake.root / "definitions/datasets/shop/prices.yaml").unlink()
