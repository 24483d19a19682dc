"""`.waitForTaskToken` of each integration that has it: the token goes out, and brings the answer back."""

from __future__ import annotations

import json
import time

import pytest

from tests.emulator.stepfunctions.running_machines import Machines, details, task

TOKEN = {"token.$": "$$.Task.Token"}


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


@pytest.fixture
def queue(aws):
    """URL and ARN of a queue that nobody else uses."""
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName=f"tokens{time.monotonic_ns()}")["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(aws, url):
    [message] = aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    return json.loads(message["Body"])


def answered(machines, execution, token):
    machines.client.send_task_success(taskToken=token, output='{"done": true}')
    found = machines.ended(execution)
    assert (found["status"], found["output"]) == ("SUCCEEDED", '{"done":true}')
    return found


def test_a_topic_carries_the_token(aws, machines, queue):
    url, arn = queue
    topic = aws("sns").create_topic(Name="tokens")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    execution = machines.start({"A": task("sns:publish.waitForTaskToken", {"TopicArn": topic, "Message": TOKEN})})
    found = answered(machines, execution, received(aws, url)["token"])
    assert details(found, "TaskSubmitted")[0]["resource"] == "publish.waitForTaskToken"


def test_an_event_carries_the_token(aws, machines, queue):
    url, arn = queue
    aws("events").put_rule(Name="tokens", EventPattern=json.dumps({"source": ["tokens"]}))
    aws("events").put_targets(Rule="tokens", Targets=[{"Id": "queue", "Arn": arn}])
    entry = {"Source": "tokens", "DetailType": "t", "Detail": TOKEN}
    execution = machines.start({"A": task("events:putEvents.waitForTaskToken", {"Entries": [entry]})})
    answered(machines, execution, received(aws, url)["detail"]["token"])


def test_another_state_machine_is_given_the_token_and_answers_itself(machines):
    answer = {"TaskToken.$": "$.token", "Output": {"done": True}}
    child = machines.create({"Answer": task("aws-sdk:sfn:sendTaskSuccess", answer)})
    parameters = {"StateMachineArn": child, "Input": TOKEN}
    found = machines.run({"A": task("states:startExecution.waitForTaskToken", parameters)})
    assert (found["status"], found["output"]) == ("SUCCEEDED", '{"done":true}')
