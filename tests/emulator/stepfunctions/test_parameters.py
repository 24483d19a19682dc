"""Calls that fail for their parameters fail as the service says, and whoever catches failures catches them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.emulator.stepfunctions.interpreter.parameters import Unsupported, fitted
from pipeline.emulator.stepfunctions.validation.integrations import operations
from tests.emulator.stepfunctions.running_machines import Machines
from tests.examples import examples

JUNK = (5, "x", [], {}, True, 1.5, [1], {"a": 1}, "", -1, "é☃", {"S": 1}, 10**20, None, [None])
SNS = "arn:aws:sns:eu-west-1:123456789012:"
CALLS: dict[str, dict[str, Any]] = {
    "dynamodb:putItem": {
        "TableName": "things",
        "Item": {"id": {"S": "a"}, "n": {"N": "5"}, "b": {"B": "aGk="}, "l": {"L": [{"S": "x"}]}, "m": {"M": {}}},
    },
    "dynamodb:getItem": {"TableName": "things", "Key": {"id": {"S": "a"}}, "ConsistentRead": True},
    "dynamodb:updateItem": {
        "TableName": "things",
        "Key": {"id": {"S": "a"}},
        "UpdateExpression": "SET n = :v",
        "ExpressionAttributeValues": {":v": {"N": "1"}},
    },
    "sqs:sendMessage": {
        "QueueUrl": "QUEUE",
        "MessageBody": {"a": 1},
        "DelaySeconds": 0,
        "MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}},
    },
    "sns:publish": {"TopicArn": f"{SNS}told", "Message": "m", "Subject": "s"},
    "sns:publish ": {"TopicArn": f"{SNS}told.fifo", "Message": "m", "MessageGroupId": "g"},
    "events:putEvents": {"Entries": [{"Source": "a", "DetailType": "b", "Detail": {}, "EventBusName": "default"}]},
    "glue:startJobRun": {"JobName": "j", "Arguments": {"--a": "b"}, "NumberOfWorkers": 2},
    "lambda:invoke": {"FunctionName": "absent", "Payload": {"a": 1}},
    "states:startExecution": {"StateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:absent"},
    "aws-sdk:sqs:receiveMessage": {"QueueUrl": "QUEUE", "MaxNumberOfMessages": 1},
    "aws-sdk:sqs:sendMessageBatch": {"QueueUrl": "QUEUE", "Entries": [{"Id": "a", "MessageBody": "b"}]},
    "aws-sdk:s3:putObject": {"Bucket": "things", "Key": "k", "Body": "text", "Metadata": {"a": "b"}},
    "aws-sdk:dynamodb:query": {
        "TableName": "things",
        "KeyConditionExpression": "id = :i",
        "ExpressionAttributeValues": {":i": {"S": "a"}},
        "Limit": 2,
    },
    "aws-sdk:glue:getPartitions": {"DatabaseName": "d", "TableName": "t", "Segment": {"SegmentNumber": 0}},
    "aws-sdk:ssm:getParameter": {"Name": "p", "WithDecryption": True},
}
PYTHON = re.compile(
    r"object|Traceback|subscriptable|unhashable|NoneType|keyword|KeyError|TypeError|validation failed|unpack|codec|"
    r"iterable|Internal Server Error|its log says why|'(?:str|int|list|dict)'"
)


@pytest.fixture(scope="module")
def machines(aws) -> Machines:
    table = {"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "id", "AttributeType": "S"}
    aws("dynamodb").create_table(
        TableName="things", KeySchema=[table[0]], AttributeDefinitions=[table[1]], BillingMode="PAY_PER_REQUEST"
    )
    aws("sns").create_topic(Name="told")
    aws("sns").create_topic(Name="told.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"})
    found = Machines(aws("stepfunctions"))
    found.queue = aws("sqs").create_queue(QueueName="things-to-do")["QueueUrl"]  # type: ignore[attr-defined]
    return found


def outcome(machines: Machines, resource: str, parameters: Any) -> dict[str, Any]:
    """What a task does with parameters that it gets from its input: `{}`, or the Error and Cause that it caught."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught", "Output": "{% $states.errorOutput %}"}]
    ask = {"Type": "Task", "Resource": f"arn:aws:states:::{resource.strip()}", "Catch": catch, "TimeoutSeconds": 20}
    states = {
        "Ask": {**ask, "QueryLanguage": "JSONata", "Arguments": "{% $states.input.v %}", "Next": "Done"},
        "Done": {"Type": "Pass", "Result": {}, "End": True},
        "Caught": {"Type": "Pass", "End": True},
    }
    text = json.dumps({"v": parameters}).replace("QUEUE", machines.queue)  # type: ignore[attr-defined]
    found = machines.ended(machines.start(states, json.loads(text)), seconds=60)
    if found["status"] == "FAILED":
        return {"Error": found["error"], "Cause": found["cause"], "status": "FAILED"}
    output: dict[str, Any] = json.loads(found["output"])
    return output


