"""Subscription filters: what is written to a log group reaches the function that subscribes to it."""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.awslambda.functions import ASYNCHRONOUS_PAYLOAD_BYTES
from pipeline.emulator.logs.subscriptions import Subscription, documents
from tests.emulator.awslambda.lambda_parts import ACCOUNT, REGION, Parts
from tests.patience import until

SUBSCRIBER = """
import base64, gzip
def handler(event, context):
    print(gzip.decompress(base64.b64decode(event["awslogs"]["data"])).decode())
"""
TWO = ("one", "two")


def subscriber(parts: Parts, name: str, code: str = SUBSCRIBER, **permission: str) -> str:
    """A function that prints what it gets and that CloudWatch Logs may invoke; its ARN."""
    arn = parts.create(name, code)
    may_invoke = {"Principal": "logs.amazonaws.com", "Action": "lambda:InvokeFunction", **permission}
    parts.aws("lambda").add_permission(FunctionName=name, StatementId="logs", **may_invoke)
    return arn


def group(parts: Parts, name: str) -> str:
    parts.aws("logs").create_log_group(logGroupName=name)
    parts.aws("logs").create_log_stream(logGroupName=name, logStreamName="s")
    return name


def write(parts: Parts, name: str, *messages: str) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    parts.aws("logs").put_log_events(logGroupName=name, logStreamName="s", logEvents=events)


def subscribe(parts: Parts, name: str, arn: str, **given: Any) -> None:
    settings = {"filterName": "all", "filterPattern": "", "destinationArn": arn, **given}
    parts.aws("logs").put_subscription_filter(logGroupName=name, **settings)


def received(parts: Parts, function: str) -> list[dict[str, Any]]:
    lines = parts.log_lines(f"/aws/lambda/{function}")
    return [json.loads(line) for line in lines if line.startswith("{")]


def messages(parts: Parts, function: str) -> list[str]:
    return [event["message"] for document in received(parts, function) for event in document["logEvents"]]


def test_a_function_gets_what_matches_as_aws_sends_it(parts: Parts) -> None:
    arn = subscriber(parts, "hears-errors")
    group(parts, "talked-of")
    subscribe(parts, "talked-of", arn, filterName="errors", filterPattern="ERROR")
    write(parts, "talked-of", "ERROR one", "fine", "ERROR two")
    until(lambda: messages(parts, "hears-errors"))
    [document] = received(parts, "hears-errors")
    assert {name: document[name] for name in ("messageType", "owner", "logGroup", "logStream")} == {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": "talked-of",
        "logStream": "s",
    }
    assert document["subscriptionFilters"] == ["errors"]
    stored = parts.aws("logs").filter_log_events(logGroupName="talked-of", filterPattern="ERROR")["events"]
    assert document["logEvents"] == [
        {"id": each["eventId"], "timestamp": each["timestamp"], "message": each["message"]} for each in stored
    ]


def test_what_a_function_prints_reaches_a_subscriber_which_does_not_hold_up_who_writes(parts: Parts) -> None:
    arn = subscriber(parts, "hears-function")
    parts.create("printer", "def handler(event, context): print('printed')")
    group(parts, "/aws/lambda/printer")
    subscribe(parts, "/aws/lambda/printer", arn)
    parts.invoke("printer")
    parts.logs.flush()
    until(lambda: "printed" in messages(parts, "hears-function"))
    assert len(received(parts, "hears-function")) <= 2, "lines of a stream are gathered"


def test_a_subscriber_that_fails_is_tried_again_and_one_that_is_gone_stops_nobody(parts: Parts) -> None:
    code = SUBSCRIBER + "    if context.aws_request_id not in seen:\n        seen.add(context.aws_request_id)\n"
    code = "seen = set()\n" + code + "        raise ValueError('not yet')\n"
    group(parts, "watched-twice")
    subscribe(parts, "watched-twice", subscriber(parts, "fails-once", code))
    subscribe(parts, "watched-twice", subscriber(parts, "soon-gone"), filterName="other")
    parts.aws("lambda").delete_function(FunctionName="soon-gone")
    write(parts, "watched-twice", "again")
    until(lambda: len(messages(parts, "fails-once")) == 2)


