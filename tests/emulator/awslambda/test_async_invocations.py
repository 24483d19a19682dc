from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.awslambda.async_invocations import AsyncInvocations
from pipeline.emulator.awslambda.patches import functions
from tests.emulator.awslambda.conftest import RETRY_AFTER_S
from tests.emulator.awslambda.lambda_parts import ACCOUNT, REGION, Parts, package, waits_for
from tests.patience import until

FAIL = "def handler(event, context):\n print('try')\n raise ValueError('no')"


def test_a_failing_invocation_is_retried_twice_and_then_handed_to_its_dead_letter_queue(parts: Parts) -> None:
    queue = parts.queue("dead")
    parts.create("failing", FAIL, DeadLetterConfig={"TargetArn": _arn("dead")})
    parts.invoke("failing", {"n": 1}, InvocationType="Event")
    message = _message(parts, queue)
    assert json.loads(message["Body"]) == {"n": 1}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no"
    assert parts.workers.invocations["failing"] == 1 + len(RETRY_AFTER_S)
    until(lambda: parts.later.pending() == 0)


def test_all_tries_have_the_same_request_id(parts: Parts) -> None:
    parts.create("traced", FAIL)
    response, _ = parts.invoke("traced", InvocationType="Event")
    until(lambda: parts.workers.invocations["traced"] == 3 and parts.later.pending() == 0)
    starts = [line for line in parts.log_lines("/aws/lambda/traced") if line.startswith("START")]
    assert len(starts) == 3
    assert all(response["ResponseMetadata"]["RequestId"] in line for line in starts)


def test_a_failure_goes_to_its_destination_with_what_was_asked_and_answered(parts: Parts) -> None:
    queue = parts.queue("failures")
    parts.create("routed", FAIL)
    parts.aws("lambda").put_function_event_invoke_config(
        FunctionName="routed",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": _arn("failures")}},
    )
    parts.invoke("routed", {"n": 2}, InvocationType="Event")
    record = json.loads(_message(parts, queue)["Body"])
    assert record["requestPayload"] == {"n": 2}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responsePayload"]["errorType"] == "ValueError"
    assert parts.workers.invocations["routed"] == 1


def test_a_success_is_not_repeated_and_goes_to_its_destination(parts: Parts) -> None:
    queue = parts.queue("successes")
    parts.create("fine", "def handler(event, context): return 'done'")
    parts.aws("lambda").put_function_event_invoke_config(
        FunctionName="fine", DestinationConfig={"OnSuccess": {"Destination": _arn("successes")}}
    )
    parts.invoke("fine", InvocationType="Event")
    assert json.loads(_message(parts, queue)["Body"])["responsePayload"] == "done"
    assert parts.workers.invocations["fine"] == 1


def test_destinations_may_be_functions_topics_and_event_buses(parts: Parts) -> None:
    client, queue = parts.aws("lambda"), parts.queue("outcomes")
    heard = parts.create("heard", "def handler(event, context): print('heard', event['responsePayload'])")
    topic = parts.aws("sns").create_topic(Name="outcomes")["TopicArn"]
    parts.aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=_arn("outcomes"))
    events = parts.aws("events")
    bus = events.describe_event_bus()["Arn"]
    events.put_rule(Name="outcomes", EventPattern='{"source": ["lambda"]}')
    events.put_targets(Rule="outcomes", Targets=[{"Id": "1", "Arn": _arn("outcomes")}])
    parts.create("told", "def handler(event, context): return 'done'")
    for destination in (heard, topic, bus):
        config = {"OnSuccess": {"Destination": destination}}
        client.put_function_event_invoke_config(FunctionName="told", DestinationConfig=config)
        parts.invoke("told", InvocationType="Event")
        until(lambda: parts.later.pending() == 0)
    until(lambda: "heard done" in parts.log_lines("/aws/lambda/heard"))
    by_topic, by_bus = (json.loads(_message(parts, queue)["Body"]) for _ in range(2))
    assert json.loads(by_topic["Message"])["responsePayload"] == "done"
    assert by_bus["detail-type"] == "Lambda Function Invocation Result - Success"
    assert by_bus["resources"][0] == bus
    assert by_bus["detail"]["requestContext"]["condition"] == "Success"


def test_an_event_that_would_be_too_old_for_its_retry_is_given_up(parts: Parts) -> None:
    queue, arn = parts.queue("aged"), parts.create("aged", FAIL)
    parts.aws("lambda").put_function_event_invoke_config(
        FunctionName="aged",
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": _arn("aged")}},
    )
    later = AsyncInvocations(parts.workers.invoke, parts.front.endpoint, retry_after_s=(90.0,))
    later.start()
    try:
        later.submit(functions.resolve(arn), b"{}")
        record = json.loads(_message(parts, queue)["Body"])
    finally:
        later.stop()
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1


