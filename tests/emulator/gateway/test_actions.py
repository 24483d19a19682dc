"""Which IAM actions a call needs: real requests of botocore, as the front would see them."""

from __future__ import annotations

import contextlib
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pipeline.emulator.gateway.actions import ActionRecorder, needs
from pipeline.emulator.gateway.calls import Call, identify
from pipeline.emulator.gateway.in_process_http import InProcessSession

WHERE = "eu-west-1:123456789012"
TABLE = f"arn:aws:dynamodb:{WHERE}:table"
KEY = {"id": {"S": "1"}}


def needed(service: str, operation: str, **parameters: Any) -> set[tuple[str, str]]:
    """What a call needs; the request is stopped where the front would take it."""
    found: set[tuple[str, str]] = set()
    bodies: list[bytes] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.update(needs(identify(environ), environ))
        bodies.append(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return [b"{}" if service not in ("s3", "sns") else b""]

    config = Config(parameter_validation=False, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
    client = boto3.client(service, region_name="eu-west-1", endpoint_url="http://127.0.0.1:1", config=config)
    client._endpoint.http_session = InProcessSession(lambda: application, client._endpoint.http_session)
    # The empty answer suits not every operation.
    with contextlib.suppress(Exception):
        getattr(client, operation)(**parameters)
    assert bodies
    return found


@pytest.mark.parametrize(
    ("operation", "parameters", "action", "resource"),
    [
        ("head_object", {"Key": "a/b c+d.csv"}, "GetObject", "raw/a/b c+d.csv"),
        ("get_object", {"Key": "k", "VersionId": "v"}, "GetObjectVersion", "raw/k"),
        ("list_objects_v2", {"Prefix": "a/"}, "ListBucket", "raw"),
        ("list_object_versions", {}, "ListBucketVersions", "raw"),
        ("upload_part", {"Key": "k", "UploadId": "u", "PartNumber": 1, "Body": b"x"}, "PutObject", "raw/k"),
        ("complete_multipart_upload", {"Key": "k", "UploadId": "u"}, "PutObject", "raw/k"),
        ("abort_multipart_upload", {"Key": "k", "UploadId": "u"}, "AbortMultipartUpload", "raw/k"),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "a&b/k"}]}}, "DeleteObject", "raw/a&b/k"),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "k", "VersionId": "v"}]}}, "DeleteObjectVersion", "raw/k"),
        ("delete_objects", {"Delete": {}}, None, None),
    ],
)
def test_operations_of_s3_need_actions_of_other_names(
    operation: str, parameters: dict[str, Any], action: str | None, resource: str | None
) -> None:
    wanted = {(f"s3:{action}", f"arn:aws:s3:::{resource}")} if action else set()
    assert needed("s3", operation, Bucket="raw", **parameters) == wanted


def test_a_copy_reads_its_source_too() -> None:
    source = {"Bucket": "old", "Key": "k", "VersionId": "v"}
    assert needed("s3", "copy_object", Bucket="new", Key="k", CopySource=source) == {
        ("s3:PutObject", "arn:aws:s3:::new/k"),
        ("s3:GetObjectVersion", "arn:aws:s3:::old/k"),
    }


def test_a_transaction_needs_the_action_of_each_of_its_items() -> None:
    items = [
        {"Put": {"TableName": "a", "Item": KEY}},
        {"Update": {"TableName": "a", "Key": KEY, "UpdateExpression": "SET x = :x"}},
        {"Delete": {"TableName": "b", "Key": KEY}},
        {"ConditionCheck": {"TableName": "b", "Key": KEY, "ConditionExpression": "x"}},
    ]
    assert needed("dynamodb", "transact_write_items", TransactItems=items) == {
        ("dynamodb:PutItem", f"{TABLE}/a"),
        ("dynamodb:UpdateItem", f"{TABLE}/a"),
        ("dynamodb:DeleteItem", f"{TABLE}/b"),
        ("dynamodb:ConditionCheckItem", f"{TABLE}/b"),
    }


def test_a_query_of_an_index_needs_the_index_and_not_the_table() -> None:
    assert needed("dynamodb", "query", TableName="a", IndexName="open") == {("dynamodb:Query", f"{TABLE}/a/index/open")}


def test_a_batch_needs_the_action_of_one_on_each_table() -> None:
    request = {"a": {"Keys": [KEY]}, "b": {"Keys": [KEY]}}
    assert needed("dynamodb", "batch_get_item", RequestItems=request) == {
        ("dynamodb:BatchGetItem", f"{TABLE}/a"),
        ("dynamodb:BatchGetItem", f"{TABLE}/b"),
    }
    url = "http://127.0.0.1:1/123456789012/waiting"
    entries = [{"Id": "1", "MessageBody": "x"}]
    assert needed("sqs", "send_message_batch", QueueUrl=url, Entries=entries) == {
        ("sqs:SendMessage", f"arn:aws:sqs:{WHERE}:waiting")
    }


def test_a_table_of_glue_needs_its_database_and_the_catalog_too() -> None:
    assert needed("glue", "get_table", DatabaseName="d", Name="t") == {
        ("glue:GetTable", f"arn:aws:glue:{WHERE}:{resource}") for resource in ("catalog", "database/d", "table/d/t")
    }
    assert needed("glue", "get_database", Name="d") == {
        ("glue:GetDatabase", f"arn:aws:glue:{WHERE}:{resource}") for resource in ("catalog", "database/d")
    }
    assert needed("glue", "get_crawler", Name="c") == {("glue:GetCrawler", f"arn:aws:glue:{WHERE}:crawler/c")}
    assert needed("glue", "start_job_run", JobName="j") == {("glue:StartJobRun", f"arn:aws:glue:{WHERE}:job/j")}


def test_what_is_invoked_started_or_told_is_named() -> None:
    machine, topic = f"arn:aws:states:{WHERE}:stateMachine:m", f"arn:aws:sns:{WHERE}:t"
    assert needed("stepfunctions", "start_execution", stateMachineArn=machine) == {("states:StartExecution", machine)}
    assert needed("sns", "publish", TopicArn=topic, Message="x") == {("sns:Publish", topic)}
    assert needed("lambda", "invoke", FunctionName="f") == {
        ("lambda:InvokeFunction", f"arn:aws:lambda:{WHERE}:function:f")
    }


def test_a_qualifier_is_of_a_functions_arn_and_not_of_a_machines() -> None:
    machine, function = f"arn:aws:states:{WHERE}:stateMachine:m", f"arn:aws:lambda:{WHERE}:function:f:live"
    started = needed("stepfunctions", "start_execution", stateMachineArn=f"{machine}:live")
    assert started == {("states:StartExecution", machine)}
    for given in ({"FunctionName": function}, {"FunctionName": "f", "Qualifier": "live"}):
        assert needed("lambda", "invoke", **given) == {("lambda:InvokeFunction", function)}


def test_what_the_jvm_calls_is_the_running_jobs_and_what_nobody_names_is_not_kept() -> None:
    recorder = ActionRecorder()
    recorder.job = lambda: "standard"
    environ = {"PATH_INFO": "/raw/k"}
    recorder.add(Call("s3", "GetObject", "spark"), environ)
    recorder.add(Call("s3", "GetObject", ""), environ)
    assert [(need.caller, need.action) for need in recorder.snapshot()] == [("standard", "s3:GetObject")]
