"""What somebody new comes for, tried from home, by what stands on the pages, in at most three clicks each."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from playwright.sync_api import expect

from pipeline.console.counts import Cached, count
from pipeline.console.histories import Histories
from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.lake.services import Lake
from pipeline.operate.connection import Connected
from pipeline.operate.recent_executions import RecentReader
from tests.benchmarks.catalog_rows import Row, fill, row_of
from tests.cli.conftest import ORDERS, Actor
from tests.patience import until

CLICKS = 3
OBJECTS = 5000
FAILED = 3217
REASON = "column price: the file has no such column"
ITEMS = 500
ODD = 333
DAY_MS = 86_400_000


@dataclass
class Newcomer:
    """Somebody at home in a new tab, whose clicks are counted; typing into a field and Enter are one."""

    tab: Any
    clicks: list[tuple[str, float]] = field(default_factory=list)
    """Of each its name, and the seconds until the next page showed what it must."""

    def __post_init__(self) -> None:
        self.tab.goto("/")

    def click(self, role: str, name: str, then: Callable[[], Any]) -> None:
        """Click what is called so, and wait for what the next page must show."""
        began = time.monotonic()
        self.tab.get_by_role(role, name=name).first.click()
        self._drawn(name, began, then)

    def find(self, text: str, then: Callable[[], Any]) -> None:
        """Type into the search of every page."""
        began = time.monotonic()
        self.tab.get_by_role("searchbox", name="Search everything").fill(text)
        self.tab.keyboard.press("Enter")
        self._drawn(f"search {text}", began, then)

    def _drawn(self, name: str, began: float, then: Callable[[], Any]) -> None:
        then()
        self.clicks.append((name, time.monotonic() - began))
        assert len(self.clicks) <= CLICKS, self.clicks

    def sees(self, text: str) -> Callable[[], Any]:
        return lambda: self.tab.get_by_text(text).first.wait_for()

    def headed(self, name: str) -> Callable[[], Any]:
        return lambda: self.tab.get_by_role("heading", name=name, exact=True).wait_for()


@pytest.fixture
def newcomer(tab: Any) -> Newcomer:
    return Newcomer(tab)


@pytest.fixture(scope="module", autouse=True)
def lived_in(lake: Lake, orders: Actor, front: Any, console: Any) -> Actor:
    """A lake in which each try has something to find. Returned is who holds a batch back."""
    connected = Connected(lake, "local", front.endpoint)
    now_ms = int(lake.clock().timestamp() * 1000)

    def dropped(bucket: str, n: int) -> Row:
        obj = ObjectVersion(bucket, f"{orders.name}/2026/Export-{n:04}.csv", f"v{n}")
        if n == FAILED:
            return row_of(obj, orders.name, now_ms, (Status.REGISTERED, Status.FAILED), reason=REASON)
        passed = (Status.REGISTERED, Status.COMMITTED)
        return row_of(obj, orders.name, now_ms - n * 1000, passed, rows_in=10, rows_out=10)

    fill(connected, range(OBJECTS), dropped)
    fill(connected, range(140), _slower(Actor(lake, {**ORDERS, "dataset": "visits"}).name, now_ms))
    returns = Actor(lake, {**ORDERS, "dataset": "returns"})
    batch = returns.open(returns.stage("monday.csv"))
    returns.write(batch, _rows(None), outcome="FAILED", reason="0.5 of the rows have no id")
    lake.finisher.quarantine(returns.name, batch, returns.work.table)
    _report()
    console.counts = Cached(partial(count, kept=console.objects), 0)
    console.executions = Cached(RecentReader().read, 0)
    until(lambda: console.counts.newest(lake))
    until(lambda: (known := console.executions.newest(lake)) and known.tally.outcomes["FAILED"])
    return returns


def _rows(*ids: int | None) -> pa.Table:
    return pa.table(
        {"id": ids, "price": [None] * len(ids), "at": pa.array([None] * len(ids), pa.timestamp("us", "UTC"))}
    )


def _slower(dataset: str, now_ms: int) -> Callable[[str, int], Row]:
    """Of 14 days ten objects each: in the last seven they took ten times as long, and some of their rows were bad."""

    def row(bucket: str, n: int) -> Row:
        # At noon of whole days, those of which the page compares.
        at, is_late = now_ms // DAY_MS * DAY_MS - n // 10 * DAY_MS - DAY_MS // 2, n < 70
        obj = ObjectVersion(bucket, f"{dataset}/{n:04}.csv", f"v{n}")
        rows = {"rows_in": 20, "rows_out": 18 if is_late else 20, "rows_bad": 2 if is_late else 0}
        loaded = iso(datetime.fromtimestamp(at / 1000 + (600 if is_late else 60), UTC))
        found = row_of(obj, dataset, at, (Status.REGISTERED, Status.COMMITTED), **rows)
        return {**found, "history": [["REGISTERED", loaded], ["COMMITTED", loaded]]}

    return row


def _report() -> None:
    """An execution of somebody's own machine, of whose Map one item fails."""
    states = {
        "Is it odd?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericEquals": ODD, "Next": "Refuse"}],
            "Default": "Sum",
        },
        "Sum": {"Type": "Pass", "End": True},
        "Refuse": {"Type": "Fail", "Error": "NoCurrency", "Cause": f"line {ODD} has no currency"},
    }
    each = {
        "Type": "Map",
        "ItemsPath": "$.lines",
        "MaxConcurrency": 1,
        "ItemProcessor": {"StartAt": "Is it odd?", "States": states},
        "End": True,
    }
    stepfunctions = client("stepfunctions")
    machine = stepfunctions.create_state_machine(
        name="monthly-report",
        definition=json.dumps({"StartAt": "Each line", "States": {"Each line": each}}),
        roleArn="arn:aws:iam::123456789012:role/monthly-report",
    )["stateMachineArn"]
    lines = [{"n": n} for n in range(ITEMS)]
    arn = stepfunctions.start_execution(stateMachineArn=machine, name="november", input=json.dumps({"lines": lines}))[
        "executionArn"
    ]
    until(lambda: stepfunctions.describe_execution(executionArn=arn)["status"] == "FAILED")


