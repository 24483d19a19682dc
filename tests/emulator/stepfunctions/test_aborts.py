"""What still runs when its neighbour fails, or the execution is stopped or timed out, ends and is heard no more."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field

import pytest

from tests.emulator.conftest import ACCOUNT, REGION, Aws
from tests.emulator.stepfunctions.clocks import end_wait_when, start_clocks_after
from tests.emulator.stepfunctions.running_machines import PASS, Machines, details, task, types
from tests.emulator.stepfunctions.working import function_work
from tests.patience import PATIENCE_S, until

FAIL = {"Type": "Fail", "Error": "Bad", "Cause": "c"}


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


@pytest.fixture(scope="module")
def queue(aws):
    return aws("sqs").create_queue(QueueName="after")["QueueUrl"]


@dataclass
class Neighbours:
    """One fails as soon as the other is in its wait, which ends when the failure has been seen."""

    aws: Aws
    queue: str
    waits: threading.Event = field(default_factory=threading.Event)
    failed: threading.Event = field(default_factory=threading.Event)

    def failing(self):
        return {"Late": {"Type": "Wait", "Seconds": 1, "Next": "F"}, "F": FAIL}

    def waiting(self):
        """Waits, and then would send a message."""
        return {
            "W": {"Type": "Wait", "Seconds": 2, "Next": "Tell"},
            "Tell": task("sqs:sendMessage", {"QueueUrl": self.queue, "MessageBody": "still here"}),
        }

    def wait(self):
        self.waits.set()
        return self.failed.wait(PATIENCE_S)

    def assert_nothing_is_sent(self):
        self.failed.set()
        assert "Messages" not in self.aws("sqs").receive_message(QueueUrl=self.queue, WaitTimeSeconds=2)


@pytest.fixture
def neighbours(aws, queue, monkeypatch):
    found = Neighbours(aws, queue)
    end_wait_when(monkeypatch, 1, found.waits.is_set)
    end_wait_when(monkeypatch, 2, found.wait)
    return found


def test_the_neighbours_of_an_item_that_fails_are_aborted_and_do_no_more(machines, neighbours):
    choices = [{"Variable": "$.bad", "IsPresent": True, "Next": "Late"}]
    choose = {"C": {"Type": "Choice", "Choices": choices, "Default": "W"}}
    processor = {"StartAt": "C", "States": {**choose, **neighbours.failing(), **neighbours.waiting()}}
    catch = [{"ErrorEquals": ["Bad"], "Next": "B"}]
    states = {"A": {"Type": "Map", "ItemProcessor": processor, "Catch": catch, "End": True}, "B": PASS}
    found = machines.run(states, [{"a": 1}, {"bad": 1}])
    assert json.loads(found["output"]) == {"Error": "Bad", "Cause": "c"}
    ended = [
        "FailStateEntered", "MapIterationFailed", "WaitStateAborted", "MapIterationAborted", "MapStateFailed",
        "MapStateExited", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    assert types(found)[-9:] == ended
    assert details(found, "MapIterationAborted") == [{"name": "A", "index": 0}]
    failed = next(event["id"] for event in found["events"] if event["type"] == "FailStateEntered")
    assert {event["previousEventId"] for event in found["events"] if event["id"] in range(failed + 1, failed + 5)} == {
        failed
    }
    neighbours.assert_nothing_is_sent()
    assert types(machines.ended(found["executionArn"])) == types(found)


def test_the_neighbours_of_a_branch_that_fails_are_aborted_and_do_no_more(machines, neighbours):
    branches = [
        {"StartAt": "Late", "States": neighbours.failing()},
        {"StartAt": "W", "States": neighbours.waiting()},
    ]
    found = machines.run({"A": {"Type": "Parallel", "Branches": branches, "End": True}})
    assert (found["status"], found["error"]) == ("FAILED", "Bad")
    assert types(found)[-4:] == ["FailStateEntered", "WaitStateAborted", "ParallelStateFailed", "ExecutionFailed"]
    neighbours.assert_nothing_is_sent()


@pytest.mark.parametrize("kind", ["Map", "Parallel"])
def test_an_execution_that_is_stopped_inside_is_aborted_and_says_no_more(machines, kind):
    inner = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    inside = {"ItemProcessor": inner} if kind == "Map" else {"Branches": [inner]}
    execution = machines.start({"A": {"Type": kind, **inside, "End": True}}, [1, 2])
    machines.until_told(execution, "WaitStateEntered")
    machines.client.stop_execution(executionArn=execution, error="Enough", cause="of it")
    found = machines.ended(execution)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "of it")
    assert types(found)[-2:] == ["WaitStateEntered", "ExecutionAborted"]


def test_an_execution_that_times_out_inside_a_map_says_no_more(machines, monkeypatch):
    start_clocks_after(monkeypatch, "WaitStateEntered")
    inner = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    states = {"A": {"Type": "Map", "ItemProcessor": inner, "End": True}}
    found = machines.run(states, [1], TimeoutSeconds=1)
    assert found["status"] == "TIMED_OUT"
    assert types(found)[-2:] == ["WaitStateEntered", "ExecutionTimedOut"]


def test_a_machine_that_another_waits_for_is_stopped_with_it(machines):
    inner = machines.create({"W": {"Type": "Wait", "Seconds": 600, "End": True}})
    execution = machines.start({"A": task("states:startExecution.sync:2", {"StateMachineArn": inner})})
    [started] = until(lambda: machines.listed(inner))
    machines.client.stop_execution(executionArn=execution)
    assert machines.ended(started)["status"] == "ABORTED"


def test_what_a_task_answers_after_its_timeout_is_not_told(machines, monkeypatch):
    start_clocks_after(monkeypatch, "TaskSubmitted")
    timed_out = threading.Event()
    end_wait_when(monkeypatch, 2, timed_out.is_set)
    inner = machines.create({"W": {"Type": "Wait", "Seconds": 2, "End": True}})

    def answered():
        timed_out.set()
        until(lambda: machines.listed(inner, statusFilter="SUCCEEDED"))
        # So often a task looks whether the other has ended.
        time.sleep(1)
        return True

    end_wait_when(monkeypatch, 3, answered)
    late = task("states:startExecution.sync:2", {"StateMachineArn": inner}, TimeoutSeconds=1)
    late["Catch"] = [{"ErrorEquals": ["States.Timeout"], "Next": "B"}]
    found = machines.run({"A": late, "B": {"Type": "Wait", "Seconds": 3, "End": True}})
    told = ["TaskSubmitted", "TaskTimedOut", "TaskStateExited", "WaitStateEntered", "WaitStateExited"]
    assert types(found)[4:] == [*told, "ExecutionSucceeded"]


def test_a_stop_does_not_wait_for_the_function_that_a_task_has_called(front, aws, machines, tmp_path):
    go_on = tmp_path / "go-on"
    code = f"""
import os, time
def handler(event, context):
    while not os.path.exists({str(go_on)!r}):
        time.sleep(0.05)
"""
    with function_work(front, aws, tmp_path, code) as name:
        by_arn = {"Type": "Task", "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}", "End": True}
        called_by = {"TaskStarted": task("lambda:invoke", {"FunctionName": name}), "LambdaFunctionStarted": by_arn}
        for kind, called in called_by.items():
            execution = machines.start({"A": called})
            machines.until_told(execution, kind)
            machines.client.stop_execution(executionArn=execution, error="Enough", cause="of it")
            found = machines.ended(execution)
            assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "of it")
            assert types(found)[4:] == ["ExecutionAborted"]
            go_on.touch()
            # Until the function's answer has come.
            time.sleep(1)
            go_on.unlink()
            later = machines.ended(execution)
            assert (later["stopDate"], later["events"]) == (found["stopDate"], found["events"])
