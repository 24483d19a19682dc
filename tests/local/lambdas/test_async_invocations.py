from __future__ import annotations

import json
from typing import Any

from tests.local.lambdas.conftest import RETRY_AFTER_S
from tests.local.lambdas.lambda_parts import ACCOUNT, REGION, Parts, until

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


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"


def _message(parts: Parts, queue: str) -> dict[str, Any]:
    sqs = parts.aws("sqs")
    received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10, MessageAttributeNames=["All"])
    found: dict[str, Any] = received["Messages"][0]
    return found
