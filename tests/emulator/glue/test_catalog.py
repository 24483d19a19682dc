"""UpdateTable compares and sets, so that no Iceberg commit is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException

from pipeline.core.lake_key import own_key
from tests.patience import PATIENCE_S

WRITERS = 8


@pytest.fixture(scope="module")
def database(aws):
    aws("s3").create_bucket(Bucket="warehouse", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws("glue").create_database(DatabaseInput={"Name": "db"})
    return "db"


def catalog(front):
    return load_catalog(
        "glue",
        **{
            "type": "glue",
            "warehouse": "s3://warehouse/",
            "glue.endpoint": front.endpoint,
            "s3.endpoint": front.endpoint,
            "s3.force-virtual-addressing": "false",
            "client.region": "eu-west-1",
            "client.access-key-id": own_key().id,
            "client.secret-access-key": own_key().secret,
        },
    )


def test_an_update_of_an_older_version_is_refused(aws, database):
    glue = aws("glue")
    table = {"Name": "plain", "Parameters": {"n": "0"}}
    glue.create_table(DatabaseName=database, TableInput=table)
    version = glue.get_table(DatabaseName=database, Name="plain")["Table"]["VersionId"]
    glue.update_table(DatabaseName=database, TableInput=table | {"Parameters": {"n": "1"}}, VersionId=version)
    with pytest.raises(ClientError) as refused:
        glue.update_table(DatabaseName=database, TableInput=table | {"Parameters": {"n": "2"}}, VersionId=version)
    assert refused.value.response["Error"]["Code"] == "ConcurrentModificationException"
    found = glue.get_table(DatabaseName=database, Name="plain")["Table"]
    assert found["Parameters"]["n"] == "1"


def test_an_update_without_a_version_is_taken(aws, database):
    glue = aws("glue")
    glue.create_table(DatabaseName=database, TableInput={"Name": "loose"})
    for _ in range(3):
        glue.update_table(DatabaseName=database, TableInput={"Name": "loose"})


def test_eight_concurrent_appends_lose_no_row(front, database):
    rows = pa.table({"writer": pa.array([0], pa.int64())})
    catalog(front).create_table(
        (database, "appended"), schema=rows.schema, properties={"commit.retry.num-retries": "0"}
    )

    # All begin with the same version, so that all but the first must meet a conflict.
    loaded = threading.Barrier(WRITERS)

    def append(writer):
        table = catalog(front).load_table((database, "appended"))
        data = pa.table({"writer": pa.array([writer], pa.int64())})
        loaded.wait(PATIENCE_S)
        conflicts = 0
        while True:
            try:
                table.append(data)
                return conflicts
            except CommitFailedException:
                conflicts += 1
                table.refresh()

    with ThreadPoolExecutor(WRITERS) as pool:
        conflicts = sum(pool.map(append, range(WRITERS)))
    written = catalog(front).load_table((database, "appended")).scan().to_arrow()
    assert sorted(written["writer"].to_pylist()) == list(range(WRITERS))
    assert conflicts >= WRITERS - 1


def test_each_segment_of_the_partitions_is_read_once(aws):
    glue = aws("glue")
    glue.create_database(DatabaseInput={"Name": "segmented"})
    keys = {"Name": "t", "PartitionKeys": [{"Name": "a", "Type": "int"}], "StorageDescriptor": {"Columns": []}}
    glue.create_table(DatabaseName="segmented", TableInput=keys)
    table = {"DatabaseName": "segmented", "TableName": "t"}
    values = [str(number) for number in range(7)]
    for value in values:
        glue.create_partition(**table, PartitionInput={"Values": [value], "StorageDescriptor": {"Columns": []}})
    found = [
        [
            p["Values"][0]
            for p in glue.get_partitions(**table, Segment={"SegmentNumber": n, "TotalSegments": 3})["Partitions"]
        ]
        for n in range(3)
    ]
    assert sorted(value for segment in found for value in segment) == values
    assert max(map(len, found)) < len(values)
    with pytest.raises(glue.exceptions.InvalidInputException):
        glue.get_partitions(**table, Segment={"SegmentNumber": 3, "TotalSegments": 3})
