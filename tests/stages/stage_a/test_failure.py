from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.core.settings import Settings
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from stages.stage_a.failure import fail_object

OBJECT = ObjectVersion("raw", "shop/orders/a.csv", "v1")
NAME = "shop-orders-0123"


@pytest.fixture
def lake(catalog_tables: dict[str, str]) -> Lake:
    topics = client("sns").create_topic(Name="team-shop")["TopicArn"].removesuffix("shop")
    return Lake(Settings({Setting.OBJECTS_TABLE: "ObjectsTable", Setting.TEAM_TOPICS: topics}, "the test"))


@pytest.fixture
def work(lake: Lake) -> StageAWork:
    found = lake.catalog.register(ObjectCreated(OBJECT, 1, "", 1000, "0A"), DatasetName("shop", "orders"))
    assert found
    return found


def inbox(lake: Lake) -> str:
    url = str(client("sqs").create_queue(QueueName="inbox")["QueueUrl"])
    arn = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("sns").subscribe(TopicArn=f"{lake.settings[Setting.TEAM_TOPICS]}shop", Protocol="sqs", Endpoint=arn)
    return url


def told(queue: str) -> list[dict[str, Any]]:
    messages = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(json.loads(message["Body"])["Message"]) for message in messages]


def test_a_bad_file_is_told_to_its_team_without_what_the_reason_quotes(lake: Lake, work: StageAWork):
    queue = inbox(lake)
    assert fail_object(lake, work, "shop/orders", Status.QUARANTINED, "begins with secret", execution=NAME) == {
        "status": "QUARANTINED"
    }
    [message] = told(queue)
    assert (message["event"], message["uri"], message["object"]) == ("object quarantined", OBJECT.uri, OBJECT.digest)
    assert "secret" not in json.dumps(message)
    assert lake.catalog.get(OBJECT).execution == NAME


@pytest.mark.parametrize("status", [Status.FAILED, Status.GONE])
def test_what_is_not_the_files_fault_is_an_alarm_and_no_message(lake: Lake, work: StageAWork, status: Status):
    queue = inbox(lake)
    assert fail_object(lake, work, "shop/orders", status, "x", execution=NAME) == {"status": status}
    assert told(queue) == []


def test_a_team_that_cannot_be_told_holds_up_nothing(lake: Lake, work: StageAWork, caplog: pytest.LogCaptureFixture):
    client("sns").delete_topic(TopicArn=f"{lake.settings[Setting.TEAM_TOPICS]}shop")
    fail_object(lake, work, "shop/orders", Status.QUARANTINED, "x", execution=NAME)
    assert lake.catalog.get(OBJECT).status is Status.QUARANTINED
    assert "team not told" in caplog.text


def test_what_the_reader_says_to_do_is_kept(lake: Lake, work: StageAWork):
    hint = "Is the delimiter ','?"
    fail_object(lake, work, "shop/orders", Status.QUARANTINED, "the header is a single cell", hint, execution=NAME)
    assert lake.catalog.get(OBJECT).hint == hint
