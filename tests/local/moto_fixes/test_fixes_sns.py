"""Topics deliver to each subscription on its own."""

from __future__ import annotations

import json


def test_a_deleted_queue_does_not_keep_the_message_from_the_others(aws):
    sns, sqs = aws("sns"), aws("sqs")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("deleted", "wrapped", "raw")}
    for name, raw in (("deleted", "true"), ("wrapped", "false"), ("raw", "true")):
        arn = f"arn:aws:sqs:eu-west-1:123456789012:{name}"
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": raw})
    sqs.delete_queue(QueueUrl=urls["deleted"])
    sns.publish(TopicArn=topic, Message="news")
    bodies = {name: sqs.receive_message(QueueUrl=urls[name])["Messages"][0]["Body"] for name in ("wrapped", "raw")}
    assert bodies["raw"] == "news"
    assert json.loads(bodies["wrapped"])["Message"] == "news"


def test_what_a_subscription_cannot_deliver_is_in_its_dead_letter_queue(aws):
    sns, sqs = aws("sns"), aws("sqs")
    topic = sns.create_topic(Name="buried")["TopicArn"]
    url = sqs.create_queue(QueueName="buried")["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:buried"})
    gone = sqs.create_queue(QueueName="gone")["QueueUrl"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:eu-west-1:123456789012:gone",
        Attributes={"RawMessageDelivery": "true", "RedrivePolicy": redrive},
    )
    sqs.delete_queue(QueueUrl=gone)
    sns.publish(TopicArn=topic, Message="news")
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == "news"
