"""What still runs when its neighbour fails, or the execution is stopped or timed out, ends and is heard no more."""

from __future__ import annotations

import json
import time

import pytest

from tests.local.conftest import ACCOUNT, REGION
from tests.local.moto_fixes.running_machines import PASS, Machines, details, task, types
from tests.local.moto_fixes.working import function_work

FAIL = {"Type": "Fail", "Error": "Bad", "Cause": "c"}


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


@pytest.fixture(scope="module")
def queue(aws):
    return aws("sqs").create_queue(QueueName="after")["QueueUrl"]


def slow_then_told(queue):
    """Waits, and then would send a message."""
    return {
        "W": {"Type": "Wait", "Seconds": 2, "Next": "Tell"},
        "Tell": task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": "still here"}),
    }


def assert_nothing_was_sent(aws, queue):
    time.sleep(2.5)
    assert "Messages" not in aws("sqs").receive_message(QueueUrl=queue)


def test_the_neighbours_of_an_item_that_fails_are_aborted_and_do_no_more(aws, machines, queue):
    choices = [{"Variable": "$.bad", "IsPresent": True, "Next": "Late"}]
    late = {"Type": "Wait", "Seconds": 1, "Next": "F"}
    inner = {"C": {"Type": "Choice", "Choices": choices, "Default": "W"}, "Late": late, "F": FAIL}
    processor = {"StartAt": "C", "States": {**inner, **slow_then_told(queue)}}
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
    assert_nothing_was_sent(aws, queue)
    assert types(machines.ended(found["executionArn"])) == types(found)


def test_the_neighbours_of_a_branch_that_fails_are_aborted_and_do_no_more(aws, machines, queue):
    branches = [
        {"StartAt": "Late", "States": {"Late": {"Type": "Wait", "Seconds": 1, "Next": "F"}, "F": FAIL}},
        {"StartAt": "W", "States": slow_then_told(queue)},
    ]
    found = machines.run({"A": {"Type": "Parallel", "Branches": branches, "End": True}})
    assert (found["status"], found["error"]) == ("FAILED", "Bad")
    assert types(found)[-4:] == ["FailStateEntered", "WaitStateAborted", "ParallelStateFailed", "ExecutionFailed"]
    assert_nothing_was_sent(aws, queue)


@pytest.mark.parametrize("kind", ["Map", "Parallel"])
def test_an_execution_that_is_stopped_inside_is_aborted_and_says_no_more(machines, kind):
    inner = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 30, "End": True}}}
    inside = {"ItemProcessor": inner} if kind == "Map" else {"Branches": [inner]}
    execution = machines.start({"A": {"Type": kind, **inside, "End": True}}, [1, 2])
    until = time.monotonic() + 5
    while "WaitStateEntered" not in types(machines.client.get_execution_history(executionArn=execution)):
        assert time.monotonic() < until
    machines.client.stop_execution(executionArn=execution, error="Enough", cause="of it")
    found = machines.ended(execution)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "of it")
    assert types(found)[-2:] == ["WaitStateEntered", "ExecutionAborted"]


def test_an_execution_that_times_out_inside_a_map_says_no_more(machines):
    inner = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 30, "End": True}}}
    states = {"A": {"Type": "Map", "ItemProcessor": inner, "End": True}}
    found = machines.run(states, [1], TimeoutSeconds=1)
    assert found["status"] == "TIMED_OUT"
    assert types(found)[-2:] == ["WaitStateEntered", "ExecutionTimedOut"]


def test_a_machine_that_another_waits_for_is_stopped_with_it(machines):
    inner = machines.create({"W": {"Type": "Wait", "Seconds": 30, "End": True}})
    execution = machines.start({"A": task("states:startExecution.sync:2", {"StateMachineArn": inner})})
    until = time.monotonic() + 5
    while not (started := machines.client.list_executions(stateMachineArn=inner)["executions"]):
        assert time.monotonic() < until
    machines.client.stop_execution(executionArn=execution)
    assert machines.ended(started[0]["executionArn"], seconds=5)["status"] == "ABORTED"


def test_what_a_task_answers_after_its_timeout_is_not_told(machines):
    inner = machines.create({"W": {"Type": "Wait", "Seconds": 2, "End": True}})
    late = task("states:startExecution.sync:2", {"StateMachineArn": inner}, TimeoutSeconds=1)
    late["Catch"] = [{"ErrorEquals": ["States.Timeout"], "Next": "B"}]
    found = machines.run({"A": late, "B": {"Type": "Wait", "Seconds": 3, "End": True}})
    told = ["TaskSubmitted", "TaskTimedOut", "TaskStateExited", "WaitStateEntered", "WaitStateExited"]
    assert types(found)[4:] == [*told, "ExecutionSucceeded"]


def test_a_stop_does_not_wait_for_the_function_that_a_task_has_called(front, aws, machines, tmp_path):
    code = "import time\ndef handler(event, context):\n    time.sleep(2)\n"
    with function_work(front, aws, tmp_path, code) as name:
        by_arn = {"Type": "Task", "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}", "End": True}
        for called in (task("lambda:invoke", {"FunctionName": name}), by_arn):
            execution = machines.start({"A": called})
            until = time.monotonic() + 5
            while len(machines.client.get_execution_history(executionArn=execution)["events"]) < 4:
                assert time.monotonic() < until
            began = time.monotonic()
            machines.client.stop_execution(executionArn=execution, error="Enough", cause="of it")
            found = machines.ended(execution)
            assert time.monotonic() - began < 1
            assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "of it")
            assert types(found)[4:] == ["ExecutionAborted"]
            time.sleep(2.2)
            later = machines.ended(execution)
            assert (later["stopDate"], later["events"]) == (found["stopDate"], found["events"])
