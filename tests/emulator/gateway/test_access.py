"""Who is answered: whoever signs with the lake's key, under this machine's names; and no page of a browser."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pipeline.cli.embedded import signed
from pipeline.core.lake_key import LakeKey, own_key
from pipeline.emulator.gateway.server import AwsServer
from tests.patience import PATIENCE_S

REGION = "eu-west-1"
SERVICES = {
    "s3": ("list_buckets", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
    "glue": (
        "get_jobs",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
    ),
    # Nothing but its signature says that a request is Lambda's: one without is taken for S3's.
    "lambda": (
        "list_functions",
        "",
        "UnrecognizedClientException",
        "InvalidSignatureException",
    ),
    "sns": ("list_topics", "MissingAuthenticationToken", "InvalidClientTokenId", "SignatureDoesNotMatch"),
}


def client(front: AwsServer, service: str, key: LakeKey | None = None, **config: Any) -> Any:
    key = key or own_key()
    s3 = {"addressing_style": "path", **config.pop("s3", {})}
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=front.endpoint,
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
        config=Config(retries={"total_max_attempts": 1}, s3=s3, **config),
    )


def ask(
    front: AwsServer, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=PATIENCE_S)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@pytest.fixture(scope="module")
def bucket(front: AwsServer) -> str:
    client(front, "s3").create_bucket(Bucket="guarded", CreateBucketConfiguration={"LocationConstraint": REGION})
    return "guarded"


@pytest.mark.parametrize("service", SERVICES)
def test_who_has_no_key_or_another_is_told_so_as_aws_does_and_what_to_do(front: AwsServer, service: str) -> None:
    operation, missing, unknown, wrong = SERVICES[service]
    from botocore import UNSIGNED

    for expected, made in (
        (missing, client(front, service, signature_version=UNSIGNED)),
        (unknown, client(front, service, LakeKey.make())),
        (wrong, client(front, service, LakeKey(own_key().id, LakeKey.make().secret))),
    ):
        with pytest.raises(ClientError) as told:
            getattr(made, operation)()
        if not expected:
            assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
            continue
        error = told.value.response["Error"]
        assert error["Code"] == expected
        assert "sluice env" in error["Message"]
    getattr(client(front, service), operation)()


KEYS = ["a b+c.csv", "a//b", "ä/ü €.csv", "%2F/..%41", "plus+sign=1&x", "tilde~(1)'!*", "a/./b/../c", "x" * 900]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("version", [None, "s3v4"])
def test_keys_of_all_kinds_are_put_got_listed_and_presigned(
    front: AwsServer, bucket: str, key: str, version: str | None
) -> None:
    s3 = client(front, "s3", signature_version=version)
    s3.put_object(Bucket=bucket, Key=key, Body=b"1", Metadata={"under_score": "a  b"})
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"1"
    assert key in [found["Key"] for found in s3.list_objects_v2(Bucket=bucket, Prefix=key[:3])["Contents"]]
    got = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}, ExpiresIn=60)
    with urllib.request.urlopen(got) as answer:
        assert answer.read() == b"1"
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": key}, ExpiresIn=60)
    urllib.request.urlopen(urllib.request.Request(put, b"2", {"Content-Type": ""}, method="PUT")).close()
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"2"


@pytest.mark.parametrize("payload", [True, False])
def test_bodies_are_sent_hashed_unsigned_or_with_a_trailing_checksum(
    front: AwsServer, bucket: str, payload: bool
) -> None:
    s3 = client(front, "s3", s3={"payload_signing_enabled": payload})
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x" * 70_000)
    s3.put_object(Bucket=bucket, Key="checked", Body=b"y" * 70_000, ChecksumAlgorithm="SHA256")
    assert len(s3.get_object(Bucket=bucket, Key="checked")["Body"].read()) == 70_000


def test_a_body_that_is_not_the_signed_one_is_refused(front: AwsServer, bucket: str) -> None:
    path = f"/{bucket}/changed"
    headers = sign_s3(front, "PUT", path, b"signed")
    assert ask(front, "PUT", path, b"forged", **headers)[0] == 403
    assert ask(front, "PUT", path, b"signed", **headers)[0] == 200


def sign_s3(front: AwsServer, method: str, path: str, body: bytes, key: LakeKey | None = None) -> dict[str, str]:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    key = key or own_key()
    request = AWSRequest(method, front.endpoint + path, data=body)
    S3SigV4Auth(Credentials(key.id, key.secret), "s3", REGION).add_auth(request)
    return dict(request.headers.items())


def test_a_signature_is_for_its_request_alone(front: AwsServer, bucket: str) -> None:
    headers = sign_s3(front, "GET", "/", b"")
    assert ask(front, "GET", "/", **headers)[0] == 200
    assert ask(front, "GET", f"/{bucket}", **headers)[0] == 403
    assert ask(front, "GET", "/?x=1", **headers)[0] == 403
    assert ask(front, "DELETE", "/", **headers)[0] == 403
    assert ask(front, "GET", "/", **{**headers, "x-amz-expected-bucket-owner": "1"})[0] == 403


@pytest.mark.parametrize("version", [None, "s3v4"])
def test_a_presigned_address_is_for_one_object_and_expires(
    front: AwsServer, bucket: str, version: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = client(front, "s3", signature_version=version)
    s3.put_object(Bucket=bucket, Key="secret", Body=b"s")
    put = urlsplit(s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "mine"}, ExpiresIn=60))
    copied = ask(front, "PUT", f"{put.path}?{put.query}", x_amz_copy_source=f"{bucket}/secret")
    assert copied[0] == 403
    got = urlsplit(s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "mine"}, ExpiresIn=1))
    time.sleep(2.5)
    status, _, told = ask(front, "GET", f"{got.path}?{got.query}")
    assert (status, b"expired" in told) == (403, True)
    assert ask(front, "GET", f"/{bucket}/secret?{put.query}")[0] == 403


def test_a_session_that_the_key_was_given_signs_too_with_its_token(front: AwsServer) -> None:
    given = client(front, "sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/r", RoleSessionName="session")
    found = given["Credentials"]
    session = {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"]}
    place = {"region_name": REGION, "endpoint_url": front.endpoint}
    assert "Buckets" in boto3.client("s3", **session, **place, aws_session_token=found["SessionToken"]).list_buckets()
    with pytest.raises(ClientError):
        boto3.client("s3", **session, **place, aws_session_token="another").list_buckets()


FORGED = [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "evil.example:4580"},
    {"Host": "moto-api.amazonaws.com"},
    {"Origin": "http://127.0.0.1:4590"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Mode": "no-cors"},
    {"Referer": "http://localhost/"},
    {"Cookie": "a=b"},
    {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "eA=="},
    {"Access-Control-Request-Method": "PUT"},
]


@pytest.mark.parametrize("forged", FORGED, ids=str)
def test_what_a_page_sends_is_refused_even_when_it_is_signed(front: AwsServer, forged: dict[str, str]) -> None:
    headers = sign_s3(front, "GET", "/", b"")
    assert ask(front, "GET", "/", **headers)[0] == 200
    status, answered, told = ask(front, "GET", "/", **{**headers, **forged})
    assert (status, answered["content-type"]) == (403, "text/plain; charset=utf-8"), told
    assert not [name for name in answered if name.startswith("access-control")]


def test_nothing_is_said_to_a_preflight_and_no_answer_admits_another_origin(front: AwsServer, bucket: str) -> None:
    status, headers, _ = ask(front, "OPTIONS", f"/{bucket}/x", **sign_s3(front, "OPTIONS", f"/{bucket}/x", b""))
    assert (status, [name for name in headers if "access-control" in name]) == (403, [])
    _, headers, _ = ask(front, "GET", "/", **sign_s3(front, "GET", "/", b""))
    assert not [name for name in headers if "access-control" in name]


@pytest.mark.parametrize("path", ["/moto-api/", "/moto-api/reset", "/moto-api/data.json", "/latest/meta-data/iam"])
def test_what_moto_serves_beside_aws_is_not_there_even_with_the_key(front: AwsServer, path: str) -> None:
    for method in ("GET", "POST"):
        assert ask(front, method, path)[0] == 403
        assert ask(front, method, path, **signed(method, front.endpoint + path))[0] == 404


@pytest.mark.parametrize(("path", "method"), [("health", "GET"), ("calls", "GET"), ("calls", "DELETE"), ("x", "GET")])
def test_the_private_paths_need_the_key(front: AwsServer, path: str, method: str) -> None:
    assert ask(front, method, f"/_sluice/{path}")[0] == 403
    headers = signed(method, f"{front.endpoint}/_sluice/{path}", LakeKey.make())
    assert ask(front, method, f"/_sluice/{path}", **headers)[0] == 403
    headers = signed(method, f"{front.endpoint}/_sluice/{path}")
    assert ask(front, method, f"/_sluice/{path}", **headers)[0] == (404 if path == "x" else 200)


def test_a_space_that_was_signed_escaped_may_be_sent_as_plus(front: AwsServer, bucket: str) -> None:
    path = f"/{bucket}?list-type=2&prefix=out%20dir%2F"
    headers = sign_s3(front, "GET", path, b"")
    assert ask(front, "GET", path.replace("%20", "+"), **headers)[0] == 200
    assert ask(front, "GET", path.replace("%20", "-"), **headers)[0] == 403


def test_a_body_of_a_stranger_is_not_read(front: AwsServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=PATIENCE_S)
    connection.putrequest("PUT", "/b/k")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    assert connection.getresponse().status == 403


def test_curl_signs_as_the_sdks_do(front: AwsServer, bucket: str) -> None:
    key = own_key()
    command = ["curl", "-sS", "--aws-sigv4", f"aws:amz:{REGION}:s3", "--config", "-"]
    command += ["-X", "PUT", "--data-binary", "hello", "-H", "Content-Type: text/plain"]
    config = f'user = "{key.id}:{key.secret}"\nheader = "x-amz-content-sha256: UNSIGNED-PAYLOAD"\n'
    done = subprocess.run([*command, f"{front.endpoint}/{bucket}/curl"], input=config, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert client(front, "s3").get_object(Bucket=bucket, Key="curl")["Body"].read() == b"hello"


def test_the_key_of_a_lake_is_random_and_shown_by_no_text_of_it() -> None:
    one, other = LakeKey.make(), LakeKey.make()
    assert one.secret != other.secret
    assert one.id != other.id
    assert one.secret not in repr(one)
    assert json.dumps(one.variables())
    assert LakeKey.of(one.variables()) == one
    assert LakeKey.of({"AWS_ACCESS_KEY_ID": "AKIA" + "A" * 16, "AWS_SECRET_ACCESS_KEY": "x"}) is None
