"""EventBridge rules: what matches reaches queues, topics and state machines, and what cannot is kept or refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.eventbridge.schedules import Schedules
from pipeline.emulator.eventbridge.targets import Targets
from tests.patience import until

Aws = Callable[[str], Any]

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/events"
PASS = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})


def queue(aws: Aws, name: str) -> tuple[str, str]:
    """Its URL and its ARN."""
    return aws("sqs").create_queue(QueueName=name)["QueueUrl"], f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}"


def rule(aws: Aws, name: str, *targets: dict[str, Any], **pattern: Any) -> None:
    events = aws("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name], **pattern}))
    events.put_targets(Rule=name, Targets=[{"Id": str(n), **target} for n, target in enumerate(targets)])


def publish(aws: Aws, source: str, **detail: Any) -> None:
    entry = {"Source": source, "DetailType": "Probe", "Detail": json.dumps(detail)}
    assert aws("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def message(aws: Aws, url: str) -> Any:
    ask = {"QueueUrl": url, "WaitTimeSeconds": 20, "MessageAttributeNames": ["All"]}
    [found] = until(lambda: aws("sqs").receive_message(**ask).get("Messages"))
    aws("sqs").delete_message(QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
    return found


def executions(aws: Aws, machine: str) -> list[Any]:
    """The inputs of a machine's executions, once there are some."""
    client = aws("stepfunctions")
    found = until(lambda: client.list_executions(stateMachineArn=machine)["executions"])
    return [json.loads(client.describe_execution(executionArn=each["executionArn"])["input"]) for each in found]


def test_an_event_that_matches_reaches_queue_and_topic(aws: Aws) -> None:
    url, arn = queue(aws, "direct")
    topic = aws("sns").create_topic(Name="relay")["TopicArn"]
    relayed, relayed_arn = queue(aws, "relayed")
    raw = {"RawMessageDelivery": "true"}
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=relayed_arn, Attributes=raw)
    rule(aws, "app.reach", {"Arn": arn}, {"Arn": topic}, detail={"size": [{"numeric": [">", 3]}]})
    publish(aws, "app.reach", size=3)
    publish(aws, "app.reach", size=4)
    for each in (url, relayed):
        event = json.loads(message(aws, each)["Body"])
        assert event["detail"] == {"size": 4}
        assert event["time"].endswith("Z")


def test_a_state_machine_is_started_with_what_the_transformer_makes(aws: Aws) -> None:
    machine = aws("stepfunctions").create_state_machine(name="told", definition=PASS, roleArn=ROLE)["stateMachineArn"]
    transformer = {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>, "text": "n=<n>"}'}
    rule(aws, "app.machine", {"Arn": machine, "RoleArn": ROLE, "InputTransformer": transformer})
    publish(aws, "app.machine", n=7)
    assert executions(aws, machine) == [{"number": 7, "text": "n=7"}]


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue_of_the_target(aws: Aws) -> None:
    url, dead = queue(aws, "undelivered")
    absent = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:absent"
    target = {"Arn": absent, "DeadLetterConfig": {"Arn": dead}, "RetryPolicy": {"MaximumRetryAttempts": 1}}
    rule(aws, "app.lost", target)
    publish(aws, "app.lost", n=1)
    found = message(aws, url)
    assert json.loads(found["Body"])["detail"] == {"n": 1}
    attributes = {name: value["StringValue"] for name, value in found["MessageAttributes"].items()}
    assert attributes["RULE_ARN"].endswith("rule/app.lost")
    assert attributes["TARGET_ARN"] == absent
    assert attributes["RETRY_ATTEMPTS"] == "1"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert attributes["ERROR_MESSAGE"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({"Arn": "arn:aws:logs:eu-west-1:123456789012:log-group:x"}, "not to arn:aws:logs"),
        ({"Arn": "arn:aws:events:eu-west-1:123456789012:event-bus/other"}, "not to arn:aws:events"),
        (
            {"Arn": "arn:aws:sqs:eu-west-1:123456789012:q", "HttpParameters": {"PathParameterValues": ["x"]}},
            "does not honour HttpParameters",
        ),
    ],
)
def test_a_target_that_would_get_nothing_is_refused(aws: Aws, target: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        rule(aws, "app.refused", target)


def test_an_operator_that_nobody_knows_is_refused_with_the_rule(aws: Aws) -> None:
    with pytest.raises(ClientError, match=r"InvalidEventPatternException.*Unrecognized match type like"):
        rule(aws, "app.odd", detail={"a": [{"like": "x"}]})


def test_true_is_not_one_in_a_rule(aws: Aws) -> None:
    url, arn = queue(aws, "strict")
    rule(aws, "app.strict", {"Arn": arn}, detail={"n": [1]})
    publish(aws, "app.strict", n=True)
    publish(aws, "app.strict", n=1)
    assert json.loads(message(aws, url)["Body"])["detail"]["n"] is not True


def test_a_pattern_can_be_tried(aws: Aws) -> None:
    event = json.dumps({"source": "a", "detail": {"items": [{"n": 1}, {"n": 2}]}})
    ask = aws("events").test_event_pattern
    assert ask(EventPattern=json.dumps({"detail": {"items": {"n": [2]}}}), Event=event)["Result"] is True
    assert ask(EventPattern=json.dumps({"detail": {"items": {"n": [3]}}}), Event=event)["Result"] is False


@pytest.fixture
def schedules(no_schedules_left: None) -> Iterator[Schedules]:
    targets = Targets("schedules", lambda arn, body: None)
    targets.start()
    yield Schedules(targets.put)
    targets.stop()


def test_schedules_and_scheduled_rules_fire_at_queues_and_state_machines(aws: Aws, schedules: Schedules) -> None:
    url, arn = queue(aws, "timed")
    machine = aws("stepfunctions").create_state_machine(name="timed", definition=PASS, roleArn=ROLE)["stateMachineArn"]
    for name, target in (("to-queue", arn), ("to-machine", machine)):
        aws("scheduler").create_schedule(
            Name=name,
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": target, "RoleArn": ROLE, "Input": json.dumps({"by": name})},
        )
    events = aws("events")
    events.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    events.put_targets(Rule="hourly", Targets=[{"Id": "1", "Arn": arn, "InputPath": "$.detail-type"}])
    assert schedules.hurry() == 3
    assert sorted(message(aws, url)["Body"] for _ in range(2)) == ['"Scheduled Event"', '{"by": "to-queue"}']
    assert executions(aws, machine) == [{"by": "to-machine"}]


def test_a_schedule_that_cannot_fire_leaves_its_message_in_its_dead_letter_queue(
    aws: Aws, schedules: Schedules
) -> None:
    url, dead = queue(aws, "unfired")
    aws("scheduler").create_schedule(
        Name="lost",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:absent",
            "RoleArn": ROLE,
            "Input": "{}",
            "DeadLetterConfig": {"Arn": dead},
            "RetryPolicy": {"MaximumRetryAttempts": 0},
        },
    )
    schedules.hurry()
    found = message(aws, url)
    assert found["Body"] == "{}"
    assert found["MessageAttributes"]["SCHEDULE_ARN"]["StringValue"].endswith("schedule/default/lost")
