"""Service integrations answer and fail as on AWS."""

from __future__ import annotations

import json

import pytest

from tests.local.moto_fixes.language import PASS, Machines, details, task

ABSENT_MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:absent"


@pytest.fixture(scope="module")
def machines(aws):
    return Machines(aws("stepfunctions"))


@pytest.fixture(scope="module")
def queue(aws):
    return aws("sqs").create_queue(QueueName="served")["QueueUrl"]


@pytest.fixture(scope="module")
def bucket(aws):
    aws("s3").create_bucket(Bucket="served", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws("s3").put_object(Bucket="served", Key="k", Body='{"ü": 1}'.encode())
    return "served"


@pytest.mark.parametrize(
    ("resource", "parameters", "error"),
    [
        ("aws-sdk:s3:getObject", {"Bucket": "served", "Key": "absent"}, "S3.NoSuchKeyException"),
        ("aws-sdk:s3:headObject", {"Bucket": "served", "Key": "absent"}, "S3.NoSuchKeyException"),
        ("aws-sdk:s3:listObjectsV2", {"Bucket": "absent"}, "S3.NoSuchBucketException"),
        ("aws-sdk:dynamodb:getItem", {"TableName": "absent", "Key": {}}, "DynamoDb.ResourceNotFoundException"),
        ("aws-sdk:glue:getTable", {"DatabaseName": "absent", "Name": "t"}, "Glue.EntityNotFoundException"),
        ("aws-sdk:sfn:startExecution", {"StateMachineArn": ABSENT_MACHINE}, "Sfn.StateMachineDoesNotExistException"),
        ("aws-sdk:ssm:getParameter", {"Name": "absent"}, "Ssm.ParameterNotFoundException"),
        ("aws-sdk:secretsmanager:getSecretValue", {"SecretId": "a"}, "SecretsManager.ResourceNotFoundException"),
        ("aws-sdk:eventbridge:describeRule", {"Name": "absent"}, "EventBridge.ResourceNotFoundException"),
    ],
)
def test_an_error_of_the_sdk_has_its_java_name_and_is_caught_by_it(machines, bucket, resource, parameters, error):
    catch = [{"ErrorEquals": [error], "Next": "B"}]
    caught = machines.output({"A": task(resource, parameters, Catch=catch), "B": PASS})
    service = error.partition(".")[0]
    assert caught["Error"] == error
    assert f" (Service: {service}, Status Code: 40" in caught["Cause"]
    assert ("Extended Request ID: " in caught["Cause"]) == (service == "S3")


@pytest.mark.parametrize(
    ("resource", "parameters", "error", "service"),
    [
        (
            "dynamodb:getItem",
            {"TableName": "absent", "Key": {}},
            "DynamoDB.ResourceNotFoundException",
            "AmazonDynamoDBv2",
        ),
        ("glue:startJobRun", {"JobName": "absent"}, "Glue.EntityNotFoundException", "AWSGlue"),
        ("glue:startJobRun.sync", {"JobName": "absent"}, "Glue.EntityNotFoundException", "AWSGlue"),
        ("sqs:sendMessage", {"QueueUrl": "@absent", "MessageBody": "b"}, "SQS.QueueDoesNotExistException", "AmazonSQS"),
        ("lambda:invoke", {"FunctionName": "absent"}, "Lambda.ResourceNotFoundException", "AWSLambda"),
    ],
)
def test_an_error_of_an_optimised_integration_has_its_service_in_the_cause(
    machines, queue, resource, parameters, error, service
):
    given = {key: value.replace("@", queue) if isinstance(value, str) else value for key, value in parameters.items()}
    found = machines.run({"A": task(resource, given)})
    assert found["error"] == error
    assert f"(Service: {service}; Status Code: 40" in found["cause"]
    assert found["cause"].endswith("; Proxy: null)")


def test_an_optimised_integration_tells_of_the_call_and_the_sdk_does_not(machines, queue):
    message = {"QueueUrl": queue, "MessageBody": {"a": "ü"}}
    optimised = machines.output({"A": task("sqs:sendMessage", message)})
    assert optimised["SdkHttpMetadata"]["HttpStatusCode"] == 200
    headers = optimised["SdkHttpMetadata"]["HttpHeaders"]
    assert optimised["SdkHttpMetadata"]["AllHttpHeaders"] == {name: [value] for name, value in headers.items()}
    assert optimised["SdkResponseMetadata"] == {"RequestId": headers["x-amzn-RequestId"]}
    plain = machines.output({"A": task("aws-sdk:sqs:sendMessage", {**message, "MessageBody": "b"})})
    assert set(plain) == {"MessageId", "Md5OfMessageBody"}


def test_text_is_written_without_spaces_and_as_it_is(aws, machines, queue):
    found = machines.run({"A": task("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"a": ["ü", 1]}})})
    [scheduled] = details(found, "TaskScheduled")
    assert scheduled["parameters"] == f'{{"QueueUrl":"{queue}","MessageBody":{{"a":["ü",1]}}}}'
    bodies = [
        message["Body"] for message in aws("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    ]
    assert '{"a":["ü",1]}' in bodies


def test_an_object_is_read_as_text_and_written_from_a_state(machines, bucket):
    read = machines.output({"A": task("aws-sdk:s3:getObject", {"Bucket": bucket, "Key": "k"})})
    assert json.loads(read["Body"]) == {"ü": 1}
    assert read["LastModified"].endswith("Z")
    machines.output({"A": task("aws-sdk:s3:putObject", {"Bucket": bucket, "Key": "j", "Body": {"n": 1}})})
    again = machines.output({"A": task("aws-sdk:s3:getObject", {"Bucket": bucket, "Key": "j"})})
    assert again["Body"] == '{"n":1}'


def test_a_glue_run_has_its_times_in_milliseconds(aws, machines):
    aws("glue").create_job(Name="timed", Role="r", Command={"Name": "glueetl", "ScriptLocation": "s3://served/k"})
    run = machines.output({"A": task("glue:startJobRun.sync", {"JobName": "timed"})})
    assert isinstance(run["StartedOn"], int)
    assert run["StartedOn"] > 1_700_000_000_000


def test_a_service_that_botocore_names_otherwise_is_called(machines):
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}"}
    answer = machines.output({"A": task("aws-sdk:eventbridge:putEvents", {"Entries": [entry]})})
    assert answer["FailedEntryCount"] == 0
