from __future__ import annotations

import json

import pytest

from pipeline.core.clients import client
from pipeline.core.errors import Transient
from pipeline.core.events.s3 import SendAgain, parse
from pipeline.core.executions import Execution
from pipeline.core.objects import ObjectVersion
from pipeline.core.queues import REASON
from pipeline.core.settings import Settings
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import Dataset, DatasetName
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from stages.ingest.route import route_raw_objects

OBJECT = ObjectVersion("raw", "shop/orders/a.csv", "v1")


@pytest.fixture
def lake(catalog_tables: dict[str, str]) -> Lake:
    queue, dead = (client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("raw", "raw-dead"))
    names = {
        Setting.OBJECTS_TABLE: "ObjectsTable",
        Setting.DATASETS_TABLE: "DatasetsTable",
        Setting.RAW_BUCKET: "raw",
        Setting.RAW_QUEUE_URL: queue,
        Setting.RAW_DEAD_LETTER_QUEUE_URL: dead,
        Setting.STAGE_A_MACHINE: "machine",
    }
    return Lake(Settings(names, "the test"))


def arrival() -> dict[str, object]:
    """What Lambda hands over for one new object."""
    record = {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-31T12:00:00.000Z",
        "s3": {
            "bucket": {"name": OBJECT.bucket},
            "object": {"key": OBJECT.key, "versionId": OBJECT.version_id, "size": 1, "eTag": "e", "sequencer": "0A"},
        },
    }
    body = json.dumps({"Records": [record]})
    return {"Records": [{"messageId": "m", "body": body, "eventSource": "aws:sqs", "receiptHandle": "r"}]}


def register_orders(lake: Lake) -> None:
    dataset = Dataset.model_validate({"team": "shop", "dataset": "orders", "stage_a": {"format": "csv"}})
    lake.registry.put(Registration.of(dataset, "queue", "dead", "db.orders"))


def sent_again(lake: Lake) -> list[object]:
    found = client("sqs").receive_message(QueueUrl=lake.settings[Setting.RAW_QUEUE_URL]).get("Messages", [])
    return [event for message in found for event in parse(message["Body"])]


