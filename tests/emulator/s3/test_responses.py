"""Conditional writes, concurrency, limits of S3; and that deleted objects leave memory."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

BUCKET = "things"


@pytest.fixture(scope="module")
def s3(aws):
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


def code(error):
    return error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


def upload(s3, key):
    upload_id = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload_id, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    return {"Bucket": BUCKET, "Key": key, "UploadId": upload_id, "MultipartUpload": parts}


def test_concurrent_overwrites_of_one_key_all_succeed(s3):
    with ThreadPoolExecutor(8) as pool:
        writes = [pool.submit(s3.put_object, Bucket=BUCKET, Key="same", Body=b"x" * 100) for _ in range(80)]
        reads = [pool.submit(lambda: s3.get_object(Bucket=BUCKET, Key="same")["Body"].read()) for _ in range(40)]
        writes[0].result()
        lists = [pool.submit(s3.list_objects_v2, Bucket=BUCKET) for _ in range(20)]
        for future in writes + lists:
            future.result()
        errors = [str(read.exception()) for read in reads if read.exception()]
    assert all("NoSuchKey" in error for error in errors)


def test_of_concurrent_creations_exactly_one_wins(s3):
    def create(number):
        try:
            s3.put_object(Bucket=BUCKET, Key="once", Body=str(number).encode(), IfNoneMatch="*")
            return number
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
                raise
            return None

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(create, range(24)) if number is not None]
    assert len(winners) == 1
    assert s3.get_object(Bucket=BUCKET, Key="once")["Body"].read() == str(winners[0]).encode()


def test_a_put_with_another_etag_is_a_failed_precondition(s3):
    etag = s3.put_object(Bucket=BUCKET, Key="matched", Body=b"1")["ETag"]
    s3.put_object(Bucket=BUCKET, Key="matched", Body=b"2", IfMatch=etag)
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=BUCKET, Key="matched", Body=b"3", IfMatch=etag)
    assert code(refused) == ("PreconditionFailed", 412)


def test_completing_an_upload_onto_an_existing_key_is_refused_if_none_may_match(s3):
    completion = upload(s3, "taken")
    s3.put_object(Bucket=BUCKET, Key="taken", Body=b"first")
    with pytest.raises(ClientError) as refused:
        s3.complete_multipart_upload(**completion, IfNoneMatch="*")
    assert code(refused) == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=BUCKET, Key="taken")["Body"].read() == b"first"


def test_completing_an_upload_honours_if_match(s3):
    completion = upload(s3, "current")
    etag = s3.put_object(Bucket=BUCKET, Key="current", Body=b"first")["ETag"]
    with pytest.raises(ClientError) as refused:
        s3.complete_multipart_upload(**completion, IfMatch='"0123"')
    assert code(refused) == ("PreconditionFailed", 412)
    s3.complete_multipart_upload(**completion, IfMatch=etag)


def test_completing_twice_is_success_and_an_unknown_upload_is_404(s3):
    completion = upload(s3, "twice")
    first = s3.complete_multipart_upload(**completion)
    assert s3.complete_multipart_upload(**completion)["ETag"] == first["ETag"]
    with pytest.raises(ClientError) as unknown:
        s3.complete_multipart_upload(**completion | {"UploadId": "unknown"})
    assert code(unknown) == ("NoSuchUpload", 404)
    with pytest.raises(ClientError) as gone:
        s3.upload_part(Bucket=BUCKET, Key="twice", UploadId="unknown", PartNumber=1, Body=b"x")
    assert code(gone) == ("NoSuchUpload", 404)


def test_a_key_may_have_1024_bytes_and_no_more(s3):
    s3.put_object(Bucket=BUCKET, Key="ü" * 512, Body=b"x")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=BUCKET, Key="ü" * 512 + "a", Body=b"x")
    assert code(refused) == ("KeyTooLongError", 400)


def test_a_deleted_object_leaves_memory(s3):
    from moto.s3.models import s3_backends

    s3.put_object(Bucket=BUCKET, Key="forgotten", Body=b"x")
    kept = weakref.ref(s3_backends["123456789012"]["aws"].get_object(BUCKET, "forgotten"))
    assert kept() is not None
    s3.delete_object(Bucket=BUCKET, Key="forgotten")
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("written", ["x", "0-3", "items=0-3", "bytes=a-b", "bytes=1-2=3", "bytes=-", "bytes=0-1,3-4"])
def test_what_is_no_range_is_answered_with_the_whole_object(s3, written):
    s3.put_object(Bucket=BUCKET, Key="ranged", Body=b"0123456789")
    got = s3.get_object(Bucket=BUCKET, Key="ranged", Range=written)
    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read()) == (200, b"0123456789")
    assert s3.head_object(Bucket=BUCKET, Key="ranged", Range=written)["ContentLength"] == 10


@pytest.mark.parametrize(("written", "content"), [("bytes=2-4", b"234"), ("bytes=-3", b"789"), ("bytes=7-", b"789")])
def test_a_range_is_answered_with_that_part(s3, written, content):
    s3.put_object(Bucket=BUCKET, Key="ranged", Body=b"0123456789")
    got = s3.get_object(Bucket=BUCKET, Key="ranged", Range=written)
    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read()) == (206, content)


def test_a_copy_keeps_its_conditions_on_what_it_copies_and_on_what_it_replaces(s3):
    etag = s3.put_object(Bucket=BUCKET, Key="from", Body=b"1")["ETag"]
    copy = {"Bucket": BUCKET, "Key": "copied", "CopySource": {"Bucket": BUCKET, "Key": "from"}}
    s3.copy_object(**copy, IfNoneMatch="*", CopySourceIfMatch=etag)
    for conditions in ({"IfNoneMatch": "*"}, {"IfMatch": '"other"'}, {"CopySourceIfMatch": '"other"'}):
        with pytest.raises(ClientError) as refused:
            s3.copy_object(**copy, **conditions)
        assert code(refused) == ("PreconditionFailed", 412)
    s3.copy_object(**copy, IfMatch=etag)
    with pytest.raises(ClientError) as refused:
        s3.copy_object(**{**copy, "Key": "nothing"}, IfMatch=etag)
    assert code(refused) == ("NoSuchKey", 404)