def test_a_throttled_event_waits_for_room_and_does_not_count_as_tried(parts: Parts) -> None:
    parts.create("single", "import time\ndef handler(event, context): time.sleep(0.4)")
    parts.aws("lambda").put_function_concurrency(FunctionName="single", ReservedConcurrentExecutions=1)
    parts.aws("lambda").put_function_event_invoke_config(FunctionName="single", MaximumRetryAttempts=0)
    for _ in range(3):
        parts.invoke("single", InvocationType="Event")
    until(lambda: parts.later.pending() == 0)
    assert parts.workers.invocations["single"] == 3
    assert len([line for line in parts.log_lines("/aws/lambda/single") if line.startswith("END")]) == 3


def test_a_function_without_concurrency_hands_on_its_events_untried(parts: Parts) -> None:
    queue, dead = parts.queue("untried"), parts.queue("untried-dead")
    parts.create("shut", "def handler(event, context): pass", DeadLetterConfig={"TargetArn": _arn("untried-dead")})
    client = parts.aws("lambda")
    client.put_function_concurrency(FunctionName="shut", ReservedConcurrentExecutions=0)
    client.put_function_event_invoke_config(
        FunctionName="shut", DestinationConfig={"OnFailure": {"Destination": _arn("untried")}}
    )
    response, _ = parts.invoke("shut", {"n": 3}, InvocationType="Event")
    assert response["StatusCode"] == 202
    record = json.loads(_message(parts, queue)["Body"])
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in record
    assert _message(parts, dead)["MessageAttributes"]["ErrorCode"]["StringValue"] == "429"
    assert parts.workers.invocations["shut"] == 0


def test_a_retry_runs_the_code_as_it_is_by_then(parts: Parts, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    waits = waits_for(go_on, "raise ValueError")
    parts.create("mended", waits, Timeout=120)
    parts.invoke("mended", InvocationType="Event")
    until(lambda: parts.workers.invocations["mended"])
    mended = package("def handler(event, context): print('mended')")
    parts.aws("lambda").update_function_code(FunctionName="mended", ZipFile=mended)
    go_on.touch()
    until(lambda: "mended" in parts.log_lines("/aws/lambda/mended"))


def test_putting_a_configuration_replaces_it_and_updating_changes_what_it_names(parts: Parts) -> None:
    parts.queue("configured")
    parts.create("configured", FAIL)
    client = parts.aws("lambda")
    on_failure = {"OnFailure": {"Destination": _arn("configured")}}
    client.put_function_event_invoke_config(
        FunctionName="configured", MaximumRetryAttempts=1, DestinationConfig=on_failure
    )
    client.update_function_event_invoke_config(FunctionName="configured", MaximumRetryAttempts=0)
    found = client.get_function_event_invoke_config(FunctionName="configured")
    assert (found["MaximumRetryAttempts"], found["DestinationConfig"]["OnFailure"]) == (0, on_failure["OnFailure"])
    client.put_function_event_invoke_config(FunctionName="configured", MaximumRetryAttempts=2)
    found = client.get_function_event_invoke_config(FunctionName="configured")
    assert found["MaximumRetryAttempts"] == 2
    assert "OnFailure" not in found.get("DestinationConfig", {})


@pytest.mark.parametrize(
    ("name", "arn"), [("to-s3", "arn:aws:s3:::records"), ("to-fifo", f"arn:aws:sqs:{REGION}:{ACCOUNT}:ordered.fifo")]
)
def test_a_destination_that_would_get_nothing_is_refused(parts: Parts, name: str, arn: str) -> None:
    parts.create(name, FAIL)
    client = parts.aws("lambda")
    with pytest.raises(ClientError, match=arn):
        client.put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnFailure": {"Destination": arn}}
        )
    with pytest.raises(ClientError, match=arn):
        client.update_function_configuration(FunctionName=name, DeadLetterConfig={"TargetArn": arn})


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"


def _message(parts: Parts, queue: str) -> dict[str, Any]:
    """The next one, which stays there."""
    ask = {"QueueUrl": queue, "WaitTimeSeconds": 20, "MessageAttributeNames": ["All"]}
    found: dict[str, Any] = until(lambda: parts.aws("sqs").receive_message(**ask).get("Messages"))[0]
    return found