def test_an_object_that_arrives_while_its_dataset_is_applied_is_sent_on(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    """Whoever applies the dataset may look for waiting objects just before this one is written as waiting."""
    leave_unrouted = lake.catalog.leave_unrouted

    def applied_meanwhile(*arguments):
        register_orders(lake)
        return leave_unrouted(*arguments)

    monkeypatch.setattr(lake.catalog, "leave_unrouted", applied_meanwhile)
    assert route_raw_objects.__wrapped__(arrival(), lake) == {"batchItemFailures": []}
    assert sent_again(lake) == [SendAgain(OBJECT, 2)]


def test_an_object_of_no_dataset_waits_with_its_reason(lake: Lake):
    assert route_raw_objects.__wrapped__(arrival(), lake) == {"batchItemFailures": []}
    row = lake.catalog.get(OBJECT)
    assert (row.status, row.reason) == (Status.UNROUTED, "no dataset shop/orders is registered")
    assert sent_again(lake) == []


def test_an_object_that_waits_goes_on_when_its_event_comes_again(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    """Sending it on had failed, or the function died before: nobody but the event tells of it any more."""
    assert route_raw_objects.__wrapped__(arrival(), lake) == {"batchItemFailures": []}
    register_orders(lake)
    started = []

    def start(machine, name, document):
        started.append(json.loads(document))
        return Execution(f"machine:{name}", "RUNNING")

    monkeypatch.setattr(lake.executions, "start_until_good", start)
    for _ in range(2):
        assert route_raw_objects.__wrapped__(arrival(), lake) == {"batchItemFailures": []}
    assert lake.catalog.get(OBJECT).status is Status.REGISTERED
    assert [execution["objects"][0]["generation"] for execution in started] == [2, 2]


def two_arrivals() -> dict[str, list[dict[str, object]]]:
    first, second = arrival()["Records"][0], arrival()["Records"][0]
    return {"Records": [first, {**second, "messageId": "n", "body": second["body"].replace("a.csv", "b.csv")}]}


def test_a_version_that_can_handle_nothing_fails_as_a_function(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    """So that the alarm of its rollout sees it."""
    register_orders(lake)
    monkeypatch.setattr(lake.catalog, "register", lambda *_: {}["no such key"])
    with pytest.raises(KeyError):
        route_raw_objects.__wrapped__(two_arrivals(), lake)


def test_what_befalls_one_message_or_was_foreseen_fails_alone(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    register_orders(lake)
    monkeypatch.setattr(lake.executions, "start_until_good", lambda machine, name, _: Execution(name, "RUNNING"))
    register = lake.catalog.register

    def fail_for_a(event, *more):
        if event.object.key.endswith("a.csv"):
            raise KeyError
        return register(event, *more)

    monkeypatch.setattr(lake.catalog, "register", fail_for_a)
    failed = route_raw_objects.__wrapped__(two_arrivals(), lake)
    assert failed == {"batchItemFailures": [{"itemIdentifier": "m"}]}

    def busy(*_):
        raise Transient("busy")

    monkeypatch.setattr(lake.catalog, "register", busy)
    failed = route_raw_objects.__wrapped__(two_arrivals(), lake)
    assert [each["itemIdentifier"] for each in failed["batchItemFailures"]] == ["m", "n"]


RETIRED = "2026-02-01T00:00:00.000Z"


def retire_orders(lake: Lake, *, is_closed: bool = False) -> None:
    register_orders(lake)
    found = lake.registry.retire(DatasetName("shop", "orders"), RETIRED)
    if is_closed:
        assert lake.registry.close(found)


def started(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    found: list[object] = []

    def start(machine, name, document):
        found.append(json.loads(document))
        return Execution(f"machine:{name}", "RUNNING")

    monkeypatch.setattr(lake.executions, "start_until_good", start)
    return found


def again(generation: int) -> dict[str, object]:
    message = {"messageId": "m", "body": SendAgain(OBJECT, generation).to_json(), "eventSource": "aws:sqs"}
    return {"Records": [{**message, "receiptHandle": "r"}]}


def test_an_object_of_a_retired_dataset_waits_with_the_reason_and_what_to_do(lake: Lake):
    retire_orders(lake)
    assert route_raw_objects.__wrapped__(arrival(), lake) == {"batchItemFailures": []}
    row = lake.catalog.get(OBJECT)
    assert row.status is Status.UNROUTED
    assert row.reason == f"dataset shop/orders is retired since {RETIRED}: its file is gone"
    assert "definitions/datasets/shop/orders.yaml" in row.hint
    assert sent_again(lake) == []


def test_an_object_that_waits_for_a_retired_dataset_goes_on_when_it_is_brought_back(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    retire_orders(lake)
    route_raw_objects.__wrapped__(arrival(), lake)
    register_orders(lake)
    executions = started(lake, monkeypatch)
    assert route_raw_objects.__wrapped__(again(2), lake) == {"batchItemFailures": []}
    row = lake.catalog.get(OBJECT)
    assert (row.status, row.reason, row.hint) == (Status.REGISTERED, None, None)
    assert len(executions) == 1


def test_what_was_registered_before_the_mark_is_started_still(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    """The function died between its row and its execution, and the event comes again after the mark."""
    register_orders(lake)
    executions = started(lake, monkeypatch)
    route_raw_objects.__wrapped__(arrival(), lake)
    executions.clear()
    retire_orders(lake)
    assert route_raw_objects.__wrapped__(arrival(), lake) == {"batchItemFailures": []}
    assert len(executions) == 1


def test_a_redrive_of_a_retired_dataset_goes_on_while_its_stack_stands(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    register_orders(lake)
    executions = started(lake, monkeypatch)
    route_raw_objects.__wrapped__(arrival(), lake)
    lake.catalog.move(OBJECT, Status.FAILED, "shop/orders", reason="a bug")
    retire_orders(lake)
    assert route_raw_objects.__wrapped__(again(2), lake) == {"batchItemFailures": []}
    assert (lake.catalog.get(OBJECT).status, len(executions)) == (Status.REGISTERED, 2)


def test_what_would_go_on_in_a_closed_dataset_stays_as_it_is_and_its_message_comes_back(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    register_orders(lake)
    started(lake, monkeypatch)
    route_raw_objects.__wrapped__(arrival(), lake)
    retire_orders(lake, is_closed=True)
    failed = {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert route_raw_objects.__wrapped__(arrival(), lake) == failed
    lake.catalog.move(OBJECT, Status.FAILED, "shop/orders", reason="a bug")
    assert route_raw_objects.__wrapped__(again(2), lake) == failed
    row = lake.catalog.get(OBJECT)
    assert (row.status, row.reason) == (Status.FAILED, "a bug")


def test_what_waits_for_a_closed_dataset_is_left_in_peace(lake: Lake):
    retire_orders(lake, is_closed=True)
    for event in (arrival(), again(2)):
        assert route_raw_objects.__wrapped__(event, lake) == {"batchItemFailures": []}
    assert lake.catalog.get(OBJECT).status is Status.UNROUTED


def put_aside(lake: Lake) -> list[tuple[str, str]]:
    """The body and the reason of each message that was."""
    answer = client("sqs").receive_message(
        QueueUrl=lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL],
        MaxNumberOfMessages=10,
        MessageAttributeNames=[REASON],
    )
    return [(m["Body"], m["MessageAttributes"][REASON]["StringValue"]) for m in answer.get("Messages", [])]


OF_ANOTHER_BUCKET = str(arrival()["Records"][0]["body"]).replace('"raw"', '"foreign\\u0001"')


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("poison", "not JSON"),
        ("[]", "a JSON list, not an object"),
        ('{"Records": [{"eventName": "ObjectCreated:Put"}]}', "has a missing or malformed field: KeyError('s3')"),
        (OF_ANOTHER_BUCKET, "an event of bucket foreign\\\\x01"),
        (SendAgain(OBJECT, -1).to_json(), "the generation is not valid: -1"),
    ],
)
def test_a_message_that_is_no_event_is_put_aside_at_once_with_its_reason(lake: Lake, body: str, reason: str):
    event = arrival()
    event["Records"].append({**event["Records"][0], "messageId": "bad", "body": body})
    assert route_raw_objects.__wrapped__(event, lake) == {"batchItemFailures": []}
    ((kept, why),) = put_aside(lake)
    assert kept == body
    assert reason.replace("\\\\", "\\") in why
    assert lake.catalog.get(OBJECT)


def test_a_message_that_cannot_be_put_aside_comes_back(lake: Lake):
    client("sqs").delete_queue(QueueUrl=lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL])
    event = arrival()
    event["Records"].append({**event["Records"][0], "messageId": "bad", "body": "poison"})
    assert route_raw_objects.__wrapped__(event, lake) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}


def test_a_message_is_put_aside_whole(lake: Lake):
    """Half of its events registered, and the whole sent back later, would still be right; nothing is simpler."""
    records = [json.loads(str(arrival()["Records"][0]["body"]))["Records"][0], {"eventName": "ObjectCreated:Put"}]
    event = arrival()
    event["Records"][0]["body"] = json.dumps({"Records": records})
    assert route_raw_objects.__wrapped__(event, lake) == {"batchItemFailures": []}
    assert len(put_aside(lake)) == 1
    assert lake.catalog.get(OBJECT) is None


def test_the_test_event_of_s3_is_nothing_to_put_aside(lake: Lake):
    event = arrival()
    event["Records"][0]["body"] = '{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "raw"}'
    assert route_raw_objects.__wrapped__(event, lake) == {"batchItemFailures": []}
    assert put_aside(lake) == []
