"""Exports to S3: the files that AWS documents, of the table as it was when the export was asked for."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.core.clock import parse_iso
from tests.patience import until

BUCKET = "exported-tables"


@pytest.fixture(scope="module")
def table_arn(aws: Any) -> str:
    client = aws("dynamodb")
    made = client.create_table(
        TableName="exported",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for number in range(20):
        item = {
            "id": {"S": f"t{number}"},
            "n": {"N": "1.50"},
            "b": {"B": b"\x00\xff"},
            "m": {"M": {"x": {"NULL": True}}},
        }
        client.put_item(TableName="exported", Item=item)
    aws("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return str(made["TableDescription"]["TableArn"])


def recoverable(aws: Any, enabled: bool) -> None:
    aws("dynamodb").update_continuous_backups(
        TableName="exported", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
    )


def ended(aws: Any, arn: str) -> dict[str, Any]:
    def found() -> Any:
        told = aws("dynamodb").describe_export(ExportArn=arn)["ExportDescription"]
        return told if told["ExportStatus"] != "IN_PROGRESS" else None

    answer: dict[str, Any] = until(found)
    return answer


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_the_files_are_as_documented(aws: Any, table_arn: str):
    recoverable(aws, True)
    client, s3 = aws("dynamodb"), aws("s3")
    given = {"TableArn": table_arn, "S3Bucket": BUCKET, "S3Prefix": "history", "ClientToken": "once"}
    begun = client.export_table_to_point_in_time(**given)["ExportDescription"]
    client.put_item(TableName="exported", Item={"id": {"S": "later"}})
    assert client.export_table_to_point_in_time(**given)["ExportDescription"]["ExportArn"] == begun["ExportArn"]
    told = ended(aws, begun["ExportArn"])
    assert (told["ExportStatus"], told["ItemCount"], told["ExportFormat"]) == ("COMPLETED", 20, "DYNAMODB_JSON")

    folder = f"history/AWSDynamoDB/{begun['ExportArn'].rpartition('/')[2]}"
    assert told["ExportManifest"] == f"{folder}/manifest-summary.json"

    def body(key: str) -> bytes:
        read: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return read

    for name in ("manifest-summary", "manifest-files"):
        digest = hashlib.md5(body(f"{folder}/{name}.json"), usedforsecurity=False).digest()
        assert body(f"{folder}/{name}.checksum").decode() == base64.b64encode(digest).decode()
    assert body(f"{folder}/_started") == b""
    summary = json.loads(body(f"{folder}/manifest-summary.json"))
    assert summary["exportArn"] == begun["ExportArn"]
    assert (summary["itemCount"], summary["s3Prefix"], summary["outputFormat"]) == (20, "history", "DYNAMODB_JSON")
    assert abs((parse_iso(summary["exportTime"]) - told["ExportTime"]).total_seconds()) < 1
    files = [json.loads(line) for line in body(summary["manifestFilesS3Key"]).splitlines()]
    assert sum(file["itemCount"] for file in files) == 20
    items = []
    for file in files:
        data = body(file["dataFileS3Key"])
        assert file["md5Checksum"] == base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        items += [json.loads(line)["Item"] for line in gzip.decompress(data).decode().splitlines()]
    assert {item["id"]["S"] for item in items} == {f"t{number}" for number in range(20)}
    # DynamoDB leaves out zeros at the end of a number.
    assert items[0] == {**items[0], "n": {"N": "1.5"}, "b": {"B": "AP8="}, "m": {"M": {"x": {"NULL": True}}}}
    listed = client.list_exports(TableArn=table_arn)["ExportSummaries"]
    assert listed == [{"ExportArn": begun["ExportArn"], "ExportStatus": "COMPLETED", "ExportType": "FULL_EXPORT"}]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"TableArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/absent"}, "TableNotFoundException"),
        ({"ExportTime": "2026-01-01T00:00:00Z"}, "InvalidExportTimeException"),
        ({"ExportFormat": "ION"}, "ValidationException"),
        ({"ExportType": "INCREMENTAL_EXPORT"}, "ValidationException"),
    ],
)
def test_what_cannot_be_exported_is_said(aws: Any, table_arn: str, given: dict[str, Any], expected: str):
    recoverable(aws, True)
    with pytest.raises(ClientError) as error:
        aws("dynamodb").export_table_to_point_in_time(**{"TableArn": table_arn, "S3Bucket": BUCKET, **given})
    assert code(error) == expected


def test_an_export_needs_recovery_and_a_bucket(aws: Any, table_arn: str):
    client = aws("dynamodb")
    recoverable(aws, False)
    with pytest.raises(ClientError) as error:
        client.export_table_to_point_in_time(TableArn=table_arn, S3Bucket=BUCKET)
    assert code(error) == "PointInTimeRecoveryUnavailableException"
    recoverable(aws, True)
    begun = client.export_table_to_point_in_time(TableArn=table_arn, S3Bucket="no-such-bucket")["ExportDescription"]
    told = ended(aws, begun["ExportArn"])
    assert (told["ExportStatus"], told["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    with pytest.raises(ClientError) as error:
        client.describe_export(ExportArn=f"{table_arn}/export/none")
    assert code(error) == "ExportNotFoundException"
