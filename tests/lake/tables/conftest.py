"""Tables on an embedded AWS without Spark, and faults on the way to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from pipeline.core.lake_key import own_key
from pipeline.emulator.gateway.server import AwsServer
from pipeline.lake.tables.iceberg import IcebergTables

LOCATION = "s3://curated"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    front = AwsServer(0, tmp_path_factory.mktemp("front"))
    front.start()
    yield front.endpoint
    front.stop()


@pytest.fixture(scope="module")
def catalog(endpoint: str) -> Any:
    import boto3
    from pyiceberg.catalog import load_catalog

    key = own_key()
    names = {
        "client.region": "eu-west-1",
        "client.access-key-id": key.id,
        "client.secret-access-key": key.secret,
    }
    s3 = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-west-1",
    )
    s3.create_bucket(Bucket="curated", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    catalog = load_catalog("glue", **{"type": "glue", "glue.endpoint": endpoint, "s3.endpoint": endpoint, **names})
    catalog.create_namespace("lake")
    return catalog


@pytest.fixture
def tables(catalog: Any) -> IcebergTables:
    return IcebergTables(catalog, sleep=lambda _: None)


@pytest.fixture(scope="session")
def one_row() -> pa.Table:
    return pa.table({"i": pa.array([1], pa.int64())})
