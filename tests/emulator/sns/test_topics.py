"""Topics deliver to each subscription on its own."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509 import load_pem_x509_certificate
from moto.sns.models import sns_backends


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


@pytest.mark.parametrize(
    ("told", "version", "digest"), [({}, "1", hashes.SHA1()), ({"SignatureVersion": "2"}, "2", hashes.SHA256())]
)
def test_a_topic_signs_with_version_1_unless_told_and_the_signature_holds(aws, told, version, digest):
    topic = aws("sns").create_topic(Name=f"signed-{version}")["TopicArn"]
    for name, value in told.items():
        aws("sns").set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)
    queue = aws("sqs").create_queue(QueueName=f"signed-{version}")["QueueUrl"]
    arn = f"arn:aws:sqs:eu-west-1:123456789012:signed-{version}"
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    aws("sns").publish(TopicArn=topic, Message="m", Subject="s")
    [message] = aws("sqs").receive_message(QueueUrl=queue)["Messages"]
    sent = json.loads(message["Body"])
    assert sent["SignatureVersion"] == version
    pem = sns_backends["123456789012"]["eu-west-1"]._message_public_keys[sent["SigningCertURL"].rpartition("/")[2]]
    signed = "".join(
        f"{name}\n{sent[name]}\n" for name in ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    )
    key = load_pem_x509_certificate(pem).public_key()
    key.verify(base64.b64decode(sent["Signature"]), signed.encode(), padding.PKCS1v15(), digest)
