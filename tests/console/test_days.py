"""A dataset day by day: what was dropped, what became of its rows and how long that took, as charts and as numbers."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime

import pytest
from playwright.sync_api import expect

from pipeline.console.counts import CachedEach
from pipeline.console.dataset_days import _trend
from pipeline.core.clock import iso
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import Status
from pipeline.operate import days as counting
from pipeline.operate.connection import Connected
from pipeline.operate.days import Day, days_of, summarized
from tests.benchmarks.catalog_rows import fill, row_of
from tests.cli.conftest import ORDERS, Actor
from tests.console.large_lake import Calls

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def dropped(lake, front) -> Actor:
    """Objects of 20 days, of which the tenth and the eleventh before today had none, and the fifth waits."""
    made = Actor(lake, {**ORDERS, "dataset": "daily"})
    now = lake.clock()

    def row(bucket, n):
        age = n // 10
        obj = ObjectVersion(bucket, f"{made.name}/{n:04}.csv", f"v{n}")
        at = int(now.timestamp() * 1000) - age * DAY_MS - n % 10 * 1000
        status = Status.STAGED if age == 5 else Status.COMMITTED
        bad = {"rows_bad": 2} if age == 3 else {}
        found = row_of(obj, made.name, at, (Status.REGISTERED, status), rows_in=12, rows_out=10 if bad else 12, **bad)
        loaded = iso(datetime.fromtimestamp(at / 1000 + (600 if n % 10 == 9 else 60), UTC))
        return {**found, "history": [["REGISTERED", loaded], [status.value, loaded]]}

    fill(Connected(lake, "local", front.endpoint), range(90), row)
    fill(Connected(lake, "local", front.endpoint), range(110, 190), row)
    return made


def test_each_day_has_its_rows_and_how_long_they_took_and_days_without_any_are_there(visitor, dropped):
    document = visitor.document(f"/datasets/{dropped.name}/days", days=25)
    days = list(reversed(document["days"]))
    assert len(days) == 25
    assert [day["objects"] for day in days] == [10] * 9 + [0] * 2 + [10] * 8 + [0] * 6
    assert (days[0]["rows_in"], days[0]["rows_out"], days[0]["median_s"], days[0]["slow_s"]) == (120, 120, 60.0, 60.0)
    assert (days[3]["rows_out"], days[3]["rows_bad"], days[3]["rows_elsewhere"]) == (100, 20, 0)
    assert (days[5]["rows_out"], days[5]["rows_elsewhere"], days[5]["median_s"]) == (0, 120, None)
    # Of each line, three stretches: a day that waits and two without objects are gaps.
    assert len(document["time_chart"]["courses"]) == 6
    assert document["rows_chart"]["told"].endswith("2,040 rows in, 1,900 in the table, 20 bad")
    assert document["is_all"]
    assert (document["trend"]["last"]["rows_bad"], document["trend"]["before"]["rows_bad"]) == (20, 0)
    assert [document["trend"][of]["rows_in"] for of in ("last", "before")] == [840, 600]
    # The day that is not over is no part of the comparison.
    assert document["trend"]["until"] == days[1]["day"]
    half = [Day(f"2026-11-{n:02}", rows_in=0 if n == 15 else 100) for n in range(1, 16)]
    trend = _trend(half)
    assert trend
    assert (trend["last"]["rows_in"], trend["before"]["rows_in"], trend["until"]) == (700, 700, "2026-11-14")
    assert _trend(half[:2]) is None


def test_what_was_not_read_is_unknown_and_not_nought(visitor, dropped, monkeypatch):
    monkeypatch.setattr(counting, "OBJECTS", 100)
    document = visitor.document(f"/datasets/{dropped.name}/days", days=7)
    assert (document["is_all"], document["read"]) == (False, 100)
    # All rows of this lake were written today: objects of today may be missing.
    assert [day["is_read"] for day in document["days"]] == [False] * 7
    assert len(document["rows_chart"]["bands"]) == 7
    assert "not read" in visitor.get(f"/datasets/{dropped.name}/days?days=7").text


def test_while_the_objects_are_being_read_the_page_says_so_and_follows(tab, console, dropped, monkeypatch):
    goes_on = threading.Event()

    def slow(lake, wanted):
        goes_on.wait(60)
        return days_of(lake, *wanted, lake.clock())

    monkeypatch.setattr(console, "days", CachedEach(slow, 10.0))
    tab.goto(f"/datasets/{dropped.name}/days")
    tab.get_by_text("are being read: the charts follow").wait_for()
    goes_on.set()
    tab.get_by_role("img", name="Rows by day: 2,040 rows in").wait_for()


def test_a_dataset_without_objects_and_one_that_nobody_registered(visitor, lake):
    made = Actor(lake, {**ORDERS, "dataset": "nothing_yet"})
    document = visitor.document(f"/datasets/{made.name}/days")
    assert document["time_chart"]["told"].endswith("nothing was loaded")
    assert len(document["days"]) == 30
    assert visitor.get("/datasets/shop/nowhere/days").status_code == 404
    assert summarized((), date(2026, 12, 31), 2, None)[1].day == "2027-01-01"


def test_a_look_makes_a_number_of_calls_that_its_objects_bound(lake, dropped):
    calls = Calls("dynamodb")
    days_of(lake, dropped.work.dataset.name, 30, lake.clock())
    assert 0 < len(calls.take()) < 45


def test_the_page_is_drawn_and_leads_back(tab, dropped):
    tab.goto(f"/datasets/{dropped.name}")
    tab.get_by_role("link", name="day by day").click()
    tab.get_by_role("img", name="Rows by day: 2,040 rows in").wait_for()
    tab.get_by_role("img", name="Time from drop to table by day: median 1 min to 1 min").wait_for()
    expect(tab.get_by_role("region", name="Days").locator("tbody tr")).to_have_count(30)