def test_the_failed_file_of_the_night_among_5000_and_its_reason(newcomer):
    newcomer.sees(REASON)()
    newcomer.click("link", f"Export-{FAILED}.csv", newcomer.headed(f"Export-{FAILED}.csv"))
    newcomer.sees(REASON)()


def test_the_failed_file_is_found_by_a_part_of_its_name_too(newcomer):
    newcomer.find(f"export-{FAILED}", lambda: newcomer.tab.get_by_role("link", name=f"Export-{FAILED}.csv").wait_for())
    newcomer.click("link", f"Export-{FAILED}.csv", newcomer.sees(REASON))


def test_why_a_machine_failed_at_one_item_of_500(newcomer):
    newcomer.click("link", "1 execution failed", lambda: newcomer.tab.get_by_role("link", name="november").wait_for())
    newcomer.click("link", "november", newcomer.sees("line 333 has no currency"))
    # Its history is read in pieces: the failed step comes with a live update, unless one request read all of it.
    newcomer.sees(f"Each line #{ODD}")()


def test_a_page_of_a_failure_that_is_not_read_whole_has_what_failed_all_the_same(newcomer, console, monkeypatch):
    monkeypatch.setattr(Histories.of, "__defaults__", (0,))
    console.histories = Histories()
    newcomer.tab.goto("/executions/november")
    newcomer.sees(f"Each line #{ODD}")()
    expect(newcomer.tab.get_by_text("No step that failed is in what is read")).to_have_count(0)


def test_whether_a_dataset_gets_slower_or_worse(newcomer):
    newcomer.click("link", "shop/visits", newcomer.headed("shop/visits"))
    newcomer.click("link", "slower or worse", newcomer.sees("median time from drop to table"))
    lines = newcomer.tab.get_by_role("region", name="Slower or worse").locator("tbody tr")
    for line, told in enumerate((["10 min", "1 min"], ["1,400", "1,400"], ["140 10 %", "0"])):
        expect(lines.nth(line).locator("td")).to_have_text([re.compile("."), *told])


def test_a_batch_that_was_held_back_is_loaded_after_a_mend(newcomer, lived_in):
    newcomer.click("link", "monday.csv", newcomer.headed("monday.csv"))
    first = newcomer.tab.locator("main .actions button:not(.second)")
    expect(first).to_have_text(["Redrive its batch: load it again"])
    newcomer.click("button", "Redrive its batch", newcomer.sees("staged again in the new batch"))
    batch = lived_in.lake.batches.newest(lived_in.name, 1)[0].id
    lived_in.write(batch, _rows(1, 2))
    lived_in.commit(batch)
    assert lived_in.lake.batches.get(lived_in.name, batch).status == "COMMITTED"
    newcomer.tab.get_by_text("COMMITTED").first.wait_for()
