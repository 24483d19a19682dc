"""Crawlers look at the files of a table, show how they stand, and refuse a second start."""

from __future__ import annotations

import io
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from pipeline.emulator.glue import crawlers, crawls
from tests.patience import PATIENCE_S

_numbers = itertools.count()
SERDE = {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}


class Crawled:
    """A table in a bucket, and its crawler."""

    def __init__(self, aws: Any, **crawler: Any) -> None:
        self.glue, self.s3 = aws("glue"), aws("s3")
        self.name = f"t{next(_numbers)}"
        storage = {"Columns": [{"Name": "id", "Type": "bigint"}], "Location": f"s3://crawled/{self.name}/rows/"}
        keys = [{"Name": "batch_id", "Type": "string"}]
        table = {"Name": self.name, "StorageDescriptor": {**storage, "SerdeInfo": SERDE}, "PartitionKeys": keys}
        self.glue.create_table(DatabaseName="crawled", TableInput=table)
        targets = {"CatalogTargets": [{"DatabaseName": "crawled", "Tables": [self.name]}]}
        self.glue.create_crawler(**{"Name": self.name, "Role": "role", "Targets": targets, **crawler})

    def put(self, place: str, **columns: Any) -> None:
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns), buffer)
        self.s3.put_object(Bucket="crawled", Key=f"{self.name}/rows/{place}", Body=buffer.getvalue())

    def state(self) -> str:
        return str(self.glue.get_crawler(Name=self.name)["Crawler"]["State"])

    def crawl(self) -> dict[str, Any]:
        self.glue.start_crawler(Name=self.name)
        return self.last()

    def last(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE_S
        while self.state() != "READY":
            assert time.monotonic() < until
            time.sleep(0.05)
        return dict(self.glue.get_crawler(Name=self.name)["Crawler"]["LastCrawl"])

    def columns(self) -> dict[str, str]:
        storage = self.glue.get_table(DatabaseName="crawled", Name=self.name)["Table"]["StorageDescriptor"]
        return {each["Name"]: each["Type"] for each in storage["Columns"]}

    def partitions(self) -> dict[str, str]:
        found = self.glue.get_partitions(DatabaseName="crawled", TableName=self.name)["Partitions"]
        return {each["Values"][0]: each["StorageDescriptor"]["Location"] for each in found}


@pytest.fixture(scope="module", autouse=True)
def _place(aws: Any, front: Any) -> Iterator[None]:
    aws("s3").create_bucket(Bucket="crawled", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws("glue").create_database(DatabaseInput={"Name": "crawled"})
    end = crawlers.crawl_at(front.endpoint, "eu-west-1")
    yield
    end()


def test_columns_and_partitions_are_those_of_the_files(aws: Any) -> None:
    table = Crawled(aws)
    assert table.state() == "READY"
    assert "LastCrawl" not in table.glue.get_crawler(Name=table.name)["Crawler"]
    table.put("batch_id=A/1.parquet", id=[1], name=["a"], inner=[{"x": 1.5, "y": [True]}])
    table.put("batch_id=A/2.parquet", id=[2])
    table.put("batch_id=B/1.parquet", id=pa.array([3]), day=pa.array([0], pa.date32()))
    # What begins so is no data.
    table.put("batch_id=B/_temporary/0.parquet", other=[1])
    assert table.crawl()["Status"] == "SUCCEEDED"
    wanted = {"id": "bigint", "name": "string", "inner": "struct<x:double,y:array<boolean>>", "day": "date"}
    assert table.columns() == wanted
    rows = f"s3://crawled/{table.name}/rows/"
    assert table.partitions() == {"A": f"{rows}batch_id=A/", "B": f"{rows}batch_id=B/"}
    assert table.crawl()["Status"] == "SUCCEEDED"
    assert (table.columns(), len(table.partitions())) == (wanted, 2)


def test_files_of_two_schemas_fail_the_crawl_and_make_no_second_table(aws: Any) -> None:
    table = Crawled(aws)
    table.put("batch_id=A/1.parquet", id=[1], amount=[1])
    table.put("batch_id=A/2.parquet", id=[2], amount=["one"])
    last = table.crawl()
    assert last["Status"] == "FAILED"
    assert "column amount is bigint in" in last["ErrorMessage"]
    assert "and string in" in last["ErrorMessage"]
    assert (table.columns(), table.partitions()) == ({"id": "bigint"}, {})
    named = [each["Name"] for each in table.glue.get_tables(DatabaseName="crawled")["TableList"]]
    assert [name for name in named if name.startswith(table.name) and name != table.name] == []


@pytest.mark.parametrize(
    ("place", "body", "message"),
    [
        ("other/1.parquet", None, "lies in folders of ['partition_0'], and"),
        ("batch_id=A/1.parquet", b"no Parquet at all", "is no Parquet file"),
    ],
)
def test_what_is_no_part_of_the_table_fails_the_crawl(aws: Any, place: str, body: bytes | None, message: str) -> None:
    table = Crawled(aws)
    if body is None:
        table.put(place, id=[1])
    else:
        table.s3.put_object(Bucket="crawled", Key=f"{table.name}/rows/{place}", Body=body)
    last = table.crawl()
    assert (last["Status"], message in last["ErrorMessage"]) == ("FAILED", True), last


def test_a_crawler_that_runs_refuses_a_second_start_and_one_that_is_stopped_enters_nothing(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Crawled(aws)
    table.put("batch_id=A/1.parquet", id=[1])
    looking, go_on, schema_of = threading.Event(), threading.Event(), crawls.schema_of

    def slowly(*arguments: Any) -> dict[str, str]:
        looking.set()
        assert go_on.wait(PATIENCE_S)
        return schema_of(*arguments)

    monkeypatch.setattr(crawls, "schema_of", slowly)
    table.glue.start_crawler(Name=table.name)
    assert looking.wait(PATIENCE_S)
    assert table.state() == "RUNNING"
    for refused in (table.glue.start_crawler, table.glue.update_crawler):
        with pytest.raises(table.glue.exceptions.CrawlerRunningException):
            refused(Name=table.name)
    table.glue.stop_crawler(Name=table.name)
    assert table.state() == "STOPPING"
    with pytest.raises(table.glue.exceptions.CrawlerRunningException):
        table.glue.start_crawler(Name=table.name)
    go_on.set()
    assert table.last()["Status"] == "CANCELLED"
    assert table.partitions() == {}
    with pytest.raises(table.glue.exceptions.CrawlerNotRunningException):
        table.glue.stop_crawler(Name=table.name)


@pytest.mark.parametrize(
    "asked",
    [
        {"Targets": {"S3Targets": [{"Path": "s3://crawled/t/"}]}},
        {"Targets": {}},
        {"Schedule": "cron(0 6 * * ? *)"},
        {"SchemaChangePolicy": {"DeleteBehavior": "DELETE_FROM_DATABASE"}},
    ],
    ids=str,
)
def test_what_is_not_done_is_refused(aws: Any, asked: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="InvalidInput"):
        Crawled(aws, **asked)
