"""The review of AWS's operations: complete, true to the docs, and carried out by the front."""

from __future__ import annotations

import importlib

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from pipeline.emulator.apigateway import control as api_gateway_control
from pipeline.emulator.apigateway.operation import OPERATIONS as OF_API_GATEWAY
from pipeline.emulator.gateway.calls import Call
from pipeline.emulator.gateway.operations import ALL_OTHERS, FILE, FOLDERS, PAGE, Kind, refusal, reviewed
from pipeline.emulator.gateway.operations_page import page
from pipeline.emulator.stepfunctions.api import OPERATIONS
from tests.conftest import ROOT

assert api_gateway_control
# Services as requests are signed for them, the service models whose operations they have, and where moto answers.
MODELS = {service: (service,) for service in reviewed()} | {
    "states": ("stepfunctions",),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
}
RESPONSES = {
    "cloudformation": "cloudformation.responses.CloudFormationResponse",
    "cloudwatch": "cloudwatch.responses.CloudWatchResponse",
    "dynamodb": "dynamodb.responses.DynamoHandler",
    "dynamodbstreams": "dynamodbstreams.responses.DynamoDBStreamsHandler",
    "events": "events.responses.EventsHandler",
    "glue": "glue.responses.GlueResponse",
    "iam": "iam.responses.IamResponse",
    "kms": "kms.responses.KmsResponse",
    "lambda": "awslambda.responses.LambdaResponse",
    "logs": "logs.responses.LogsResponse",
    "rds": "rds.responses.RDSResponse",
    "scheduler": "scheduler.responses.EventBridgeSchedulerResponse",
    "secretsmanager": "secretsmanager.responses.SecretsManagerResponse",
    "sns": "sns.responses.SNSResponse",
    "sqs": "sqs.responses.SQSResponse",
    "ssm": "ssm.responses.SimpleSystemManagerResponse",
    "sts": "sts.responses.TokenResponse",
}


def known(service):
    return {name for model in MODELS[service] for name in get_session().get_service_model(model).operation_names}


def listed(service):
    return [name for entry in reviewed()[service] for name in entry.operations]


@pytest.mark.parametrize("service", reviewed())
def test_every_operation_on_the_list_is_one_of_the_service_and_stands_there_once(service):
    names = listed(service)
    assert len(names) == len(set(names))
    assert set(names) - {ALL_OTHERS} <= known(service)


OWN = {"states": OPERATIONS, "apigateway": OF_API_GATEWAY}
"""Services of ours, of which moto has no part."""


@pytest.mark.parametrize("service", OWN)
def test_every_operation_of_our_own_services_was_reviewed_and_the_others_are_refused(service: str) -> None:
    answered = {name for entry in reviewed()[service] if entry.kind is not Kind.REFUSED for name in entry.operations}
    assert set(OWN[service]) == answered


@pytest.mark.parametrize("service", sorted(set(reviewed()) - {"s3", *OWN}))
def test_every_operation_that_moto_answers_was_reviewed(service):
    """S3's are told by paths and not by methods of moto: its list was made by hand, from all of the service's."""
    from moto.core.utils import camelcase_to_underscores

    for model in MODELS[service]:
        module, _, name = f"moto.{RESPONSES.get(model, RESPONSES[service])}".rpartition(".")
        handler = getattr(importlib.import_module(module), name)
        operations = get_session().get_service_model(model).operation_names
        answered = {each for each in operations if hasattr(handler, camelcase_to_underscores(each))}
        assert ALL_OTHERS in listed(service) or answered - set(listed(service)) == set()


def test_what_has_no_full_effect_says_why_and_what_has_does_not():
    for service, entries in reviewed().items():
        for entry in entries:
            assert bool(entry.because) == (entry.kind is not Kind.HONOURED), (service, entry)


def test_each_file_of_operations_is_read():
    assert {path.parent.name for path in (ROOT / "pipeline" / "emulator").glob(f"*/{FILE}")} == set(FOLDERS)


def test_the_page_is_made_from_the_list():
    """python -m pipeline.emulator.gateway.operations_page"""
    assert (ROOT / PAGE).read_text() == page()


@pytest.mark.parametrize(
    ("service", "operation", "request_", "words"),
    [
        ("glue", "list_crawls", {"CrawlerName": "any"}, "refuses glue:ListCrawls: only the last crawl is remembered"),
        ("stepfunctions", "list_activities", {}, "refuses states:ListActivities: no activity"),
        (
            "lambda",
            "create_function_url_config",
            {"FunctionName": "f", "AuthType": "NONE"},
            "it serves no function URLs",
        ),
        (
            "s3",
            "put_bucket_replication",
            {"Bucket": "b", "ReplicationConfiguration": {"Role": "r", "Rules": []}},
            "refuses s3:PutBucketReplication: nothing would be replicated",
        ),
        ("s3", "get_bucket_metrics_configuration", {"Bucket": "b", "Id": "i"}, "nobody has looked"),
        ("sns", "list_platform_applications", {}, "nothing is sent to telephones"),
        ("sqs", "start_message_move_task", {"SourceArn": "arn:aws:sqs:eu-west-1:1:q"}, "`sluice redrive`"),
        ("cloudformation", "describe_stacks", {}, "`sluice up`"),
        ("cloudwatch", "describe_anomaly_detectors", {}, "nobody has looked"),
        ("events", "list_archives", {}, "give the rule a queue"),
        ("ssm", "list_documents", {}, "only Parameter Store"),
        ("pipes", "list_pipes", {}, "has no service pipes"),
        ("athena", "list_work_groups", {}, "has no service athena"),
    ],
)
def test_a_refused_call_is_refused_in_the_form_that_its_client_reads(aws, service, operation, request_, words):
    with pytest.raises(ClientError) as refused:
        getattr(aws(service), operation)(**request_)
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("NotImplemented", 501)
    assert words in error["Error"]["Message"]
    assert PAGE in error["Error"]["Message"]


def test_a_refused_call_is_counted_and_does_nothing(front, aws):
    aws("s3").create_bucket(Bucket="alone", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    front.calls.reset()
    with pytest.raises(ClientError):
        aws("s3").put_bucket_website(Bucket="alone", WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}})
    assert front.calls.snapshot() == {Call("s3", "PutBucketWebsite", "tests"): 1}
    with pytest.raises(ClientError, match="NoSuchWebsiteConfiguration"):
        aws("s3").get_bucket_website(Bucket="alone")


def test_what_clients_do_by_themselves_is_answered(front, aws, tmp_path):
    """As `aws s3 cp`, `ls`, `rm` and `aws sts get-caller-identity` do; and a request that is none of AWS's."""
    s3, file = aws("s3"), tmp_path / "file"
    file.write_bytes(b"x" * (9 << 20))
    s3.create_bucket(Bucket="ordinary", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.upload_file(str(file), "ordinary", "in parts")
    s3.copy({"Bucket": "ordinary", "Key": "in parts"}, "ordinary", "copy")
    s3.download_file("ordinary", "copy", str(tmp_path / "back"))
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="ordinary")["Contents"]] == ["copy", "in parts"]
    assert [found["Name"] for found in s3.list_buckets()["Buckets"] if found["Name"] == "ordinary"] == ["ordinary"]
    s3.delete_objects(Bucket="ordinary", Delete={"Objects": [{"Key": "copy"}]})
    assert aws("sts").get_caller_identity()["Account"]
    assert refusal("s3", "OPTIONS /ordinary/copy") is None
