"""Service integrations answer and fail as on AWS."""

from __future__ import annotations

import json

import pytest
from botocore.session import get_session

from tests.emulator.stepfunctions.running_machines import PASS, Machines, details, task

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
            {"TableName": "gone", "Key": {}},
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


GOING_ON = {"STARTING", "RUNNING", "STOPPING", "WAITING"}
JOB_RUN_STATES = get_session().get_service_model("glue").shape_for("JobRunState").enum


@pytest.mark.parametrize("state", sorted(set(JOB_RUN_STATES) - GOING_ON))
def test_a_job_that_is_waited_for_succeeds_only_where_its_run_did(aws, machines, monkeypatch, state):
    from moto.glue.models import FakeJobRun

    command = {"Name": "glueetl", "ScriptLocation": "s3://code/job.py"}
    aws("glue").create_job(Name=f"ends-{state}", Role="r", Command=command)
    told = FakeJobRun.as_dict
    monkeypatch.setattr(FakeJobRun, "as_dict", lambda self: {**told(self), "JobRunState": state})
    caught = machines.output(
        {
            "A": task(
                "glue:startJobRun.sync",
                {"JobName": f"ends-{state}"},
                TimeoutSeconds=5,
                Catch=[{"ErrorEquals": ["States.TaskFailed"], "Next": "B"}],
            ),
            "B": PASS,
        }
    )
    if state == "SUCCEEDED":
        assert caught["JobRunState"] == state
    else:
        assert caught["Error"] == "States.TaskFailed"
        assert json.loads(caught["Cause"])["JobRunState"] == state


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


@pytest.mark.parametrize(
    ("resource", "parameters", "error", "cause"),
    [
        (
            "dynamodb:putItem",
            {"TableName": "rows", "Item": None},
            "DynamoDB.AmazonDynamoDBException",
            "1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be null",
        ),
        (
            "aws-sdk:dynamodb:putItem",
            {"TableName": "rows"},
            "DynamoDb.DynamoDbException",
            "1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be null",
        ),
        (
            "sqs:sendMessage",
            {"QueueUrl": "http://127.0.0.1/123456789012/q", "MessageBody": None},
            "SQS.AmazonSQSException",
            "The request must contain the parameter MessageBody.",
        ),
        (
            "sqs:sendMessage",
            {"QueueUrl": "no-host", "MessageBody": "b"},
            "SQS.SdkClientException",
            "Unable to execute HTTP request: no-host: Name or service not known",
        ),
    ],
)
def test_a_call_without_what_it_needs_fails_as_the_service_fails_it(machines, resource, parameters, error, cause):
    found = machines.run({"A": task(resource, parameters)})
    assert found["error"] == error
    assert found["cause"].startswith(cause)


def test_an_event_that_is_refused_fails_the_task_with_the_answer(machines):
    entry = {"DetailType": "d", "Detail": {"a": 1}}
    found = machines.run({"A": task("events:putEvents", {"Entries": [entry]})})
    assert found["error"] == "EventBridge.FailedEntry"
    assert set(json.loads(found["cause"])) == {"Entries", "FailedEntryCount"}
