"""Queues as pages: depths, dead letters with their reason, and sending them back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from pipeline.core.clients import client
from pipeline.core.queues import put_aside
from pipeline.lake.settings import Setting
from pipeline.operate import queue_age


@pytest.fixture(autouse=True)
def empty(lake, orders):
    """Queues without what other tests have sent: they run in any order on one lake."""
    names = (
        Setting.RAW_DEAD_LETTER_QUEUE_URL,
        Setting.RAW_QUEUE_URL,
        Setting.MARK_STAGE_B_FAILED_DEAD_LETTER_QUEUE_URL,
    )
    for url in (*(lake.settings[name] for name in names), orders.registration.dead_letter_queue_url):
        # Not PurgeQueue, which a queue takes once a minute.
        while messages := client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
def dead(lake, empty):
    """Three raw events that could not be routed."""
    url = lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL]
    for number in range(3):
        body = json.dumps({"Records": [], "note": f"<script>alert({number})</script>"})
        client("sqs").send_message(QueueUrl=url, MessageBody=body)
    return url


def test_queues_have_their_depth_and_dead_letters_come_first(visitor, dead, orders):
    document = visitor.document("/queues")
    assert (document["dead"][0]["name"], document["dead"][0]["waiting"]) == ("raw", 3)
    assert {queue["name"] for queue in document["queues"]} == {"raw", orders.name}


def age(queue: str, seconds: float) -> None:
    """What SQS says of its queues on AWS."""
    datum = {"MetricName": "ApproximateAgeOfOldestMessage", "Value": seconds}
    datum["Dimensions"] = [{"Name": "QueueName", "Value": queue}]
    datum["Timestamp"] = datetime.now(UTC) - timedelta(minutes=3)
    client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[datum])


def test_the_oldest_message_has_its_age_where_cloudwatch_knows_it(visitor, dead, monkeypatch):
    monkeypatch.setattr(queue_age, "KEPT_S", 0)
    document = visitor.document("/queues")
    assert not document["has_ages"]
    assert "CloudWatch does not tell" in visitor.get("/queues").text
    age(dead.rpartition("/")[2], 5400)
    document = visitor.document("/queues")
    assert (document["dead"][0]["name"], document["dead"][0]["age_s"]) == ("raw", 5400)
    assert {queue["age_s"] for queue in document["dead"][1:] + document["queues"]} == {None}
    assert "1 h 30 min" in visitor.get("/queues").text


def test_dead_letters_are_looked_at_and_stay(visitor, dead):
    for _ in range(2):
        document = visitor.document("/queues/raw")
        assert len(document["messages"]) == 3
    assert all(message["received"] >= 2 for message in document["messages"])
    assert "<script>alert" not in visitor.get("/queues/raw").text


def test_what_a_function_could_not_handle_tells_its_error(visitor, lake):
    url = lake.settings[Setting.MARK_STAGE_B_FAILED_DEAD_LETTER_QUEUE_URL]
    body = {"requestPayload": {}, "responsePayload": {"errorType": "Broken", "errorMessage": "it is [broken]"}}
    client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))
    (message,) = visitor.document("/queues/stage-b-failures")["messages"]
    assert message["reason"] == "Broken: it is [broken]"


def test_a_queue_of_a_dataset_has_its_own_page(visitor, orders):
    assert visitor.document(f"/queues/{orders.name}")["messages"] == []
    assert "no queue shop/nothing" in visitor.get("/queues/shop/nothing.json").json()["error"]


def test_a_poison_event_that_was_put_aside_tells_why_it_was(visitor, orders):
    put_aside(client("sqs"), orders.registration.dead_letter_queue_url, "no <event>", "it is <no> JSON")
    (message,) = visitor.document(f"/queues/{orders.name}")["messages"]
    assert message["reason"] == "it is <no> JSON"
    assert "it is &lt;no&gt; JSON" in visitor.get(f"/queues/{orders.name}").text


def test_the_chosen_one_is_sent_back_and_then_all(tab, lake, dead):
    source = lake.settings[Setting.RAW_QUEUE_URL]

    def waiting() -> int:
        names = ["ApproximateNumberOfMessages"]
        found = client("sqs").get_queue_attributes(QueueUrl=source, AttributeNames=names)["Attributes"]
        return int(found[names[0]])

    tab.goto("/queues/raw")
    tab.get_by_role("button", name="Redrive the chosen").click()
    tab.get_by_text("no message is chosen").wait_for()
    tab.goto("/queues/raw")
    tab.get_by_role("checkbox").first.check()
    tab.get_by_role("button", name="Redrive the chosen").click()
    tab.get_by_text("1 message sent back").wait_for()
    assert waiting() == 1
    tab.get_by_role("button", name="Redrive all").click()
    tab.get_by_text("2 messages sent back").wait_for()
    assert waiting() == 3
    expect(tab.get_by_text("None.")).to_be_visible()
