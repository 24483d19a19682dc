"""The executions that are kept are those of Step Functions, whatever has begun, ended or was redriven since."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.core.clients import client
from pipeline.operate import kept_executions
from pipeline.operate.execution_search import ExecutionFilter, search
from pipeline.operate.kept_executions import KeptExecutions
from tests.console.large_lake import Calls
from tests.patience import until

ROLE = "arn:aws:iam::123456789012:role/reports"
WAITS = {
    "StartAt": "Wait?",
    "States": {
        "Wait?": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.do", "StringEquals": "wait", "Next": "Wait"},
                {"Variable": "$.do", "StringEquals": "fail", "Next": "Fail"},
            ],
            "Default": "Done",
        },
        "Wait": {"Type": "Wait", "Seconds": 3600, "End": True},
        "Fail": {"Type": "Fail", "Error": "Mine"},
        "Done": {"Type": "Succeed"},
    },
}


@pytest.fixture(scope="module")
def start(lake):
    """Start an execution of a machine of somebody's own; one that does not wait has ended then."""
    stepfunctions = client("stepfunctions")
    machine = stepfunctions.create_state_machine(name="reports", definition=json.dumps(WAITS), roleArn=ROLE)

    def begin(name: str, do: str = "") -> str:
        arn = stepfunctions.start_execution(
            stateMachineArn=machine["stateMachineArn"], name=name, input=json.dumps({"do": do})
        )["executionArn"]
        if do != "wait":
            until(lambda: stepfunctions.describe_execution(executionArn=arn)["status"] != "RUNNING")
        return str(arn)

    return begin


def assert_same(lake, kept):
    for given in ({}, {"name": "EPORT-1"}, {"status": "FAILED"}, {"status": "RUNNING", "name": "report"}):
        wanted = ExecutionFilter.of(lake, {"machine": "reports", "from": "2020-01-01", **given})
        here, there = (search(lake, wanted, 200, batches={}, kept=each) for each in (kept, None))
        assert replace(here, at=None) == there, given
        assert here.executions, given


def test_what_began_ended_or_was_redriven_since_is_known(lake, start, monkeypatch):
    monkeypatch.setattr(kept_executions, "FEW", 5)
    monkeypatch.setattr(kept_executions, "PAGE", 10)
    stepfunctions, kept = client("stepfunctions"), KeptExecutions()
    waits, failed = start("report-waits", "wait"), start("report-failed", "fail")
    for n in range(30):
        start(f"report-{n}")
    kept.renew(lake, ["reports"])
    start("report-still-waits", "wait")
    assert len(kept.of(lake, "reports").runs) == 32
    kept.renew(lake, ["reports"])
    assert_same(lake, kept)
    stepfunctions.stop_execution(executionArn=waits)
    start("report-31")
    kept.renew(lake, ["reports"])
    assert_same(lake, kept)
    calls = Calls("stepfunctions")
    kept.renew(lake, ["reports"])
    # What runs, failed and was stopped, and the beginning of the list.
    assert calls.take().count("ListExecutions") == 4
    stepfunctions.redrive_execution(executionArn=failed)
    until(lambda: stepfunctions.describe_execution(executionArn=failed)["status"] != "RUNNING")
    kept.renew(lake, ["reports"])
    assert_same(lake, kept)


def test_a_search_asks_nothing_of_what_is_kept(lake, start):
    start("report-asks-nothing")
    kept = KeptExecutions()
    kept.renew(lake, ["reports"])
    calls = Calls("stepfunctions")
    found = search(lake, ExecutionFilter(machine="reports", name="asks-NOTHING"), 10, batches={}, kept=kept)
    assert [listed.run.name for listed in found.executions] == ["report-asks-nothing"]
    assert "ListExecutions" not in calls.take()


def test_of_more_than_are_kept_the_newest_are_and_it_is_told(lake, start, monkeypatch):
    monkeypatch.setattr(kept_executions, "LOOKED", 4)
    monkeypatch.setattr(kept_executions, "PAGE", 2)
    for n in range(6):
        start(f"more-{n}")
    kept = KeptExecutions()
    for n in range(6, 9):
        kept.renew(lake, ["reports"])
        newest = kept.of(lake, "reports")
        assert [run.name for run in newest.runs] == [f"more-{n - back}" for back in range(1, 5)]
        assert not newest.is_all
        start(f"more-{n}")
    wanted = ExecutionFilter(machine="reports", name="no such")
    assert search(lake, wanted, 10, batches={}, kept=kept).is_cut
