"""Tasks that wait for a token, heartbeats and time-outs."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError

from tests.local.moto_fixes.running_machines import PASS, Machines, details, task, types


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


class Waiting:
    """A task that sent its token to a queue."""

    def __init__(self, aws, machines):
        self.sqs, self.machines, self.client = aws("sqs"), machines, machines.client
        self.url = self.sqs.create_queue(QueueName=f"tokens{time.monotonic_ns()}")["QueueUrl"]
        self.execution = ""

    def start(self, **fields):
        body = {"token.$": "$$.Task.Token"}
        wait = task("sqs:sendMessage.waitForTaskToken", {"QueueUrl": self.url, "MessageBody": body}, **fields)
        self.execution = self.machines.start({"A": wait, "B": PASS} if "Catch" in fields else {"A": wait})
        return self

    def token(self):
        [message] = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=5)["Messages"]
        return json.loads(message["Body"])["token"]

    def ended(self):
        return self.machines.ended(self.execution)


@pytest.fixture
def waiting(aws, machines):
    return Waiting(aws, machines)


def catch(*errors):
    return {"Catch": [{"ErrorEquals": list(errors), "Next": "B"}]}


def test_the_token_brings_the_output(waiting):
    token = waiting.start().token()
    waiting.client.send_task_success(taskToken=token, output='{"done": true}')
    found = waiting.ended()
    assert found["output"] == '{"done":true}'
    assert types(found)[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


def test_a_failure_keeps_its_cause_for_the_catch(waiting):
    token = waiting.start(**catch("Bad")).token()
    waiting.client.send_task_failure(taskToken=token, error="Bad", cause="because")
    assert json.loads(waiting.ended()["output"]) == {"Error": "Bad", "Cause": "because"}


def test_an_output_that_is_no_json_is_refused_and_the_task_goes_on(waiting):
    token = waiting.start().token()
    with pytest.raises(waiting.client.exceptions.InvalidOutput):
        waiting.client.send_task_success(taskToken=token, output="{bad")
    waiting.client.send_task_success(taskToken=token, output="1")
    assert waiting.ended()["output"] == "1"


def test_a_token_serves_once(waiting, machines):
    body = {"token.$": "$$.Task.Token"}
    wait = task("sqs:sendMessage.waitForTaskToken", {"QueueUrl": waiting.url, "MessageBody": body})
    del wait["End"]
    states = {"A": {**wait, "Next": "Rest"}, "Rest": {"Type": "Wait", "Seconds": 20, "End": True}}
    waiting.execution = machines.start(states)
    token = waiting.token()
    waiting.client.send_task_success(taskToken=token, output="1")
    until = time.monotonic() + 5
    while "TaskSucceeded" not in types(machines.client.get_execution_history(executionArn=waiting.execution)):
        assert time.monotonic() < until
    with pytest.raises(waiting.client.exceptions.TaskTimedOut):
        waiting.client.send_task_success(taskToken=token, output="2")
    waiting.client.stop_execution(executionArn=waiting.execution)


def test_a_token_of_nobody_is_refused(machines):
    with pytest.raises(ClientError, match="Invalid Token"):
        machines.client.send_task_success(taskToken="nobody's", output="1")


@pytest.mark.parametrize("error", ["States.HeartbeatTimeout", "States.Timeout", "States.ALL"])
def test_a_missed_heartbeat_is_told_as_a_timeout_and_caught_by_either_name(waiting, error):
    found = waiting.start(HeartbeatSeconds=1, TimeoutSeconds=10, **catch(error)).ended()
    assert json.loads(found["output"])["Error"] == "States.Timeout"
    [timed_out] = details(found, "TaskTimedOut")
    assert timed_out == {"error": "States.Timeout", "resourceType": "sqs", "resource": "sendMessage.waitForTaskToken"}


def test_heartbeats_keep_a_task_alive_and_need_no_heartbeat_seconds(waiting):
    token = waiting.start(HeartbeatSeconds=1, TimeoutSeconds=20).token()
    for _ in range(3):
        time.sleep(0.6)
        waiting.client.send_task_heartbeat(taskToken=token)
    waiting.client.send_task_success(taskToken=token, output="1")
    assert waiting.ended()["output"] == "1"
    token = waiting.start().token()
    waiting.client.send_task_heartbeat(taskToken=token)
    waiting.client.send_task_success(taskToken=token, output="2")
    assert waiting.ended()["output"] == "2"


def test_a_timeout_is_no_task_failure(waiting):
    found = waiting.start(TimeoutSeconds=1, **catch("States.TaskFailed")).ended()
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    [scheduled] = details(found, "TaskScheduled")
    assert scheduled["timeoutInSeconds"] == 1


def test_a_retry_that_waits_ends_with_a_stop(machines):
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60, "MaxAttempts": 3}]
    execution = machines.start({"A": task("sqs:sendMessage", {"QueueUrl": "absent", "MessageBody": "b"}, Retry=retry)})
    until = time.monotonic() + 5
    while "TaskFailed" not in types(machines.client.get_execution_history(executionArn=execution)):
        assert time.monotonic() < until
    machines.client.stop_execution(executionArn=execution)
    assert machines.ended(execution, seconds=3)["status"] == "ABORTED"


def test_each_retrier_counts_its_own_attempts(machines):
    """Two of the first, one of the second, and the catch: six attempts of which the machine makes four."""
    retry = [
        {"ErrorEquals": ["Sqs.QueueDoesNotExistException"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1},
        {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1},
    ]
    url = "http://127.0.0.1/123456789012/absent"
    found = machines.run({"A": task("aws-sdk:sqs:sendMessage", {"QueueUrl": url, "MessageBody": "b"}, Retry=retry)})
    assert types(found).count("TaskFailed") == 3
    assert found["error"] == "Sqs.QueueDoesNotExistException"
