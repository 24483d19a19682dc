"""Pages of what is only half there: an empty lake, a batch that has just begun, what was taken away since."""

from __future__ import annotations

import json

import pytest

from pipeline.core.clients import client
from pipeline.lake.settings import Setting
from pipeline.operate.health import HealthReader
from tests.console.conftest import LooksEachTime

PAGES = (
    "datasets",
    "schedules",
    "feeds",
    "forecasts",
    "executions",
    "machines/a",
    "machines/b",
    "browse",
    "objects",
    "queues",
    "query",
    "logs",
    "glossary",
    "search",
)
EMPTY = ("/", "/search", *(f"/{page}" for page in PAGES))


@pytest.mark.parametrize("path", EMPTY)
def test_an_empty_lake_has_all_its_pages(visitor, lake, path):
    assert visitor.document(path)["title"]


def test_a_dataset_without_batches_or_with_one_that_has_just_begun_has_its_pages(
    visitor, orders, lake, console, monkeypatch
):
    monkeypatch.setattr(console, "health", LooksEachTime(HealthReader().read))
    assert visitor.document(f"/datasets/{orders.name}")["batches"] == []
    batch = orders.open(orders.stage("begun.csv"))
    assert visitor.document(f"/batches/{batch}")["verdict"] is None
    (line,) = visitor.document("/datasets")["datasets"]
    assert line["last"]["batch"] == batch


def test_a_table_that_was_taken_away_leaves_its_dataset_readable(visitor, orders):
    database, _, name = orders.work.table.partition(".")
    client("glue").delete_table(DatabaseName=database, Name=name)
    assert visitor.document(f"/datasets/{orders.name}")["table"] is None


def test_an_object_that_was_deleted_from_the_bucket_keeps_its_story(visitor, orders, lake):
    obj = orders.register(orders.drop("deleted.csv"))
    client("s3").delete_object(Bucket=obj.bucket, Key=obj.key, VersionId=obj.version_id)
    assert visitor.document("/object", uri=obj.uri)["title"]
    assert visitor.get("/download", params={"uri": obj.uri, "version": obj.version_id}).status_code in (404, 409, 410)


@pytest.fixture(scope="module")
def another(lake):
    """A bucket that is not the lake's, with an object."""
    client("s3").create_bucket(Bucket="another-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client("s3").put_object(Bucket="another-bucket", Key="x", Body=b"another's secret")


@pytest.mark.parametrize(
    "uri",
    [
        "s3://another-bucket/x",
        "s3:///x",
        "file:///etc/passwd",
        "../../etc/passwd",
        "s3://lake-raw-bucket/../other-bucket/x",
        "s3://lake-raw-bucket",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/object", "/download"])
def test_nothing_but_the_lakes_own_objects_is_shown(visitor, another, path, uri):
    answer = visitor.get(path, params={"uri": uri})
    assert "another's secret" not in answer.text
    assert answer.status_code < 500
    assert path == "/object" or answer.status_code >= 400


def test_an_execution_of_odd_input_has_its_page(visitor, lake):
    machine = lake.settings[Setting.STAGE_B_MACHINE]
    for number, document in enumerate([[], 1, "text", {"objects": "none"}, {"dataset": 3, "objects": [1]}]):
        name = f"odd-{number}"
        client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input=json.dumps(document))
        assert visitor.document(f"/executions/{name}")["title"] == name
    assert visitor.document("/executions")["executions"]


def test_an_execution_that_names_no_objects_is_not_sent_back(visitor, lake):
    machine = lake.settings[Setting.STAGE_A_MACHINE]
    client("stepfunctions").start_execution(stateMachineArn=machine, name="nothing-in-it", input='["x"]')
    answer = visitor.post("/executions/nothing-in-it/redrive")
    assert (answer.status_code, "names no objects" in answer.text) == (409, True)
