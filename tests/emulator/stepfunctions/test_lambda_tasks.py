"""A failed function's error reaches `Retry` and `Catch` by the name of its exception class."""

from __future__ import annotations

import json
import time

import pytest

from tests.emulator.stepfunctions.machines import ROLE
from tests.emulator.stepfunctions.working import function_work

CODE = """
class Transient(Exception): pass
class BadObject(Exception): pass

def handler(event, context):
    if event.get("token"):
        import boto3
        boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output='{"by": "function"}')
        return None
    if event.get("bad"):
        raise BadObject("line 3")
    if event["tries"].append(1) or event.get("busy"):
        raise Transient("busy")
    return {"done": True}
"""


@pytest.fixture(scope="module")
def function(front, aws, tmp_path_factory):
    with function_work(front, aws, tmp_path_factory.mktemp("lambda"), CODE) as name:
        yield name


def run(aws, state, value):
    machines = aws("stepfunctions")
    states = {"Work": state, "Caught": {"Type": "Pass", "End": True}} if "Catch" in state else {"Work": state}
    definition = json.dumps({"StartAt": "Work", "States": states})
    name = f"m{time.monotonic_ns()}"
    arn = machines.create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = machines.start_execution(stateMachineArn=arn, input=json.dumps(value))["executionArn"]
    while (found := machines.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.01)
    events = machines.get_execution_history(executionArn=execution)["events"]
    return found, [event["type"] for event in events]


def work(**more):
    parameters = {"FunctionName": "work", "Payload.$": "$"}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": parameters,
        "OutputPath": "$.Payload",
        "End": True,
        **more,
    }


def test_a_success_gives_its_payload(aws, function):
    found, _ = run(aws, work(), {"tries": []})
    assert json.loads(found["output"]) == {"done": True}


def test_an_uncaught_error_keeps_the_class_and_the_cause(aws, function):
    found, _ = run(aws, work(), {"bad": True})
    assert (found["status"], found["error"]) == ("FAILED", "BadObject")
    cause = json.loads(found["cause"])
    assert (cause["errorType"], cause["errorMessage"]) == ("BadObject", "line 3")


def test_a_retry_on_another_name_does_not_fire_and_a_catch_on_this_one_does(aws, function):
    retry = [{"ErrorEquals": ["Transient"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    catch = [{"ErrorEquals": ["BadObject"], "ResultPath": "$.error", "Next": "Caught"}]
    found, types = run(aws, work(Retry=retry, Catch=catch), {"bad": True})
    assert json.loads(found["output"])["error"]["Error"] == "BadObject"
    assert types.count("TaskFailed") == 1


def test_a_retry_on_this_name_fires(aws, function):
    retry = [{"ErrorEquals": ["Transient"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1}]
    catch = [{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": "Caught"}]
    found, types = run(aws, work(Retry=retry, Catch=catch), {"busy": True, "tries": []})
    assert types.count("TaskFailed") == 2
    assert json.loads(found["output"])["error"]["Error"] == "Transient"


def test_the_cause_of_a_function_named_by_its_arn_is_its_answer_as_it_came(aws, function):
    arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{function}"
    found, _ = run(aws, {"Type": "Task", "Resource": arn, "End": True}, {"bad": True})
    answer = aws("lambda").invoke(FunctionName=function, Payload='{"bad": true}')["Payload"].read().decode()
    assert found["error"] == "BadObject"
    assert found["cause"].partition("requestId")[0] == answer.partition("requestId")[0]


def test_a_function_is_given_a_token_and_answers_by_it(aws, function):
    waits = work(
        Resource="arn:aws:states:::lambda:invoke.waitForTaskToken",
        Parameters={"FunctionName": "work", "Payload": {"token.$": "$$.Task.Token"}},
        OutputPath="$",
        TimeoutSeconds=600,
    )
    found, types = run(aws, waits, {})
    assert (found["status"], found["output"]) == ("SUCCEEDED", '{"by":"function"}')
    assert types[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
