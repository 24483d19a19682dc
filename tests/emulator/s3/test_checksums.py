"""Checksums of S3: what does not match is refused and stores nothing, and every reader tells the same."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from pipeline.emulator.gateway.server import Front
from pipeline.emulator.s3.patches.checksums import ALGORITHMS, compute

from .test_bodies import send

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


def of_parts(found: tuple[dict[str, str], str | None], attributes: dict[str, Any]) -> tuple[dict[str, str], str | None]:
    """What the others tell: GetObjectAttributes alone leaves the number of parts to its ObjectParts, as AWS does."""
    values, kind = found
    count = attributes.get("ObjectParts", {}).get("TotalPartsCount")
    return {name: f"{value}-{count}" if kind == "COMPOSITE" else value for name, value in values.items()}, kind


def readers(s3: Any, key: str) -> list[tuple[dict[str, str], str | None]]:
    named = {"Bucket": BUCKET, "Key": key}
    attributes = s3.get_object_attributes(**named, ObjectAttributes=["ETag", "Checksum", "ObjectParts"])
    return [
        told(s3.head_object(**named, ChecksumMode="ENABLED")),
        told(s3.get_object(**named, ChecksumMode="ENABLED")),
        of_parts(told(attributes["Checksum"]), attributes),
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


class Upload:
    """An upload of `PARTS`; `named` is what each part is named by in its completion."""

    def __init__(self, s3: Any, algorithm: str | None, kind: str | None, key: str = "many") -> None:
        self.s3, self.name, self.kind, self.key = s3, f"Checksum{algorithm}", kind, key
        asked = {"ChecksumAlgorithm": algorithm} | ({"ChecksumType": kind} if kind else {}) if algorithm else {}
        self.created = s3.create_multipart_upload(Bucket=BUCKET, Key=key, **asked)
        self.at = {"Bucket": BUCKET, "Key": key, "UploadId": self.created["UploadId"]}
        self.named: list[dict[str, Any]] = []
        for number, body in enumerate(PARTS, 1):
            sent = {self.name: compute(body, algorithm).decode()} if algorithm else {}
            part = s3.upload_part(**self.at, PartNumber=number, Body=body, **sent)
            assert part.items() >= sent.items()
            self.named.append({"PartNumber": number, "ETag": part["ETag"], **sent})

    def complete(self, *, parts: list[dict[str, Any]] | None = None, **named: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.s3.complete_multipart_upload(
            **self.at, MultipartUpload={"Parts": self.named if parts is None else parts}, **named
        )
        return answer


def whole(algorithm: str, kind: str) -> str:
    """The checksum of an object of `PARTS`."""
    if kind == "FULL_OBJECT":
        return compute(b"".join(PARTS), algorithm).decode()
    of_parts = b"".join(compute(body, algorithm, encode_base64=False) for body in PARTS)
    return f"{compute(of_parts, algorithm).decode()}-{len(PARTS)}"


@pytest.mark.parametrize(("algorithm", "kind"), TYPES)
def test_every_reader_of_an_upload_in_parts_tells_what_its_completion_did(s3: Any, algorithm: str, kind: str) -> None:
    upload, name = Upload(s3, algorithm, kind), f"Checksum{algorithm}"
    assert (upload.created["ChecksumAlgorithm"], upload.created["ChecksumType"]) == (algorithm, kind)
    expected = whole(algorithm, kind)
    wrong = compute(b"other", algorithm).decode() + ("-2" if kind == "COMPOSITE" else "")
    with pytest.raises(ClientError, match="BadDigest"):
        upload.complete(ChecksumType=kind, **{name: wrong})
    done = upload.complete(ChecksumType=kind, **{name: expected})
    assert told(done) == ({name: expected}, kind)
    assert upload.complete() == {**done, "ResponseMetadata": ANY}
    assert readers(s3, "many") == [told(done)] * 3
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/many")
    assert readers(s3, "copy") == [({name: compute(b"".join(PARTS), algorithm).decode()}, "FULL_OBJECT")] * 3


@pytest.mark.parametrize(("algorithm", "kind"), TYPES)
def test_a_part_has_the_checksum_it_came_with_wherever_it_is_read(s3: Any, algorithm: str, kind: str) -> None:
    upload, name = Upload(s3, algorithm, kind), f"Checksum{algorithm}"
    listed = s3.list_parts(**upload.at)
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == (algorithm, kind)
    assert [part[name] for part in listed["Parts"]] == [part[name] for part in upload.named]
    upload.complete()
    attributes = {"Bucket": BUCKET, "Key": "many", "ObjectAttributes": ["ObjectParts"]}
    parts = s3.get_object_attributes(**attributes)["ObjectParts"]
    second = s3.get_object_attributes(**attributes, MaxParts=1, PartNumberMarker=1)["ObjectParts"]
    head = s3.head_object(Bucket=BUCKET, Key="many", PartNumber=2, ChecksumMode="ENABLED")
    if kind == "FULL_OBJECT":
        assert (parts, second, told(head)) == ({"TotalPartsCount": 2}, {"TotalPartsCount": 2}, ({}, None))
        return
    each = [
        {"PartNumber": number, "Size": len(body), name: named[name]}
        for number, (body, named) in enumerate(zip(PARTS, upload.named, strict=True), 1)
    ]
    assert parts == {
        "TotalPartsCount": 2,
        "PartNumberMarker": 0,
        "NextPartNumberMarker": 2,
        "MaxParts": 1000,
        "IsTruncated": False,
        "Parts": each,
    }
    assert (second["Parts"], second["MaxParts"], second["IsTruncated"]) == (each[1:], 1, False)
    assert told(head) == ({name: each[1][name]}, "COMPOSITE")


@pytest.mark.parametrize(("algorithm", "kind"), TYPES)
def test_a_completion_that_names_other_parts_than_there_are_makes_nothing(s3: Any, algorithm: str, kind: str) -> None:
    upload, name = Upload(s3, algorithm, kind, "named"), f"Checksum{algorithm}"
    other = next(each for each in CHECK_VALUES if each != algorithm)
    first, second = upload.named
    bare = {key: value for key, value in second.items() if key != name}
    for wrong in (
        {**second, name: compute(b"other", algorithm).decode()},
        {**bare, f"Checksum{other}": compute(PARTS[1], other).decode()},
    ):
        with pytest.raises(ClientError, match="InvalidPart"):
            upload.complete(parts=[first, wrong])
    unlike = "FULL_OBJECT" if kind == "COMPOSITE" else "COMPOSITE"
    with pytest.raises(ClientError, match=f"InvalidRequest.*created using the {kind} checksum mode"):
        upload.complete(ChecksumType=unlike)
    with pytest.raises(ClientError, match=r"InvalidRequest.*Checksum Type mismatch occurred"):
        upload.complete(**{f"Checksum{other}": compute(b"".join(PARTS), other).decode()})
    if kind == "COMPOSITE":
        with pytest.raises(ClientError, match=r"InvalidRequest.*It was missing for part 2 in the request"):
            upload.complete(parts=[first, bare])
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="named")
    if kind == "FULL_OBJECT":
        assert told(upload.complete(parts=[first, bare])) == ({name: whole(algorithm, kind)}, kind)
    else:
        upload.complete()
    s3.delete_object(Bucket=BUCKET, Key="named")


@pytest.mark.parametrize(("algorithm", "kind"), TYPES)
def test_a_part_of_another_algorithm_than_its_upload_is_refused(s3: Any, algorithm: str, kind: str) -> None:
    at = {"Bucket": BUCKET, "Key": "mixed"}
    at["UploadId"] = s3.create_multipart_upload(**at, ChecksumAlgorithm=algorithm, ChecksumType=kind)["UploadId"]
    for other in set(ALGORITHMS) - {algorithm}:
        mismatch = f"expected checksum Type: {algorithm.lower()}, actual checksum Type: {other.lower()}"
        with pytest.raises(ClientError, match=f"InvalidRequest.*{mismatch}"):
            s3.upload_part(**at, PartNumber=1, Body=b"a", **{f"Checksum{other}": compute(b"a", other).decode()})
    assert "Parts" not in s3.list_parts(**at)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"}, "FULL_OBJECT checksum type cannot be used"),
        ({"ChecksumAlgorithm": "SHA1", "ChecksumType": "FULL_OBJECT"}, "with the sha1 checksum algorithm"),
        ({"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"}, "COMPOSITE checksum type cannot be used"),
        ({"ChecksumAlgorithm": "CRC7"}, "algorithm provided is unsupported"),
        ({"ChecksumAlgorithm": "CRC32", "ChecksumType": "HALF"}, "Value for x-amz-checksum-type header is invalid"),
        ({"ChecksumType": "COMPOSITE"}, "can only be used with the x-amz-checksum-algorithm header"),
    ],
)
def test_an_upload_is_not_begun_with_what_no_checksum_is(s3: Any, asked: dict[str, str], why: str) -> None:
    with pytest.raises(ClientError, match=f"InvalidRequest.*{why}"):
        s3.create_multipart_upload(Bucket=BUCKET, Key="never", **asked)


def test_what_comes_without_a_checksum_is_given_one_by_s3(front: Front, s3: Any) -> None:
    status, _ = send(front, "PUT", f"/{BUCKET}/plain", b"body", "header")
    assert status == 200
    assert readers(s3, "plain") == [({"ChecksumCRC64NVME": compute(b"body", "CRC64NVME").decode()}, "FULL_OBJECT")] * 3
    assert told(s3.head_object(Bucket=BUCKET, Key="plain")) == ({}, None)
    done = Upload(s3, None, None).complete()
    assert told(done) == ({"ChecksumCRC64NVME": whole("CRC64NVME", "FULL_OBJECT")}, "FULL_OBJECT")
    assert readers(s3, "many") == [told(done)] * 3
    assert told(s3.head_object(Bucket=BUCKET, Key="many")) == ({}, None)


def test_a_copied_part_is_told_with_its_checksum(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="source", Body=b"body")
    at = {"Bucket": BUCKET, "Key": "from-parts"}
    at["UploadId"] = s3.create_multipart_upload(**at, ChecksumAlgorithm="SHA256")["UploadId"]
    made = s3.upload_part_copy(**at, PartNumber=1, CopySource=f"{BUCKET}/source")["CopyPartResult"]
    assert made["ChecksumSHA256"] == compute(b"body", "SHA256").decode()
    assert s3.list_parts(**at)["Parts"][0]["ChecksumSHA256"] == made["ChecksumSHA256"]


def test_boto3_s_own_upload_in_parts_is_whole(s3: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"".join(PARTS))
    s3.upload_file(str(tmp_path / "file"), BUCKET, "file", Config=TransferConfig(multipart_threshold=5 << 20))
    head = s3.head_object(Bucket=BUCKET, Key="file", ChecksumMode="ENABLED")
    assert readers(s3, "file") == [told(head)] * 3
    assert s3.get_object(Bucket=BUCKET, Key="file", ChecksumMode="ENABLED")["Body"].read() == b"".join(PARTS)


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
