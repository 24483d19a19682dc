"""Long histories: read in pieces that follow each other, each piece once, to the same end as all at once."""

from __future__ import annotations

import json

import pytest

from pipeline.console import histories
from pipeline.console.histories import ExecutionHistory, Histories
from pipeline.core.clients import client
from pipeline.lake.settings import Setting
from pipeline.operate.executions import events_of, find
from pipeline.state_machines.history import visits
from tests.console.test_executions import run

assert run


@pytest.fixture(scope="module")
def long(run):
    objects = [{"key": f"k{number}", "bucket": "b"} for number in range(40)]
    return run("long", {"dataset": "shop/orders", "objects": objects})


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(histories, "PAGE", 100)


def test_pieces_make_the_whole(lake, long, small_pages):
    found, _ = find(lake, long)
    kept = Histories()
    sizes = []
    while not (history := kept.of(found, patience=0)).is_whole:
        sizes.append(history.events)
    assert sizes == [100, 200]
    assert history.visits == visits(events_of(found))
    assert kept.of(found, patience=0) is history


def test_what_was_read_whole_of_an_ended_execution_is_not_read_again(lake, long, monkeypatch):
    found, _ = find(lake, long)
    history = ExecutionHistory()
    history.read_on(found, None)
    read: list[bool] = []
    monkeypatch.setattr(history, "_read_page", lambda _: read.append(True))
    history.read_on(found, None)
    assert (read, history.is_whole) == ([], True)


def test_a_running_execution_is_read_on(lake, orders):
    waiting = {
        "StartAt": "First",
        "States": {"First": {"Type": "Pass", "Next": "Wait"}, "Wait": {"Type": "Wait", "Seconds": 600, "End": True}},
    }
    stepfunctions, machine = client("stepfunctions"), lake.settings[Setting.STAGE_B_MACHINE]
    stepfunctions.update_state_machine(stateMachineArn=machine, definition=json.dumps(waiting))
    arn = stepfunctions.start_execution(stateMachineArn=machine, name="reads-on", input="{}")["executionArn"]
    kept = Histories()
    while len(kept.of(find(lake, "reads-on")[0]).visits) < 2:
        pass
    before = kept.of(find(lake, "reads-on")[0]).events
    stepfunctions.stop_execution(executionArn=arn, error="E", cause="enough")
    history = kept.of(find(lake, "reads-on")[0])
    assert history.events == before + 1
    assert [visit.state for visit in history.visits] == ["First", "Wait"]


def test_a_token_that_is_too_old_begins_again(lake, long, small_pages):
    found, _ = find(lake, long)
    kept = Histories()
    history = kept.of(found, patience=0)
    history._token = "of yesterday"
    assert kept.of(found, patience=None).visits == visits(events_of(found))


def test_no_more_executions_and_no_more_text_are_kept_than_fit(lake, long, run, monkeypatch):
    found, _ = find(lake, long)
    monkeypatch.setattr(histories, "TEXT", 2000)
    monkeypatch.setattr(histories, "KEPT", 1)
    kept = Histories()
    history = kept.of(found, patience=None)
    assert sum(len(visit.input or "") + len(visit.output or "") for visit in history.visits) <= 2000
    assert {visit.state for visit in history.visits} == {visit.state for visit in visits(events_of(found))}
    kept.of(find(lake, run("other", {"dataset": "shop/orders", "objects": []}))[0])
    assert kept.of(found, patience=None) is not history


def test_a_page_of_a_history_that_is_still_being_read_says_so_and_goes_on(tab, visitor, long, small_pages, monkeypatch):
    monkeypatch.setattr(Histories.of, "__defaults__", (0,))
    tab.goto(f"/executions/{long}")
    tab.get_by_text("Its history is long").wait_for()
    tab.get_by_text("Its history is long").wait_for(state="detached")
    assert tab.locator("[data-live]").count() == 0
    document = visitor.document(f"/executions/{long}")
    assert (document["is_whole"], document["steps"][0]["state"]) == (True, "Each")
