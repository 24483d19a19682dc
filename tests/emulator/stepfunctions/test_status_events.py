"""Status changes of executions reach the rules that match."""

from __future__ import annotations

import json
import time

import pytest

from tests.patience import PATIENCE_S, until

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:status"
ROLE = "arn:aws:iam::123456789012:role/r"


def machine(aws, name, *, fails):
    state = {"Type": "Fail", "Error": "Bad", "Cause": "because"} if fails else {"Type": "Succeed"}
    definition = json.dumps({"StartAt": "Only", "States": {"Only": state}})
    return aws("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=ROLE)["stateMachineArn"]


def receive(sqs, url, count):
    found = []
    give_up = time.monotonic() + PATIENCE_S
    while len(found) < count and time.monotonic() < give_up:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", []):
            found.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.fixture(scope="module")
def queue(aws):
    sqs, events = aws("sqs"), aws("events")
    url = sqs.create_queue(QueueName="status")["QueueUrl"]
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["RUNNING", "FAILED", "SUCCEEDED"]},
    }
    events.put_rule(Name="status", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="status", Targets=[{"Id": "queue", "Arn": QUEUE}])
    return sqs, url


def test_a_start_and_a_failure_are_told_with_their_cause(aws, queue):
    arn = machine(aws, "fails", fails=True)
    execution = aws("stepfunctions").start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')["executionArn"]
    told = sorted((json.loads(body) for body in receive(*queue, 2)), key=lambda e: e["detail"]["stopDate"] or 0)
    assert [event["detail"]["status"] for event in told] == ["RUNNING", "FAILED"]
    failed = told[1]
    assert failed["detail-type"] == "Step Functions Execution Status Change"
    assert failed["resources"] == [execution]
    assert failed["detail"]["stateMachineArn"] == arn
    assert failed["detail"]["name"] == "one"
    assert failed["detail"]["input"] == '{"a": 1}'
    assert (failed["detail"]["error"], failed["detail"]["cause"]) == ("Bad", "because")
    assert failed["detail"]["stopDate"] >= failed["detail"]["startDate"]


def test_a_success_carries_its_output(aws, queue):
    aws("stepfunctions").start_execution(stateMachineArn=machine(aws, "works", fails=False), input='{"a": 1}')
    told = [json.loads(body)["detail"] for body in receive(*queue, 2)]
    assert [detail["output"] for detail in told if detail["status"] == "SUCCEEDED"] == ['{"a":1}']


def test_a_transformer_shapes_what_a_target_gets(aws, queue):
    events = aws("events")
    events.put_rule(Name="status", EventPattern=json.dumps({"source": ["test"]}))
    transformer = {"InputPathsMap": {"who": "$.detail.who"}, "InputTemplate": '{"text": "by <who>", "who": <who>}'}
    events.put_targets(Rule="status", Targets=[{"Id": "queue", "Arn": QUEUE, "InputTransformer": transformer}])
    entry = {"Source": "test", "DetailType": "t", "Detail": json.dumps({"who": 'a"b'})}
    events.put_events(Entries=[entry])
    (body,) = receive(*queue, 1)
    assert json.loads(body) == {"text": 'by a"b', "who": 'a"b'}


def test_a_rule_starts_a_state_machine(aws, queue):
    events, machines = aws("events"), aws("stepfunctions")
    arn = machine(aws, "started", fails=False)
    events.put_rule(Name="start", EventPattern=json.dumps({"source": ["starter"]}))
    events.put_targets(
        Rule="start", Targets=[{"Id": "machine", "Arn": arn, "RoleArn": ROLE, "Input": '{"from": "rule"}'}]
    )
    events.put_events(Entries=[{"Source": "starter", "DetailType": "t", "Detail": "{}"}])
    [found] = until(lambda: machines.list_executions(stateMachineArn=arn)["executions"])
    described = machines.describe_execution(executionArn=found["executionArn"])
    assert described["input"] == '{"from": "rule"}'
