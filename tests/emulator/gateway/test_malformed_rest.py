"""A call of a REST service that is not as its model says is refused as AWS refuses it, without a Python error."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pipeline.core.lake_key import own_key
from pipeline.emulator.gateway.calls import identify
from pipeline.emulator.gateway.complaints import complaint_before
from pipeline.emulator.gateway.server import AwsServer
from pipeline.emulator.s3.documents import complaint_of_document
from tests.patience import PATIENCE_S

from .malformed_requests import Known, Request, document, good, malformed, model, operations, sample

SERVICES = ("s3", "lambda", "scheduler")
CALLS = [(service, operation) for service in SERVICES for operation in operations(service)]

NO_STATUS = b"<VersioningConfiguration/>"

Send = Callable[[str, Request], "Answer"]


class Answer:
    """What came back: the status, the error's code and message if it is one, and the body."""

    def __init__(self, service: str, method: str, answer: http.client.HTTPResponse) -> None:
        self.status, self.body = answer.status, answer.read()
        self.code = self.message = ""
        if self.status >= 400 and method != "HEAD":
            self._read(service, answer.headers.get("x-amzn-ErrorType", ""))

    def _read(self, service: str, kind: str) -> None:
        """Leaves the code empty if the body is not an error as the service's protocol writes it."""
        try:
            if service == "s3":
                error = ElementTree.fromstring(self.body)
                self.code, self.message = (error.findtext(each) or "" for each in ("Code", "Message"))
            else:
                told = json.loads(self.body)
                self.code = (kind or told.get("__type", "")).rpartition("#")[2]
                self.message = told.get("message") or told.get("Message") or ""
        except (ElementTree.ParseError, ValueError, AttributeError):
            self.message = self.body.decode("utf-8", "replace")


@pytest.fixture(scope="module")
def send(front: AwsServer) -> Send:
    """Sends a request as it is, signed, over one connection, which an answer that is not whole would break."""
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=PATIENCE_S)
    key = Credentials(own_key().id, own_key().secret)

    def run(service: str, request: Request) -> Answer:
        signed = AWSRequest(request.method, front.endpoint + request.path, data=request.body, headers=request.headers)
        (S3SigV4Auth if service == "s3" else SigV4Auth)(key, service, "eu-west-1").add_auth(signed)
        headers = {name: value.encode("latin-1") for name, value in signed.headers.items()}
        connection.request(request.method, request.path, request.body, headers)
        return Answer(service, request.method, connection.getresponse())

    return run


@pytest.fixture(scope="module")
def s3(aws: Any) -> Any:
    client = aws("s3")
    what_there_is(client, "words")
    return client


def what_there_is(s3: Any, bucket: str) -> Known:
    """A bucket with an object and an upload, for a request to be about."""
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=bucket, Key="key", Body=b"x")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    return {
        "Bucket": bucket, "Key": "key", "UploadId": upload, "CopySource": f"{bucket}/key",
        "LocationConstraint": "eu-west-1",
    }  # fmt: skip


def wrong_answers(send: Send, service: str, operation: str, known: Known) -> Iterator[tuple[Any, ...]]:
    """The requests that were not answered as AWS answers: taken, or answered with an error that is none of AWS's."""
    for request in malformed(service, operation, known):
        answer = send(service, request)
        assert answer.status not in (401, 403), answer.body
        is_told = request.method == "HEAD" or answer.status < 400 or bool(answer.code)
        if answer.status >= 500 or not is_told or (request.is_refused and answer.status < 400):
            yield request.about, request.path[:80], answer.status, answer.code, answer.message[:200]


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_each_member_of_a_wrong_kind_is_refused_and_none_ends_in_an_error_of_python(
    send: Send, s3: Any, service: str, operation: str
) -> None:
    bucket = operation.lower()
    known = what_there_is(s3, bucket) if service == "s3" else {}
    assert list(wrong_answers(send, service, operation, known)) == []
    if service == "s3" and not operation.startswith("Delete"):
        # Nothing was kept that breaks the calls after it.
        s3.put_object(Bucket=bucket, Key="after", Body=b"x")


GOOD = {
    "Bucket": "bucket", "Key": "a/key", "CopySource": "bucket/a%20key", "CopySourceRange": "bytes=0-1",
    "VersionId": "null", "Metadata": {"a": "b"},
    "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:f",
    "ResourceArn": "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/g",
} | dict.fromkeys(
    ("GrantRead", "GrantWrite", "GrantReadACP", "GrantWriteACP", "GrantFullControl"),
    'id="a", uri="http://acs.amazonaws.com/groups/global/AllUsers", emailAddress=a@example.org',
)  # fmt: skip


def environ_of(service: str, request: Request) -> dict[str, Any]:
    path, _, query = request.path.partition("?")
    signed_for = f"AWS4-HMAC-SHA256 Credential=a/20300101/eu-west-1/{service}/aws4_request"
    return {
        "REQUEST_METHOD": request.method, "PATH_INFO": unquote(path), "QUERY_STRING": query,
        "HTTP_AUTHORIZATION": signed_for, "wsgi.input": io.BytesIO(request.body),
        "CONTENT_LENGTH": str(len(request.body)),
    } | {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}  # fmt: skip


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_nothing_is_said_of_a_call_that_has_every_member_as_the_model_says(service: str, operation: str) -> None:
    shape = model(service, operation).input_shape
    members = {name: sample(each, name, GOOD, whole=True) for name, each in shape.members.items()} if shape else {}
    # A call has a list or a copy, and no list of S3 has both of these.
    environ = environ_of(service, good(service, operation, GOOD, **members))
    call = identify(environ)
    asked = environ["QUERY_STRING"]
    assert (call.operation, complaint_before(call, environ)) == (operation, None)
    assert environ["QUERY_STRING"] == asked
    payload = shape and shape.serialization.get("payload")
    if service == "s3" and payload and shape.members[payload].type_name == "structure":
        whole = ElementTree.tostring(document(shape.members[payload], GOOD))
        assert complaint_of_document(operation, whole) is None