def test_a_group_has_two_filters_which_can_be_changed_listed_and_taken_away(parts: Parts) -> None:
    arn, logs = subscriber(parts, "hears-two"), parts.aws("logs")
    group(parts, "twice")
    for name in TWO:
        subscribe(parts, "twice", arn, filterName=name, filterPattern="lost")
    with pytest.raises(ClientError) as refused:
        subscribe(parts, "twice", arn, filterName="three")
    assert refused.value.response["Error"]["Code"] == "LimitExceededException"
    subscribe(parts, "twice", arn, filterName="two", filterPattern="found")
    [first] = logs.describe_subscription_filters(logGroupName="twice", limit=1)["subscriptionFilters"]
    pages = logs.get_paginator("describe_subscription_filters").paginate(
        logGroupName="twice", PaginationConfig={"PageSize": 1}
    )
    found = [each for page in pages for each in page["subscriptionFilters"]]
    assert [(each["filterName"], each["filterPattern"]) for each in found] == [("one", "lost"), ("two", "found")]
    assert first == found[0]
    assert (first["destinationArn"], first["distribution"]) == (arn, "ByLogStream")
    prefixed = logs.describe_subscription_filters(logGroupName="twice", filterNamePrefix="tw")["subscriptionFilters"]
    assert [each["filterName"] for each in prefixed] == ["two"]
    logs.delete_subscription_filter(logGroupName="twice", filterName="one")
    write(parts, "twice", "lost", "found")
    until(lambda: messages(parts, "hears-two"))
    assert messages(parts, "hears-two") == ["found"]


@pytest.mark.parametrize(
    "permission",
    [
        {"Principal": "s3.amazonaws.com"},
        {"SourceArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/other/*"},
        {"SourceAccount": "111122223333"},
    ],
)
def test_a_function_that_cloudwatch_logs_may_not_invoke_is_refused(parts: Parts, permission: dict[str, str]) -> None:
    name = f"closed-{'-'.join(permission)}"
    arn = subscriber(parts, name, **permission)
    group(parts, f"of-{name}")
    with pytest.raises(ClientError, match="Make sure you have given CloudWatch Logs permission"):
        subscribe(parts, f"of-{name}", arn)


def test_a_permission_for_the_groups_of_a_prefix_lets_them_in(parts: Parts) -> None:
    arn = subscriber(parts, "of-prefix", SourceArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/open/*")
    group(parts, "/open/one")
    subscribe(parts, "/open/one", arn)
    write(parts, "/open/one", "let in")
    until(lambda: messages(parts, "of-prefix") == ["let in"])


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"destinationArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"}, "to functions, not to arn:aws:kinesis"),
        ({"destinationArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:nobody"}, "Could not execute"),
        ({"destinationArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:refusing"}, "Could not execute"),
        ({"filterPattern": '{ $.level = "ERROR" }'}, "words and quoted phrases"),
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:role/lambda"}, "does not honour roleArn"),
        ({"distribution": "Random"}, "does not honour distribution"),
        ({"applyOnTransformedLogs": True}, "does not honour applyOnTransformedLogs"),
    ],
)
def test_what_would_not_be_delivered_is_refused_by_name(parts: Parts, given: dict[str, Any], complaint: str) -> None:
    if not parts.aws("logs").describe_log_groups(logGroupNamePrefix="refusing")["logGroups"]:
        group(parts, "refusing")
        subscriber(parts, "refusing")
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:refusing"
    with pytest.raises(ClientError, match=complaint) as refused:
        subscribe(parts, "refusing", arn, **given)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
    assert parts.aws("logs").describe_subscription_filters(logGroupName="refusing")["subscriptionFilters"] == []


def test_more_than_a_function_takes_comes_in_several_documents_and_in_order() -> None:
    import os

    whose = Subscription(ACCOUNT, "g", "s", "all", "arn")
    events = [{"id": str(n), "timestamp": n, "message": os.urandom(100_000).hex()} for n in range(20)]
    made = list(documents(whose, events))
    assert len(made) > 1
    assert max(map(len, made)) <= ASYNCHRONOUS_PAYLOAD_BYTES
    found = [json.loads(gzip.decompress(base64.b64decode(json.loads(each)["awslogs"]["data"]))) for each in made]
    assert [event for each in found for event in each["logEvents"]] == events


def test_a_permission_of_an_alias_is_for_that_alias(parts: Parts) -> None:
    arn, functions = parts.create("by-alias", SUBSCRIBER), parts.aws("lambda")
    version = functions.publish_version(FunctionName="by-alias")["Version"]
    functions.create_alias(FunctionName="by-alias", Name="live", FunctionVersion=version)
    may_invoke = {"Principal": "logs.amazonaws.com", "Action": "lambda:InvokeFunction"}
    functions.add_permission(FunctionName=f"{arn}:live", StatementId="logs", **may_invoke)
    group(parts, "to-alias")
    with pytest.raises(ClientError, match="Could not execute"):
        subscribe(parts, "to-alias", arn)
    subscribe(parts, "to-alias", f"{arn}:live")
    write(parts, "to-alias", "through the alias")
    until(lambda: messages(parts, "by-alias") == ["through the alias"])
    functions.remove_permission(FunctionName="by-alias", StatementId="logs", Qualifier="live")
    with pytest.raises(ClientError, match="Could not execute"):
        subscribe(parts, "to-alias", f"{arn}:live")
