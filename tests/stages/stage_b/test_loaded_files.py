"""What was staged of versions that are loaded already is only compared with: where it is gone, nothing is said."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.core.objects import ObjectVersion
from pipeline.lake.messages.manifest import Manifest, StagedObject
from stages.stage_b.jobs.batch_manifest import inspect_loaded


class Refusing:
    """S3 that answers an error."""

    def __init__(self, code: str) -> None:
        self.code = code

    def get_object(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code}}, "GetObject")


@pytest.mark.parametrize("code", ["NoSuchKey", "PreconditionFailed", "AccessDenied"])
def test_versions_whose_staged_files_have_expired_are_left_out(code: str):
    """A team's own role may list its folders alone: S3 says that it may not read what is not there."""
    obj = ObjectVersion("raw", "shop/orders/a.csv", "v1")
    loaded = StagedObject(obj, "1|0|shop/orders/a.csv|v1", "s3://staging/shop/orders/x.parquet", "e", 1)
    assert inspect_loaded(Refusing(code), Manifest("b", {}, "t", (), (loaded,))) == []
