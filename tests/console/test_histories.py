"""Long histories: read in pieces that follow each other, each piece once, to the same end as all at once."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from pipeline.console import histories
from pipeline.console.histories import ExecutionHistory, Histories
from pipeline.core.clients import client
from pipeline.lake.settings import Setting
from pipeline.operate.executions import events_of, find
from pipeline.state_machines.history import HistoryReader, visits
from tests.console.large_lake import Calls
from tests.console.test_executions import run
from tests.patience import until

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
    until(lambda: len(kept.of(find(lake, "reads-on")[0]).visits) == 2)
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
    expect(tab.locator("[data-live]")).to_have_count(0)
    document = visitor.document(f"/executions/{long}")
    assert (document["is_whole"], document["steps"][0]["state"]) == (True, "Each")


ODD, ITEMS = 60, 80


@pytest.fixture(scope="module")
def failed_late(lake):
    """An execution that fails at one of the last of its items, and was tried again at the first."""
    work = {
        "StartAt": "Odd?",
        "States": {
            "Odd?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "StringEquals": "odd", "Next": "Refuse"}],
                "Default": "Done",
            },
            "Refuse": {"Type": "Fail", "Error": "Odd", "Cause": "it is odd"},
            "Done": {"Type": "Pass", "End": True},
        },
    }
    definition = {
        "StartAt": "Before",
        "States": {
            "Before": {"Type": "Pass", "Next": "Each"},
            "Each": {"Type": "Map", "MaxConcurrency": 1, "ItemsPath": "$.items", "ItemProcessor": work, "End": True},
        },
    }
    stepfunctions, role = client("stepfunctions"), "arn:aws:iam::123456789012:role/late"
    machine = stepfunctions.create_state_machine(name="late", definition=json.dumps(definition), roleArn=role)
    items = ["odd" if number == ODD else f"item {number}" for number in range(ITEMS)]
    arn = stepfunctions.start_execution(
        stateMachineArn=machine["stateMachineArn"], name="fails-late", input=json.dumps({"items": items})
    )["executionArn"]
    until(lambda: stepfunctions.describe_execution(executionArn=arn)["status"] == "FAILED")
    return find(lake, "fails-late")[0]


def test_why_a_long_execution_failed_is_known_at_once(failed_late, small_pages):
    history = Histories().of(failed_late, patience=0)
    assert (history.is_whole, history.events) == (False, 100)
    whole = Histories().of(failed_late, patience=None)
    assert whole.is_whole
    assert [(n, visit.errors) for n, visit in history.failed if n is None]
    for found in (history, whole):
        _, first = found.failed[0]
        assert (first.state, first.scope, first.errors[0][0]) == ("Refuse", (("Each", ODD),), "MapIterationFailed")
    assert [visit.errors for _, visit in history.failed] == [visit.errors for _, visit in whole.failed]
    # It keeps what it is, while more and more of the rest is read.
    again = Histories()
    while not (history := again.of(failed_late, patience=0)).is_whole:
        assert (history.failed[0][0], history.failed[0][1].scope) == (None, (("Each", ODD),))


def test_the_end_is_asked_for_once_and_completes_a_history_of_two_pages(failed_late, monkeypatch):
    number = len(events_of(failed_late))
    calls = Calls("stepfunctions")
    for size, reads in ((number, 1), (number // 2 + 1, 2)):
        monkeypatch.setattr(histories, "PAGE", size)
        kept = Histories()
        for _ in range(2):
            history = kept.of(failed_late, patience=0)
            assert (history.is_whole, history.events) == (True, number)
        assert history.visits == visits(events_of(failed_late))
        assert calls.take().count("GetExecutionHistory") - 1 == reads
    monkeypatch.setattr(histories, "PAGE", 100)
    kept = Histories()
    for _ in range(2):
        kept.of(failed_late, patience=0)
    assert calls.take().count("GetExecutionHistory") == 3


def test_the_end_alone_tells_which_item_failed(failed_late):
    """The Map itself began long before."""
    found = HistoryReader().after_gap(events_of(failed_late)[-30:])
    (refused,) = [visit for visit in found if visit.errors]
    assert (refused.state, refused.scope, refused.broken) == ("Refuse", (("Each", ODD),), True)


def test_the_page_of_a_long_execution_says_at_once_why_it_failed(visitor, failed_late, small_pages, monkeypatch):
    monkeypatch.setattr(Histories.of, "__defaults__", (0,))
    failure = visitor.get("/executions/fails-late.json").json()["failures"][0]
    where = [{"state": "Each", "index": ODD}]
    assert (failure["state"], failure["step"], failure["iteration"]) == ("Refuse", None, where)
    html = visitor.get("/executions/fails-late").text
    assert f"Each #{ODD}" in html
    assert "/steps/None" not in html
    until(lambda: visitor.document("/executions/fails-late")["is_whole"])
    failure = visitor.document("/executions/fails-late")["failures"][0]
    assert f'/executions/fails-late/steps/{failure["step"]}"' in visitor.get("/executions/fails-late").text


def test_a_long_execution_that_was_stopped_promises_no_step_that_failed(lake, visitor, small_pages, monkeypatch):
    passes = {"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}}
    definition = {
        "StartAt": "Each",
        "States": {
            "Each": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": passes, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": 3600, "End": True},
        },
    }
    stepfunctions, role = client("stepfunctions"), "arn:aws:iam::123456789012:role/stopped"
    machine = stepfunctions.create_state_machine(name="stopped", definition=json.dumps(definition), roleArn=role)
    arn = stepfunctions.start_execution(
        stateMachineArn=machine["stateMachineArn"], name="was-stopped", input=json.dumps({"items": [*range(80)]})
    )["executionArn"]
    until(lambda: visits(events_of(find(lake, "was-stopped")[0]))[-1].state == "Wait")
    stepfunctions.stop_execution(executionArn=arn, error="Mine", cause="enough")
    monkeypatch.setattr(Histories.of, "__defaults__", (0,))
    html = visitor.get("/executions/was-stopped").text
    assert "Its history is long" in html
    assert "enough" in html
    assert "follows here" not in html
    assert "No step that failed is in what is read of its history so far" in html