def mutants(value: Any) -> Iterator[Any]:
    """`value` with junk in the place of each part of it."""
    yield from JUNK
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for inner in mutants(value[key]):
            changed = json.loads(json.dumps(value))
            changed[key] = inner
            yield changed


@pytest.mark.parametrize("resource", CALLS)
def test_whatever_the_parameters_are_the_failure_is_a_services_and_is_caught(machines, resource: str):
    for parameters in list(mutants(CALLS[resource]))[:: 17 if "dynamodb" in resource else 11]:
        told = outcome(machines, resource, parameters)
        if "status" in told:
            # AWS begins no task with a field that the service does not have.
            assert "is not supported by Step Functions" in told["Cause"], (parameters, told)
        elif told:
            assert re.match(r"[A-Z]\w+\.[A-Z]\w+", told["Error"]), (parameters, told)
            said = told["Cause"].replace("Expected 'object'", "")
            assert not PYTHON.search(said), (parameters, told)


@pytest.mark.parametrize(
    ("resource", "parameters", "error", "cause"),
    [
        (
            "dynamodb:putItem",
            {"TableName": "things", "Item": {"id": {"S": "a"}, "n": {"N": 5}}},
            "DynamoDB.AmazonDynamoDBException",
            "NUMBER_VALUE cannot be converted to String (Service: AmazonDynamoDBv2; Status Code: 400; "
            "Error Code: SerializationException",
        ),
        (
            "dynamodb:putItem",
            {"TableName": "things", "Item": {"id": "a"}},
            "DynamoDB.AmazonDynamoDBException",
            "Unexpected value type in payload",
        ),
        ("events:putEvents", {"Entries": "x"}, "EventBridge.AmazonEventBridgeException", "Expected list or null"),
        (
            "events:putEvents",
            {"Entries": [{"Source": "a", "DetailType": "b", "Detail": {}, "EventBusName": "nobus"}]},
            "EventBridge.FailedEntry",
            '{"Entries":[{"ErrorCode":"InvalidArgument","ErrorMessage":"EventBus not found: nobus"}]',
        ),
        (
            "aws-sdk:sqs:receiveMessage",
            {"QueueUrl": "nowhere"},
            "Sqs.SdkClientException",
            "Unable to execute HTTP request: nowhere: Name or service not known",
        ),
        (
            "sns:publish",
            {"TopicArn": "told", "Message": "m"},
            "SNS.InvalidParameterException",
            "Invalid parameter: TopicArn Reason: An ARN must have",
        ),
        ("sns:publish", {"TopicArn": f"{SNS}gone", "Message": "m"}, "SNS.NotFoundException", "Topic does not exist"),
        (
            "sns:publish",
            {"TopicArn": f"{SNS}told.fifo", "Message": "m"},
            "SNS.AmazonSNSException",
            "The request must contain the parameter MessageGroupId.",
        ),
        ("sns:publish", {"TopicArn": f"{SNS}told.fifo", "Message": "m", "MessageGroupId": "g"}, None, ""),
        ("aws-sdk:s3:listObjectsV2", {"Bucket": "é☃"}, "S3.S3Exception", "The specified bucket is not valid."),
        ("sqs:sendMessage", 5, "States.QueryEvaluationError", "Expected 'object', but was 'number' for value: 5"),
    ],
)
def test_failures_have_the_names_and_words_of_aws(machines, resource: str, parameters: Any, error: str | None, cause):
    told = outcome(machines, resource, parameters)
    assert told.get("Error") == error
    assert cause in told.get("Cause", "")


def test_a_field_that_the_service_does_not_have_is_named_and_ends_the_execution(machines):
    told = outcome(machines, "aws-sdk:s3:getObject", {"Bucket": "things", "Kee": "k"})
    assert told["status"] == "FAILED"
    assert (
        """The Parameters '{"Bucket":"things","Kee":"k"}' could not be used to start the Task: """
        "[The field 'Kee' is not supported by Step Functions]"
    ) in told["Cause"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["S", "N", "Id", "x"]), inner, max_size=2)
    ),
    max_leaves=5,
)


SERVICES = ("dynamodb", "sqs", "sns", "events", "glue", "s3", "lambda", "stepfunctions")
OPERATIONS = [found for service in SERVICES for found in operations(service).values() if found.input_shape]


@settings(max_examples=examples(300))
@given(st.data())
def test_any_value_is_fitted_or_refused_in_words_of_aws(data: st.DataObject):
    operation = data.draw(st.sampled_from(OPERATIONS))
    names = st.sampled_from(sorted(operation.input_shape.members) or ["None"])
    code = None
    try:
        fitted(operation, data.draw(st.dictionaries(names, json_values, max_size=3)))
    except ClientError as error:
        code = error.response["Error"]["Code"]
    except Unsupported:
        pass
    assert code in (None, "SerializationException", "ValidationException", "MalformedXML")