@pytest.mark.parametrize(
    ("service", "method", "path", "headers", "body", "code", "told"),
    [
        ("s3", "GET", "/words?max-keys=x", {}, b"", "InvalidArgument", "Provided max-keys not an integer or within"),
        ("s3", "GET", "/words?max-keys=-1", {}, b"", "InvalidArgument", "maxKeys must be an integer between 0 and"),
        ("s3", "GET", "/?max-buckets=0", {}, b"", "InvalidArgument", "max-buckets must be an integer between 1 and 10"),
        ("s3", "GET", "/words?encoding-type=x", {}, b"", "InvalidArgument", "Invalid Encoding Method specified in Req"),
        ("s3", "GET", "/words/key", {"x-amz-checksum-mode": "x"}, b"", "InvalidRequest", "x-amz-checksum-mode header"),
        ("s3", "GET", "/words/key?versionId=", {}, b"", "InvalidArgument", "Version id cannot be the empty string"),
        ("s3", "GET", "/words?list-type=2&continuation-token=x", {}, b"", "InvalidArgument", "continuation token"),
        ("s3", "PUT", "/words/key", {"x-amz-storage-class": "x"}, b"", "InvalidStorageClass", "storage class you spec"),
        ("s3", "PUT", "/words/key", {"x-amz-grant-read": "x"}, b"", "InvalidArgument", "Argument format not recogni"),
        ("s3", "PUT", "/words/key", {"x-amz-copy-source": "x"}, b"", "InvalidArgument", "must mention the source"),
        ("s3", "PUT", "/words?tagging", {}, b"<Tagging>", "MalformedXML", "not well-formed or did not validate"),
        ("s3", "PUT", "/words?tagging", {}, b"<Other/>", "MalformedXML", "not well-formed or did not validate"),
        ("s3", "PUT", "/words?tagging", {}, b"", "MissingRequestBodyError", "Request Body is empty"),
        ("s3", "PUT", "/words?versioning", {}, NO_STATUS, "IllegalVersioningConfigurationException", "Versioning"),
        ("s3", "PUT", "/words?policy", {}, b"x", "MalformedPolicy", "Policies must be valid JSON"),
        ("s3", "DELETE", "/words/absent?tagging", {}, b"", "NoSuchKey", "The specified key does not exist"),
        ("lambda", "GET", "/2015-03-31/functions?MaxItems=x", {}, b"", "SerializationException", "x cannot be conv"),
        ("lambda", "GET", "/2015-03-31/functions?MaxItems=0", {}, b"", "ValidationException", "greater than or equal"),
        ("lambda", "GET", "/2018-10-31/layers/l/versions/x", {}, b"", "SerializationException", "x cannot be conv"),
        ("lambda", "POST", "/2015-03-31/functions", {}, b'{"Timeout": "x"}', "SerializationException", "to Integer"),
        ("scheduler", "GET", "/schedules?State=x", {}, b"", "ValidationException", "enum value set: [ENABLED"),
        ("scheduler", "POST", "/schedules/s", {}, b"x", "SerializationException", "is not JSON"),
    ],
)  # fmt: skip
def test_it_is_told_as_aws_tells_it(
    send: Send, s3: Any, service: str, method: str, path: str, headers: dict[str, str], body: bytes, code: str,
    told: str,
) -> None:  # fmt: skip
    answer = send(service, Request("", method, path, headers, body))
    assert (answer.status, answer.code) == (404 if code == "NoSuchKey" else 400, code)
    assert told in answer.message


def test_what_s3_ignores_changes_no_answer(send: Send, s3: Any) -> None:
    what_there_is(s3, "ignored")
    listed = send("s3", Request("", "GET", "/ignored?max-keys=&list-type=2&prefix=k", {}, b""))
    assert (listed.status, b"<Key>key</Key>" in listed.body, b"<Prefix>k</Prefix>" in listed.body) == (200, True, True)
    assert send("s3", Request("", "GET", "/ignored/key", {"If-Modified-Since": "x"}, b"")).status == 200
    later = "Friday, 01-Jan-99 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 +0000"
    assert send("s3", Request("", "GET", "/ignored/key", {"If-Unmodified-Since": later[1]}, b"")).status == 200
    assert send("s3", Request("", "GET", "/ignored/key", {"If-Unmodified-Since": later[0]}, b"")).status == 412


@pytest.mark.parametrize(
    "header", [{"Content-Length": "x"}, {"Content-Length": "-5"}, {"Transfer-Encoding": "chunked"}]
)
def test_a_body_whose_end_cannot_be_told_is_refused_and_the_connection_closed(
    front: AwsServer, header: dict[str, str]
) -> None:
    request = AWSRequest("PUT", f"{front.endpoint}/ignored/key", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    S3SigV4Auth(Credentials(own_key().id, own_key().secret), "s3", "eu-west-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=PATIENCE_S)
    connection.putrequest("PUT", "/ignored/key", skip_accept_encoding=True)
    for name, value in [*request.headers.items(), *header.items()]:
        connection.putheader(name, value)
    connection.endheaders(b"no chunk\r\n" if "Transfer-Encoding" in header else None)
    answer = connection.getresponse()
    assert (answer.status, b"<Code>BadRequest</Code>" in answer.read()) == (400, True)
    assert connection.sock.recv(1) == b""
