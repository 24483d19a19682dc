"""What somebody does with the console of a running lake: sees why, drops what is mended, and sees the table change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

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
    assert 'ColumnValues "quantity" > 0' in trouble.inner_text()
    trouble.get_by_role("link", name=str(dataset.name)).first.click()
    tab.get_by_role("link", name=dataset.batches()[0].id).first.click()
    failing = tab.get_by_role("region", name="Failing rows")
    assert "bad" in failing.inner_text()
    assert "-1" in failing.inner_text()

    tab.goto(f"/datasets/{dataset.name}")
    assert tab.get_by_role("region", name="The first rows").get_by_text("No rows.").is_visible()
    files = tab.evaluate_handle(DROPPED, ["mended.csv", csv_text("id,quantity", "good,1", "mended,2")])
    for event in ("dragover", "drop"):
        tab.dispatch_event("main", event, {"dataTransfer": files})
    tab.get_by_text("1 stored").wait_for()
    tab.locator(".facts").get_by_text("1 object, the oldest since").wait_for()
    tab.get_by_role("button", name="Run now").click()
    tab.get_by_role("status").filter(has_text="is being loaded").wait_for()
    tab.get_by_role("region", name="The first rows").get_by_text("mended").wait_for()
    assert sorted(row["id"] for row in dataset.rows()) == ["good", "mended"]


def test_run_now_says_that_nothing_waits(lake: RunningLake, tab: Any):
    dataset = lake.define(DEFINITION)
    tab.goto(f"/datasets/{dataset.name}")
    tab.get_by_role("button", name="Run now").click()
    tab.get_by_text("Nothing waits.").wait_for()


def test_an_object_that_cannot_be_read_is_sent_back_from_its_page(lake: RunningLake, tab: Any):
    dataset = lake.define(DEFINITION)
    dataset.drop("cut.csv.gz", b"\x1f\x8b not gzip")
    lake.settle()
    tab.goto(f"/object?uri=s3://{lake.raw}/{dataset.key('cut.csv.gz')}")
    assert "gzip" in tab.locator("main").inner_text()
    tab.get_by_role("button", name="Redrive").first.click()
    # What the next page says depends on whether Stage A is through with it by then.
    tab.wait_for_url("**after=*")
    lake.settle()
    assert [status for status, _ in dataset.row("cut.csv.gz").history].count("QUARANTINED") == 2
