"""S3: one part of an object is read as it was uploaded, and what is no part is refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.gateway.server import Front
from pipeline.emulator.s3.patches.checksums import compute

from .test_bodies import send

BUCKET = "read"
PARTS = {2: b"a" * (5 << 20), 3: b"b" * (5 << 20), 7: b"last"}
WHOLE = b"".join(PARTS.values())


@pytest.fixture(scope="module")
def s3(aws: Any) -> Any:
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_object(Bucket=BUCKET, Key="one", Body=b"whole", ContentType="text/x-one")
    client.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    upload_in_parts(client, "parts", PARTS, Metadata={"of": "the whole"}, ContentType="text/x-parts")
    return client


def upload_in_parts(s3: Any, key: str, parts: dict[int, bytes], **named: Any) -> None:
    at = {"Bucket": BUCKET, "Key": key}
    at["UploadId"] = s3.create_multipart_upload(**at, ChecksumAlgorithm="CRC32", **named)["UploadId"]
    sent = {number: s3.upload_part(**at, PartNumber=number, Body=body) for number, body in parts.items()}
    told = [
        {"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}
        for number, part in sent.items()
    ]
    s3.complete_multipart_upload(**at, MultipartUpload={"Parts": told})


def refusal(call: Any, **named: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as refused:
        call(Bucket=BUCKET, **named)
    error = refused.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


@pytest.mark.parametrize("call", ["get_object", "head_object"])
@pytest.mark.parametrize(("number", "content"), PARTS.items())
def test_a_part_is_read_as_it_was_uploaded_with_what_the_object_is(
    s3: Any, call: str, number: int, content: bytes
) -> None:
    got = getattr(s3, call)(Bucket=BUCKET, Key="parts", PartNumber=number, ChecksumMode="ENABLED")
    begins = WHOLE.index(content)
    assert got["ContentRange"] == f"bytes {begins}-{begins + len(content) - 1}/{len(WHOLE)}"
    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["ContentLength"], got["PartsCount"]) == (
        206,
        len(content),
        3,
    )
    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (compute(content, "CRC32").decode(), "COMPOSITE")
    whole = s3.head_object(Bucket=BUCKET, Key="parts")
    for told in ("ETag", "ContentType", "Metadata", "LastModified"):
        assert got[told] == whole[told]
    if call == "get_object":
        assert got["Body"].read() == content


def test_a_part_tells_no_checksum_to_who_has_not_asked(s3: Any) -> None:
    assert "ChecksumCRC32" not in s3.head_object(Bucket=BUCKET, Key="parts", PartNumber=2)


def test_the_only_part_of_an_upload_has_the_checksum_of_the_whole(s3: Any) -> None:
    at = {"Bucket": BUCKET, "Key": "only"}
    at["UploadId"] = s3.create_multipart_upload(**at)["UploadId"]
    etag = s3.upload_part(**at, PartNumber=1, Body=b"only")["ETag"]
    s3.complete_multipart_upload(**at, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    got = s3.get_object(Bucket=BUCKET, Key="only", PartNumber=1, ChecksumMode="ENABLED")
    assert (got["ChecksumCRC64NVME"], got["PartsCount"]) == (compute(b"only", "CRC64NVME").decode(), 1)


def test_an_object_that_is_read_whole_tells_no_parts(s3: Any) -> None:
    got = s3.get_object(Bucket=BUCKET, Key="parts")
    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read()) == (200, WHOLE)
    assert not {"PartsCount", "ContentRange"} & got.keys()


@pytest.mark.parametrize("call", ["get_object", "head_object"])
def test_the_only_part_of_what_was_not_uploaded_in_parts_is_the_whole(s3: Any, call: str) -> None:
    got = getattr(s3, call)(Bucket=BUCKET, Key="one", PartNumber=1)
    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["ContentRange"]) == (206, "bytes 0-4/5")
    assert (got["ContentType"], "PartsCount" in got) == ("text/x-one", False)
    if call == "get_object":
        assert got["Body"].read() == b"whole"
    empty = getattr(s3, call)(Bucket=BUCKET, Key="empty", PartNumber=1)
    assert (empty["ContentLength"], "ContentRange" in empty) == (0, False)


def test_a_copy_of_an_upload_in_parts_is_one_piece(s3: Any) -> None:
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/parts")
    got = s3.get_object(Bucket=BUCKET, Key="copy", PartNumber=1)
    assert (got["Body"].read(), "PartsCount" in got) == (WHOLE, False)


@pytest.mark.parametrize(("key", "number"), [("parts", 8), ("parts", 1), ("one", 2), ("copy", 2), ("empty", 2)])
def test_a_part_that_is_not_there_is_not_satisfiable(s3: Any, key: str, number: int) -> None:
    if key == "copy":
        s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/parts")
    told = (416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
    assert refusal(s3.get_object, Key=key, PartNumber=number) == told
    assert refusal(s3.head_object, Key=key, PartNumber=number)[0] == 416


def test_a_part_of_a_range_is_refused(s3: Any) -> None:
    told = (400, "InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
    assert refusal(s3.get_object, Key="parts", PartNumber=2, Range="bytes=0-1") == told
    assert refusal(s3.head_object, Key="parts", PartNumber=2, Range="bytes=0-1")[0] == 400


@pytest.mark.parametrize("written", ["x", "0", "10001", "-1", "1.0", "", "%201", "1e3"])
def test_what_is_no_number_of_a_part_is_refused(front: Front, s3: Any, written: str) -> None:
    path = f"/{BUCKET}/parts?partNumber={written}"
    status, answer = send(front, "GET", path, b"", "header")
    assert (status, b"<Code>InvalidArgument</Code>" in answer) == (400, True), answer
    assert b"Part number must be an integer between 1 and 10000, inclusive" in answer
    assert b"<ArgumentName>partNumber</ArgumentName>" in answer
    assert send(front, "HEAD", path, b"", "header")[0] == 400


def test_a_part_is_read_on_its_conditions_alone(s3: Any) -> None:
    etag = s3.head_object(Bucket=BUCKET, Key="parts")["ETag"]
    assert s3.get_object(Bucket=BUCKET, Key="parts", PartNumber=7, IfMatch=etag)["Body"].read() == b"last"
    assert refusal(s3.get_object, Key="parts", PartNumber=7, IfMatch='"other"')[0] == 412
    assert refusal(s3.head_object, Key="parts", PartNumber=7, IfNoneMatch=etag)[0] == 304
    assert refusal(s3.get_object, Key="absent", PartNumber=1)[:2] == (404, "NoSuchKey")
