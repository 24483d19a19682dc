"""Schedules as pages and commands: who paused what and why, what comes next, and a backlog that is drained."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pyarrow as pa
import pytest
from playwright.sync_api import expect

from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Misconfigured, Refused
from pipeline.lake.batches.pauses import Paused
from pipeline.lake.batches.poller import PollOutcome
from pipeline.lake.messages.poll_order import PollOrder
from pipeline.operate import drain as draining
from pipeline.operate.drain import Drainer
from pipeline.operate.health import HealthReader
from pipeline.operate.schedules import _set_state, pause, resume
from tests.cli.conftest import ROLE, Actor
from tests.console.conftest import TOKEN, LooksEachTime, let_in, new_context
from tests.patience import PATIENCE_S, until

NAME = "lake-local-shop-prices"
TARGET = {"Arn": "arn:aws:lambda:eu-west-1:123456789012:function:poll", "RoleArn": ROLE, "Input": '{"dataset": "x"}'}
DEFINITION = {"team": "shop", "dataset": "prices", "stage_a": {"format": "csv", "columns": {"id": "bigint"}}}
WHY = "the supplier sends <b>all</b> again"


@pytest.fixture(scope="module")
def prices(lake):
    """A dataset with a schedule, which says all that a schedule can say."""
    client("scheduler").create_schedule(
        Name=NAME,
        Description="Polls",
        ScheduleExpression="rate(5 minutes)",
        ScheduleExpressionTimezone="Europe/Zurich",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={**TARGET, "RetryPolicy": {"MaximumRetryAttempts": 0}},
    )
    actor = Actor(lake, DEFINITION)
    actor.registration = replace(actor.registration, schedule=NAME)
    lake.registry.put(actor.registration)
    return actor


def schedule():
    found = client("scheduler").get_schedule(Name=NAME)
    return {name: found[name] for name in found if name not in ("LastModificationDate", "ResponseMetadata")}


def settle(prices, batch):
    """What Stage B would do with a batch."""
    if prices.lake.batches.get(prices.name, batch).write is None:
        prices.write(batch, pa.table({"id": [1, 2]}))
    prices.commit(batch)


@pytest.fixture
def polled(monkeypatch):
    """The real poller in the place of the function that calls it; the lake has no functions."""

    def run_now(lake, registration):
        order = {
            "dataset": str(registration.name),
            "queue_url": registration.queue_url,
            "stage_b": {"min_objects": 1, "max_objects": 2, "max_wait": "1 minute"},
        }
        outcome, batch = lake.poller.poll(PollOrder.from_json(json.loads(json.dumps(order))))
        return outcome.value, batch

    monkeypatch.setattr(draining, "run_now", run_now)
    monkeypatch.setattr(draining, "POLL_S", 0.01)


def test_a_paused_schedule_fires_no_more_and_everybody_sees_who_paused_it_and_why(
    visitor, sluice, prices, lake, console, monkeypatch
):
    before = schedule()
    page = visitor.post(f"/datasets/{prices.name}/pause", what="schedule", reason=f"  {WHY} ")
    assert "<b>all</b>" not in page.text
    assert schedule() == {**before, "State": "DISABLED"}
    (pauses,) = lake.pauses.of([prices.name]).values()
    assert pauses[Paused.SCHEDULE].why == WHY
    assert pauses[Paused.SCHEDULE].by
    assert "paused already" in visitor.post(f"/datasets/{prices.name}/pause", reason="another").text
    assert lake.pauses.of([prices.name])[prices.name] == pauses

    monkeypatch.setattr(console, "counts", LooksEachTime(console.counts._look))
    (paused,) = visitor.document("/")["summary"]["paused"]
    assert (paused["dataset"], paused["what"], paused["why"]) == (prices.name, "schedule", WHY)
    assert "&lt;b&gt;all" in visitor.get("/").text
    assert WHY in " ".join(sluice("status").stdout.split())
    (listed,) = (each for each in visitor.document("/schedules")["schedules"] if each["dataset"] == prices.name)
    assert (listed["next_run"], listed["within_s"], listed["paused"]["why"]) == (None, None, WHY)
    assert json.loads(sluice("schedules", "list", prices.name, "--json").stdout)[0]["paused"]["why"] == WHY

    monkeypatch.setattr(console, "health", LooksEachTime(HealthReader().read))
    (line,) = visitor.document("/datasets", find=prices.name)["datasets"]
    assert (line["state"], line["next_run"], line["prospect"], line["paused"]["why"]) == ("PAUSED", None, None, WHY)
    assert "&lt;b&gt;all" in visitor.get("/datasets").text
    staged = prices.stage("waits.csv")
    waiting = sluice("wait", prices.name, "--timeout", "0")
    assert waiting.exit_code == 4
    assert f"{prices.name} is paused since" in " ".join(waiting.stdout.split())
    assert WHY in " ".join(waiting.stdout.split())
    told = json.loads(sluice("wait", prices.name, "--timeout", "0", "--json").stdout)["paused"]
    assert [(each["dataset"], each["why"]) for each in told] == [(prices.name, WHY)]

    visitor.post(f"/datasets/{prices.name}/resume")
    assert "paused" not in sluice("wait", prices.name, "--timeout", "0").stdout
    settle(prices, prices.open(staged))
    (line,) = visitor.document("/datasets", find=prices.name)["datasets"]
    assert (line["state"] == "PAUSED", line["paused"]) == (False, None)
    assert schedule() == before
    assert lake.pauses.of([prices.name]) == {}
    assert visitor.document(f"/datasets/{prices.name}")["planned"]["within_s"] == 300
    again = visitor.post(f"/datasets/{prices.name}/resume")
    assert again.status_code == 409, again.text


@pytest.mark.parametrize(("width", "high"), [(390, 300), (1280, 60)])
def test_schedules_fit_a_phone_and_the_pages_one_line_of_a_desk(chromium, url, prices, lake, width, high):
    pause(lake, prices.registration, Paused.SCHEDULE, "ana", WHY * 5)
    context = new_context(chromium, base_url=url, viewport={"width": width, "height": 860})
    let_in(context, url, TOKEN)
    page = context.new_page()
    page.goto("/schedules")
    page.get_by_text(WHY).wait_for()
    region = page.get_by_role("region", name="Schedules")
    until(lambda: region.evaluate("each => each.scrollWidth <= each.clientWidth + 1"))
    until(lambda: page.evaluate("document.documentElement.scrollWidth") <= width)
    until(lambda: page.locator("header nav").bounding_box()["height"] < high)
    context.close()
    resume(lake, prices.registration, Paused.SCHEDULE)


def test_what_was_disabled_by_other_means_is_not_enabled(prices):
    _set_state(prices.registration.schedule, "DISABLED")
    with pytest.raises(Refused, match="is not paused"):
        resume(prices.lake, prices.registration, Paused.SCHEDULE)
    assert schedule()["State"] == "DISABLED"
    _set_state(prices.registration.schedule, "ENABLED")


def test_a_pause_outlives_a_new_registration_and_one_that_failed_leaves_nothing(prices, lake):
    pause(lake, prices.registration, Paused.SCHEDULE, "kim", "because")
    lake.registry.put(prices.registration)
    assert lake.pauses.of([prices.name])[prices.name][Paused.SCHEDULE].by == "kim"
    resume(lake, prices.registration, Paused.SCHEDULE)
    with pytest.raises(BadInput, match="needs a reason"):
        pause(lake, prices.registration, Paused.SCHEDULE, "kim", "  ")
    gone = replace(prices.registration, schedule="no-such-schedule")
    with pytest.raises(Refused, match="there is no schedule"):
        pause(lake, gone, Paused.SCHEDULE, "kim", "because")
    with pytest.raises(Refused, match="earlier release"):
        pause(lake, replace(gone, schedule=None), Paused.SCHEDULE, "kim", "because")
    with pytest.raises(Refused, match="retired"):
        pause(lake, replace(gone, is_closed=True), Paused.UPKEEP, "kim", "because")
    assert lake.pauses.of([prices.name]) == {}


def test_no_turn_of_upkeep_opens_while_it_is_paused(visitor, lake, polled):
    kept = Actor(lake, {**DEFINITION, "dataset": "kept"})
    lake.turns.ask(kept.name)
    visitor.post(f"/datasets/{kept.name}/pause", what="upkeep", reason="the disk is full")
    assert draining.run_now(lake, kept.registration) == (PollOutcome.IDLE.value, None)
    planned = visitor.document(f"/datasets/{kept.name}")["planned"]
    assert (planned["paused"], planned["upkeep_paused"]["why"]) == (None, "the disk is full")
    assert visitor.post(f"/datasets/{kept.name}/pause", what="everything", reason="x").status_code == 400
    # Nor does it hold up batches.
    kept.stage("while-paused.csv")
    outcome, batch = draining.run_now(lake, kept.registration)
    assert outcome == PollOutcome.STARTED.value
    settle(kept, batch)
    visitor.post(f"/datasets/{kept.name}/resume", what="upkeep")
    assert lake.pauses.of([kept.name]) == {}
    # The lake of this test has no job for it: that a turn is begun is seen by what it lacks.
    with pytest.raises(Misconfigured, match="UPKEEP_POLICY"):
        draining.run_now(lake, kept.registration)


def test_a_backlog_is_drained_batch_after_batch_until_nothing_waits(prices, lake, polled):
    for number in range(5):
        prices.stage(f"backlog-{number}.csv")
    seen = []

    def work(_seconds):
        if batch := lake.batches.active(prices.name):
            settle(prices, batch)

    done = Drainer(lake=lake, registration=prices.registration, report=seen.append, sleep=work).run()
    assert (done.batches, done.objects, done.held, done.waiting, done.good) == (3, 5, 0, 0, True)
    assert done.ended.startswith("nothing waits any more")
    waiting = [each.waiting for each in seen if each.batch is None]
    assert waiting == sorted(waiting, reverse=True)
    assert seen[-1] == done


def test_a_drain_ends_at_its_bounds_and_at_a_batch_that_failed(prices, lake, polled):
    for number in range(4):
        prices.stage(f"bounded-{number}.csv")

    def fail(_seconds):
        if batch := lake.batches.active(prices.name):
            lake.finisher.fail(prices.name, batch, prices.work.table, "the disk is full")

    def work(_seconds):
        if batch := lake.batches.active(prices.name):
            settle(prices, batch)

    drainer = Drainer(lake=lake, registration=prices.registration, sleep=work)
    none = replace(drainer, seconds=0).run()
    assert (none.batches, none.waiting, none.ended, none.good) == (0, 4, "its time is up", False)
    assert replace(drainer, stopped=lambda: True).run().ended == "it was stopped"
    one = replace(drainer, most=1).run()
    assert (one.batches, one.waiting, one.good) == (1, 2, False)
    failed = replace(drainer, sleep=fail).run()
    assert (failed.batches, failed.held, failed.good) == (1, 1, False)
    assert "the disk is full" in failed.ended


def test_a_page_drains_with_progress_and_can_be_stopped(tab, prices, lake, polled):
    for number in range(3):
        prices.stage(f"seen-{number}.csv")
    tab.goto(f"/datasets/{prices.name}")
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.get_by_role("button", name="Drain the backlog").click()
    tab.get_by_text("loading 0").wait_for()
    tab.get_by_role("button", name="Stop draining").click()
    tab.get_by_text("No further batch is begun.").wait_for()
    tab.get_by_text("it was stopped").wait_for()
    settle(prices, lake.batches.active(prices.name))
    tab.get_by_role("button", name="Drain the backlog").click()
    enough = threading.Event()

    def work():
        while not enough.wait(0.05):
            if batch := lake.batches.active(prices.name):
                settle(prices, batch)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    tab.get_by_text("nothing waits any more").wait_for()
    enough.set()
    worker.join(PATIENCE_S)
    tab.goto("/schedules")
    expect(tab.get_by_role("row", name=prices.name).get_by_text("drained", exact=True)).to_be_visible()
