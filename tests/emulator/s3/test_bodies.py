"""Whatever a body is and is called, S3 takes it byte for byte; a form is a form only where a browser posts one."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.lake_key import own_key
from pipeline.emulator.gateway.server import AwsServer
from tests.examples import examples
from tests.patience import PATIENCE_S

BUCKET = "bodies"
REGION = "eu-west-1"
FORM = "application/x-www-form-urlencoded"
BOUNDARY = "multipart/form-data; boundary=here"
CONTENT_TYPES = (
    None,
    "",
    FORM,
    f"{FORM}; charset=utf-8",
    "multipart/form-data",
    BOUNDARY,
    "application/json",
    "application/x-amz-json-1.1",
    "application/xml",
    "text/plain; charset=iso-8859-1",
    "not a type",
)
OF_A_FORM = (
    b"",
    b"a=1&b=2",
    b"key=other&file=x",
    b"Action=ListQueues&Version=2012-11-05",
    b"Action=AssumeRoleWithSAML&Version=2009-04-15",
    b"uploadId=1&acl=&versionId=2",
    b"\x00\xff%zz&&==",
    b'--here\r\nContent-Disposition: form-data; name="key"\r\n\r\nother\r\n'
    b'--here\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--here--\r\n',
    b"<a/>",
)
BODIES = st.one_of(st.sampled_from(OF_A_FORM), st.binary(max_size=300))
MODES = ("header", "unsigned", "presigned", "chunked")


@pytest.fixture(scope="module")
def s3(aws: Any) -> Any:
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


def send(
    front: AwsServer, method: str, path: str, body: bytes, mode: str, *, trailer: str = "", **headers: str | None
) -> tuple[int, bytes]:
    """Signed by botocore, sent by nothing that would change it."""
    key = own_key()
    named = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    # An address is signed before there is a body; botocore would write a body's fields into it.
    signed = b"" if mode == "presigned" else body
    request = AWSRequest(method, f"{front.endpoint}{path}", headers=named, data=signed)
    credentials = Credentials(key.id, key.secret)
    if mode == "presigned":
        S3SigV4QueryAuth(credentials, "s3", REGION, expires=60).add_auth(request)
    else:
        if mode == "chunked":
            body = chunked(body, request, trailer)
        signer(mode, credentials).add_auth(request)
    url = urlsplit(request.url)
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=PATIENCE_S)
    # botocore takes a form's type off an address that it signs.
    connection.request(method, f"{url.path}?{url.query}", body, {**dict(request.headers.items()), **named})
    answer = connection.getresponse()
    return answer.status, answer.read()


def chunked(body: bytes, request: AWSRequest, trailer: str) -> bytes:
    cut = len(body) // 2
    parts = [part for part in (body[:cut], body[cut:]) if part]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n"
    sent += f"{trailer}\r\n\r\n".encode() if trailer else b"\r\n"
    if trailer:
        request.headers["X-Amz-Trailer"] = trailer.partition(":")[0]
    request.headers["Content-Encoding"] = "aws-chunked"
    request.headers["X-Amz-Decoded-Content-Length"] = str(len(body))
    request.data = sent
    return sent


def signer(mode: str, credentials: Credentials) -> Any:
    given = {"chunked": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "unsigned": "UNSIGNED-PAYLOAD"}.get(mode)

    class Signer(S3SigV4Auth):  # type: ignore[misc]
        def payload(self, request: Any) -> str:
            return given or super().payload(request)

    return Signer(credentials, "s3", REGION)


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content_type=st.sampled_from(CONTENT_TYPES), body=BODIES, mode=st.sampled_from(MODES))
def test_an_object_is_what_was_put_whatever_its_type(
    front: AwsServer, s3: Any, content_type: str | None, body: bytes, mode: str
) -> None:
    status, answer = send(front, "PUT", f"/{BUCKET}/object", body, mode, Content_Type=content_type)
    assert (status, answer) == (200, b"")
    got = s3.get_object(Bucket=BUCKET, Key="object")
    assert got["Body"].read() == body
    if content_type:
        assert got["ContentType"] == content_type


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content_type=st.sampled_from(CONTENT_TYPES), body=BODIES, mode=st.sampled_from(MODES))
def test_a_part_is_what_was_put_whatever_its_type(
    front: AwsServer, s3: Any, content_type: str | None, body: bytes, mode: str
) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    path = f"/{BUCKET}/parts?partNumber=1&uploadId={upload}"
    assert send(front, "PUT", path, body, mode, Content_Type=content_type)[0] == 200
    [part] = s3.list_parts(Bucket=BUCKET, Key="parts", UploadId=upload)["Parts"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(Bucket=BUCKET, Key="parts")["Body"].read() == body


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_calls_whose_body_is_xml_read_it_whatever_its_type(
    front: AwsServer, s3: Any, content_type: str | None, mode: str
) -> None:
    def say(method: str, path: str, body: str) -> None:
        status, answer = send(front, method, f"/{BUCKET}{path}", body.encode(), mode, Content_Type=content_type)
        assert status in (200, 204), answer

    s3.put_object(Bucket=BUCKET, Key="told", Body=b"1")
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>a=b+c &#233;</Value></Tag></TagSet></Tagging>"
    say("PUT", "/told?tagging", tags)
    assert s3.get_object_tagging(Bucket=BUCKET, Key="told")["TagSet"] == [{"Key": "a", "Value": "a=b+c é"}]
    say("PUT", "?tagging", tags)
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == [{"Key": "a", "Value": "a=b+c é"}]
    say("POST", "?delete", "<Delete><Object><Key>told</Key></Object></Delete>")
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="told")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="told")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="told", UploadId=upload, PartNumber=1, Body=b"2")
    listed = f"<Part><PartNumber>1</PartNumber><ETag>{part['ETag']}</ETag></Part>"
    say(
        "POST",
        f"/told?uploadId={upload}",
        f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>",
    )
    assert s3.get_object(Bucket=BUCKET, Key="told")["Body"].read() == b"2"


@pytest.mark.parametrize("mode", ["header", "unsigned", "presigned"])
@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_an_upload_begins_whatever_the_type_of_nothing(front: AwsServer, s3: Any, content_type: str | None, mode: str):
    status, answer = send(front, "POST", f"/{BUCKET}/begun?uploads=", b"", mode, Content_Type=content_type)
    assert status == 200
    assert b"<UploadId>" in answer
