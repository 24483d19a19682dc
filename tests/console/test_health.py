"""The health of datasets at a glance: those in trouble first, what the last batches brought, and what waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from pipeline.lake.batches.records import Batch, BatchStatus
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import Dataset
from pipeline.operate.health import HealthReader
from pipeline.operate.prospect import prospect
from tests.cli.conftest import ORDERS, Actor
from tests.console.conftest import TOKEN, LooksEachTime, let_in, new_context
from tests.console.large_lake import Calls
from tests.console.test_datasets import held_back, loaded, rows
from tests.patience import until

for needed in (loaded, held_back):
    assert needed

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(lake, held_back):
    """Datasets beside the one whose last batch is quarantined: one that is well, one with a backlog, one with a failed
    object, one without any."""
    well = Actor(lake, {**ORDERS, "dataset": "a_well"})
    batch = well.open(well.stage("one.csv"))
    well.write(batch, rows(1, 2, 3))
    well.commit(batch)
    slow = Actor(lake, {**ORDERS, "dataset": "b_slow", "stage_b": {"max_objects": 1, "freshness": "2 hours"}})
    batch = slow.open(slow.stage("one.csv"))
    slow.write(batch, rows(1))
    slow.commit(batch)
    for number in range(3):
        slow.stage(f"waits-{number}.csv")
    failed = Actor(lake, {**ORDERS, "dataset": "c_failed"})
    lake.catalog.move(failed.register(failed.drop("bad.csv")), Status.FAILED, failed.name, reason="broken")
    Actor(lake, {**ORDERS, "dataset": "d_empty"})
    return slow


@pytest.fixture
def healthy(console, monkeypatch):
    monkeypatch.setattr(console, "health", LooksEachTime(HealthReader().read))


def test_those_in_trouble_come_first_and_each_says_what_it_is_in(visitor, shop, healthy):
    document = visitor.document("/datasets")
    lines = {line["name"].removeprefix("shop/"): line for line in document["datasets"]}
    assert [(name, line["state"]) for name, line in lines.items()] == [
        ("orders", "QUARANTINED"),
        ("c_failed", "FAILED"),
        ("d_empty", "EMPTY"),
        ("a_well", "OK"),
        ("b_slow", "OK"),
    ]
    assert document["states"] == {"QUARANTINED": 1, "FAILED": 1, "EMPTY": 1, "OK": 2}
    well, slow, orders = lines["a_well"], lines["b_slow"], lines["orders"]
    assert (well["rows"], well["late_by_s"], well["backlog"]["waiting"], well["prospect"]) == (3, None, 0, None)
    assert well["size"] > 0
    assert well["fresh"]
    assert (slow["backlog"]["waiting"], slow["prospect"]["batches"], slow["freshness_s"]) == (3, 3, 7200)
    assert [(b["rows"], b["bad_rows"], b["status"]) for b in orders["batches"]] == [
        (2, 3, "COMMITTED"),
        (1, 1, "QUARANTINED"),
    ]
    assert (orders["quarantined"], orders["bad_rows"]) == (1, 4)
    assert lines["c_failed"]["attention"][0]["filters"]["status"] == "FAILED"


def test_what_waits_longer_than_was_promised_is_late(visitor, shop, healthy, lake, monkeypatch):
    now = lake.clock()
    monkeypatch.setattr(lake, "clock", lambda: now + timedelta(hours=3))
    (line,) = visitor.document("/datasets", find="b_slow")["datasets"]
    assert line["state"] == "LATE"
    assert 3500 < line["late_by_s"] < 3700
    assert "late by 1 h" in visitor.get("/datasets", params={"find": "b_slow"}).text


def test_the_page_asks_aws_nothing_that_is_known_already(visitor, shop, console, lake):
    until(lambda: console.health.newest(lake) is not None)
    visitor.get("/datasets")
    calls = Calls("dynamodb", "glue", "sqs", "stepfunctions")
    visitor.get("/datasets")
    # What is renewed meanwhile in the background is not the page's.
    assert len(calls.take()) <= 5 * 3 + 40


def batch(minutes: int, took_s: int, status: BatchStatus = BatchStatus.COMMITTED) -> Batch:
    opened = NOW - timedelta(minutes=minutes)
    row = {
        "dataset": "shop/orders",
        "item": "BATCH#01",
        "status": status.value,
        "opened": opened.isoformat(),
        "ended": (opened + timedelta(seconds=took_s)).isoformat(),
        "objects": 100,
        "candidates": [],
    }
    return Batch.from_row(row)


def dataset(**stage_b: object) -> Dataset:
    return Dataset.from_stored({**ORDERS, "stage_b": stage_b})


@pytest.mark.parametrize(
    ("stage_b", "waiting", "took_s", "batches", "minutes"),
    [
        # Two batches, of which the first opens within five minutes, and the second at the next turn.
        ({"schedule": "rate(5 minutes)", "max_objects": 100}, 150, 60, 2, 11),
        # Each takes longer than a turn: the next opens at the turn after it has ended.
        ({"schedule": "rate(5 minutes)", "max_objects": 100}, 300, 420, 3, 5 + 2 * 10 + 7),
        # Too few to open a batch: they wait for the longest that they may.
        ({"schedule": "rate(5 minutes)", "min_objects": 10, "max_wait": "30 minutes"}, 1, 60, 1, 31),
        ({"schedule": "cron(0 * * * ? *)"}, 1, 60, 1, 61),
    ],
)
def test_a_backlog_has_a_prospect_by_the_rate_of_the_last_batches(stage_b, waiting, took_s, batches, minutes):
    found = prospect(dataset(**stage_b), waiting, NOW.isoformat(), [batch(60, took_s)], NOW)
    assert found is not None
    assert (found.batches, (found.at - NOW).total_seconds() / 60) == (batches, minutes)


def test_there_is_no_prospect_where_none_can_be_told():
    one, known = dataset(), [batch(60, 60)]
    assert prospect(one, 0, None, known, NOW) is None
    assert prospect(one, 5, NOW.isoformat(), [], NOW) is None
    assert prospect(one, 5, NOW.isoformat(), [batch(60, 60, BatchStatus.FAILED)], NOW) is None
    delivery = dataset(start_when={"marker": "_SUCCESS"})
    assert prospect(delivery, 5, NOW.isoformat(), known, NOW) is None


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_trouble_is_seen_and_followed_in_a_browser(chromium, url, shop, healthy, width, scheme):
    context = new_context(chromium, base_url=url, viewport={"width": width, "height": 860}, color_scheme=scheme)
    let_in(context, url, TOKEN)
    page = context.new_page()
    page.goto("/datasets")
    until(lambda: page.evaluate("document.documentElement.scrollWidth") <= width)
    first = page.locator("tbody tr").first
    expect(first.locator(".status").first).to_have_text("QUARANTINED")
    expect(first.get_by_role("img", name="1 quarantined")).to_have_count(1)
    page.get_by_role("link", name="1 object", exact=True).first.click()
    page.get_by_role("heading", name="1 object").wait_for()
    context.close()
