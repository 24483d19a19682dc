"""Tasks that wait for a token, heartbeats and time-outs."""

from __future__ import annotations

import json
import queue
import time

import pytest
from botocore.exceptions import ClientError

from tests.emulator.stepfunctions.clocks import start_clocks_after
from tests.emulator.stepfunctions.running_machines import PASS, Machines, details, task, types
from tests.patience import PATIENCE_S


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
        [message] = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=20)["Messages"]
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
    states = {"A": {**wait, "Next": "Rest"}, "Rest": {"Type": "Wait", "Seconds": 600, "End": True}}
    waiting.execution = machines.start(states)
    token = waiting.token()
    waiting.client.send_task_success(taskToken=token, output="1")
    machines.until_told(waiting.execution, "TaskSucceeded")
    with pytest.raises(waiting.client.exceptions.TaskTimedOut):
        waiting.client.send_task_success(taskToken=token, output="2")
    waiting.client.stop_execution(executionArn=waiting.execution)


def test_a_token_of_nobody_is_refused(machines):
    with pytest.raises(ClientError, match="Invalid Token"):
        machines.client.send_task_success(taskToken="nobody's", output="1")


@pytest.mark.parametrize("error", ["States.HeartbeatTimeout", "States.Timeout", "States.ALL"])
def test_a_missed_heartbeat_is_told_as_a_timeout_and_caught_by_either_name(waiting, error):
    found = waiting.start(HeartbeatSeconds=1, TimeoutSeconds=600, **catch(error)).ended()
    assert json.loads(found["output"])["Error"] == "States.Timeout"
    [timed_out] = details(found, "TaskTimedOut")
    assert timed_out == {"error": "States.Timeout", "resourceType": "sqs", "resource": "sendMessage.waitForTaskToken"}


@pytest.fixture
def beats(monkeypatch):
    """The seconds of each wait for a heartbeat as it begins; it lasts as long as the test needs."""
    from moto.stepfunctions.parser.asl.eval.callback.callback import HeartbeatEndpoint

    begun, wait = queue.Queue(), HeartbeatEndpoint.clear_and_wait

    def patient(self):
        seconds = self._heartbeat_seconds
        begun.put(seconds)
        self._heartbeat_seconds = PATIENCE_S
        try:
            return wait(self)
        finally:
            self._heartbeat_seconds = seconds

    monkeypatch.setattr(HeartbeatEndpoint, "clear_and_wait", patient)
    return begun


def test_each_heartbeat_begins_a_whole_wait_again_and_none_needs_heartbeat_seconds(waiting, beats):
    token = waiting.start(HeartbeatSeconds=1, TimeoutSeconds=600).token()
    for _ in range(3):
        assert beats.get(timeout=PATIENCE_S) == 1
        waiting.client.send_task_heartbeat(taskToken=token)
    assert beats.get(timeout=PATIENCE_S) == 1
    waiting.client.send_task_success(taskToken=token, output="1")
    assert waiting.ended()["output"] == "1"
    token = waiting.start().token()
    waiting.client.send_task_heartbeat(taskToken=token)
    waiting.client.send_task_success(taskToken=token, output="2")
    assert waiting.ended()["output"] == "2"


def test_a_timeout_is_no_task_failure(waiting, monkeypatch):
    start_clocks_after(monkeypatch, "TaskSubmitted")
    found = waiting.start(TimeoutSeconds=1, **catch("States.TaskFailed")).ended()
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    [scheduled] = details(found, "TaskScheduled")
    assert scheduled["timeoutInSeconds"] == 1


def test_a_retry_that_waits_ends_with_a_stop(machines):
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600, "MaxAttempts": 3}]
    execution = machines.start({"A": task("sqs:sendMessage", {"QueueUrl": "absent", "MessageBody": "b"}, Retry=retry)})
    machines.until_told(execution, "TaskFailed")
    machines.client.stop_execution(executionArn=execution)
    assert machines.ended(execution)["status"] == "ABORTED"


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
