"""Staged files that have expired: those of a batch are told, with what to do; of versions that are loaded already,
which are only compared with, nothing is said."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.core.clients import client
from pipeline.core.errors import Gone
from pipeline.core.objects import ObjectVersion
from pipeline.lake.messages.manifest import Manifest, StagedObject
from stages.stage_b.jobs.batch_manifest import inspect_loaded, inspect_staged
from tests.templates.test_transform_role import DATASET, bucket, may

FOLDER = f"{DATASET.team}/{DATASET.name.dataset}"


def staged(key: str) -> StagedObject:
    return StagedObject(ObjectVersion("raw", f"{FOLDER}/a.csv", "v1"), "1|0|a|v1", f"s3://staging/{key}", "e", 1)


class OfItsRole:
    """S3 as the role of a transform has it. Who may not list the whole bucket is told of what is not there that it must
    not be read (S3's reference of GetObject)."""

    def __init__(self) -> None:
        self.s3 = client("s3")

    def get_object(self, **given: Any) -> Any:
        try:
            return self.s3.get_object(**given)
        except self.s3.exceptions.NoSuchKey:
            if may("s3:ListBucket", bucket("staging")):
                raise
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject") from None

    def list_objects_v2(self, **given: Any) -> Any:
        if not may("s3:ListBucket", bucket("staging"), prefix=given["Prefix"]):
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListObjectsV2")
        return self.s3.list_objects_v2(**given)


class Refusing:
    """S3 that answers an error, whatever is there."""

    def __init__(self, code: str, there: str | None = None) -> None:
        self.code, self.there = code, there

    def get_object(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code}}, "GetObject")

    def list_objects_v2(self, **_: Any) -> Any:
        return {"Contents": [{"Key": self.there}]} if self.there else {}


@pytest.mark.parametrize("code", ["NoSuchKey", "PreconditionFailed", "AccessDenied"])
def test_versions_whose_staged_files_have_expired_are_left_out(code: str) -> None:
    manifest = Manifest("b", {}, "t", (), (staged(f"{FOLDER}/x.parquet"),))
    assert inspect_loaded(Refusing(code), manifest) == []


def test_a_staged_file_that_expired_is_told_under_the_rights_of_a_transform(aws: None) -> None:
    where = {"LocationConstraint": "eu-west-1"}
    client("s3").create_bucket(Bucket="staging", CreateBucketConfiguration=where)
    key = f"{FOLDER}/2026/11/30/x.parquet"
    client("s3").put_object(Bucket="staging", Key=f"{key}.new", Body=b"")
    with pytest.raises(Gone, match="is missing: it has expired") as gone:
        inspect_staged(OfItsRole(), Manifest("b", {}, "t", (staged(key),)))
    assert "sluice redrive --batch" in str(gone.value.hint)


def test_a_staged_file_that_is_there_and_must_not_be_read_has_not_expired() -> None:
    key = f"{FOLDER}/x.parquet"
    with pytest.raises(ClientError, match="AccessDenied"):
        inspect_staged(Refusing("AccessDenied", key), Manifest("b", {}, "t", (staged(key),)))
