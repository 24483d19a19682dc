"""Checksums of S3: what does not match is refused and stores nothing, and every reader tells the same."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.local.front import Front
from pipeline.local.moto_fixes.s3_checksums import ALGORITHMS, compute

from .test_fixes_s3_bodies import send

BUCKET = "checked"
PARTS = (b"a" * (5 << 20), b"last")
TYPES = [
    *((algorithm, "COMPOSITE") for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256")),
    *((algorithm, "FULL_OBJECT") for algorithm in ("CRC32", "CRC32C", "CRC64NVME")),
]
CHECK_VALUES = {"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}
"""Of "123456789", from the catalogue of parametrised CRC algorithms."""


@pytest.fixture(scope="module")
def s3(aws: Any) -> Any:
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


def told(answer: dict[str, Any]) -> tuple[dict[str, str], str | None]:
    found = {name: value for name, value in answer.items() if name.removeprefix("Checksum") in ALGORITHMS}
    return found, answer.get("ChecksumType")


def readers(s3: Any, key: str) -> list[tuple[dict[str, str], str | None]]:
    named = {"Bucket": BUCKET, "Key": key}
    attributes = s3.get_object_attributes(**named, ObjectAttributes=["ETag", "Checksum"])
    return [
        told(s3.head_object(**named, ChecksumMode="ENABLED")),
        told(s3.get_object(**named, ChecksumMode="ENABLED")),
        told(attributes["Checksum"]),
    ]


@pytest.mark.parametrize("algorithm", CHECK_VALUES)
def test_a_crc_is_the_one_of_its_name(algorithm: str) -> None:
    assert compute(b"123456789", algorithm, encode_base64=False).hex() == CHECK_VALUES[algorithm]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_reader_of_an_object_tells_the_checksum_that_it_came_with(s3: Any, algorithm: str) -> None:
    value = compute(b"body", algorithm).decode()
    put = s3.put_object(Bucket=BUCKET, Key="one", Body=b"body", **{f"Checksum{algorithm}": value})
    assert put[f"Checksum{algorithm}"] == value
    assert readers(s3, "one") == [({f"Checksum{algorithm}": value}, "FULL_OBJECT")] * 3


@pytest.mark.parametrize(("algorithm", "kind"), TYPES)
def test_every_reader_of_an_upload_in_parts_tells_what_its_completion_did(s3: Any, algorithm: str, kind: str) -> None:
    name = f"Checksum{algorithm}"
    upload = {"Bucket": BUCKET, "Key": "many"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm=algorithm, ChecksumType=kind)[
        "UploadId"
    ]
    parts = []
    for number, body in enumerate(PARTS, 1):
        value = compute(body, algorithm).decode()
        part = s3.upload_part(**upload, PartNumber=number, Body=body, **{name: value})
        assert part[name] == value
        parts.append({"PartNumber": number, "ETag": part["ETag"], name: value})
    if kind == "COMPOSITE":
        of_parts = b"".join(compute(body, algorithm, encode_base64=False) for body in PARTS)
        expected = f"{compute(of_parts, algorithm).decode()}-2"
    else:
        expected = compute(b"".join(PARTS), algorithm).decode()
    wrong = compute(b"other", algorithm).decode() + ("-2" if kind == "COMPOSITE" else "")
    with pytest.raises(ClientError, match="BadDigest"):
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, ChecksumType=kind, **{name: wrong})
    done = s3.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": parts}, ChecksumType=kind, **{name: expected}
    )
    assert told(done) == ({name: expected}, kind)
    assert readers(s3, "many") == [told(done)] * 3
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/many")
    assert readers(s3, "copy") == [({name: compute(b"".join(PARTS), algorithm).decode()}, "FULL_OBJECT")] * 3


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("of_a_part", [False, True])
@pytest.mark.parametrize("body_of", [b"body", b"other"])
def test_a_checksum_that_does_not_match_is_a_bad_digest_and_stores_nothing(
    front: Front, s3: Any, algorithm: str, of_a_part: bool, body_of: bytes
) -> None:
    named = {"Bucket": BUCKET, "Key": f"not-{algorithm}"}
    s3.delete_object(**named)
    upload = s3.create_multipart_upload(**named)["UploadId"]
    path = f"/{BUCKET}/not-{algorithm}" + (f"?partNumber=1&uploadId={upload}" if of_a_part else "")
    headers = {f"x_amz_checksum_{algorithm.lower()}": compute(body_of, algorithm).decode()}
    status, answer = send(front, "PUT", path, b"body", "header", **headers)
    stored = s3.list_parts(**named, UploadId=upload).get("Parts") if of_a_part else None
    stored = stored or s3.list_objects_v2(Bucket=BUCKET, Prefix=named["Key"]).get("Contents")
    if body_of == b"body":
        assert status == 200
        assert stored
    else:
        assert (status, b"<Code>BadDigest</Code>" in answer, stored) == (400, True, None)


def test_a_checksum_behind_the_chunks_is_compared_too(front: Front, s3: Any) -> None:
    for of, status in ((b"body", 200), (b"other", 400)):
        trailer = f"x-amz-checksum-crc32c:{compute(of, 'CRC32C').decode()}"
        sent = send(front, "PUT", f"/{BUCKET}/trailed", b"body", "chunked", trailer=trailer)
        assert sent[0] == status, sent
    assert readers(s3, "trailed") == [({"ChecksumCRC32C": compute(b"body", "CRC32C").decode()}, "FULL_OBJECT")] * 3


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Content_MD5", base64.b64encode(hashlib.md5(b"other").digest()).decode(), "BadDigest"),
        ("Content_MD5", "not base64", "InvalidDigest"),
        ("Content_MD5", "c2hvcnQ=", "InvalidDigest"),
        ("Content_MD5", "", "InvalidDigest"),
        ("x_amz_checksum_sha256", "c2hvcnQ=", "InvalidRequest"),
        ("x_amz_checksum_crc32", "not base64", "InvalidRequest"),
    ],
)
@pytest.mark.parametrize("path", ["/object", "/object?tagging", "?tagging", "?delete"])
def test_digests_are_checked_in_every_call_with_a_body(
    front: Front, s3: Any, header: str, value: str, code: str, path: str
) -> None:
    method = "POST" if path == "?delete" else "PUT"
    status, answer = send(front, method, f"/{BUCKET}{path}", b"<a/>", "header", **{header: value})
    assert (status, f"<Code>{code}</Code>".encode() in answer) == (400, True), answer


def test_a_right_md5_is_taken(front: Front, s3: Any) -> None:
    md5 = base64.b64encode(hashlib.md5(b"body").digest()).decode()
    assert send(front, "PUT", f"/{BUCKET}/md5", b"body", "header", Content_MD5=md5)[0] == 200


def test_a_copy_may_name_the_digest_of_its_source(s3: Any, front: Front) -> None:
    s3.put_object(Bucket=BUCKET, Key="source", Body=b"body")
    md5 = base64.b64encode(hashlib.md5(b"body").digest()).decode()
    status, answer = send(
        front, "PUT", f"/{BUCKET}/copy", b"", "header", Content_MD5=md5, x_amz_copy_source=f"/{BUCKET}/source"
    )
    assert status == 200, answer
    assert s3.get_object(Bucket=BUCKET, Key="copy")["Body"].read() == b"body"
