"""What is logged of an object from the raw bucket to its batch's end, and what its team is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.lake.catalog import Status
from pipeline.lake.settings import Setting

from .conftest import Datasetup, RunningLake, csv_text

CANARY = "canary4711"
CHECKED = {
    "stage_a": {"format": "csv", "columns": {"id": "string", "count": "bigint"}},
    "quality": {"ruleset": f'Rules = [ ColumnValues "id" != "{CANARY}-row" ]', "scope": "batch"},
}


@pytest.fixture(scope="module")
def inbox(running_lake: RunningLake) -> str:
    """A queue that hears what the team of the tests' datasets is told."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", running_lake.endpoint)
        for name, value in running_lake.key.variables().items():
            patch.setenv(name, value)
        client.cache_clear()
        queue = client("sqs").create_queue(QueueName="team-inbox")["QueueUrl"]
        running_lake.define(CHECKED)
        topic = f"{running_lake.lake.settings[Setting.TEAM_TOPICS]}tests"
        arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    client.cache_clear()
    return str(queue)


def told(queue: str, dataset: Datasetup) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while messages := client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
    return [message for message in found if message["dataset"] == str(dataset.name)]


def test_one_id_finds_all_that_was_logged_and_no_value_is(lake: RunningLake, inbox: str):
    dataset = lake.define(CHECKED)
    # A file without a header, whose first row is taken for names that nobody declared.
    dataset.drop("headless.csv", f"{CANARY}-header,{CANARY}-cell\n{CANARY}-more,1\n")
    dataset.drop("good.csv", csv_text("id,count", f"{CANARY}-row,1", f"x,{CANARY}-number"))
    lake.settle()
    headless, good = dataset.row("headless.csv"), dataset.row("good.csv")
    assert CANARY not in (headless.reason or CANARY)
    assert (headless.status, good.status, good.rows_bad) == (Status.QUARANTINED, Status.QUARANTINED, 1)
    [batch] = dataset.batches()

    found = json.loads(lake.sluice("logs", "--id", good.object.digest, "--json").stdout)
    services = {json.loads(line["message"]).get("service") for line in found if line["message"].startswith("{")}
    assert services >= {
        "ingest.route_raw_objects", "stage_a.transform_objects", "stage_a.complete_group", "stage_b.poll_dataset",
        "stage_b.standard", "stage_b.quality", "stage_b.quarantine_batch",
    }  # fmt: skip
    of_batch = json.loads(lake.sluice("logs", "--id", batch.id, "--json").stdout)
    assert {line["message"] for line in of_batch} < {line["message"] for line in found}
    every = lake.sluice("logs", "--since", "1h", "--json").stdout
    assert good.object.digest in every
    assert CANARY not in every

    messages = told(inbox, dataset)
    assert sorted(message["event"] for message in messages) == ["batch quarantined", "object quarantined"]
    by_event = {message["event"]: message for message in messages}
    assert by_event["object quarantined"]["object"] == headless.object.digest
    assert (by_event["batch quarantined"]["batch"], by_event["batch quarantined"]["objects"]) == (batch.id, 1)
    assert f"{CANARY}-header" not in json.dumps(messages)
