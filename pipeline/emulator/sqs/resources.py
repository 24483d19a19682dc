"""SQS queues and their policies."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from pipeline.emulator.cloudformation.reasons import ENCRYPTION, IAM
from pipeline.emulator.cloudformation.resource_types import (
    GONE,
    Aws,
    Made,
    Resource,
    by_reference,
    code_of,
    resource_type,
    text,
)
from pipeline.emulator.cloudformation.tags import retag

# What CreateQueue takes where nothing is said.
_DEFAULTS = {
    "DelaySeconds": 0,
    "MaximumMessageSize": 1048576,
    "MessageRetentionPeriod": 345600,
    "ReceiveMessageWaitTimeSeconds": 0,
    "VisibilityTimeout": 30,
    "ContentBasedDeduplication": False,
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
    "KmsDataKeyReusePeriodSeconds": 300,
    "KmsMasterKeyId": "",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": True,
}


def _queue_name(resource: Resource) -> str:
    name = resource.name("QueueName", longest=80)
    return name if name.endswith(".fifo") or not _is_fifo(resource) else f"{name[:75]}.fifo"


def _is_fifo(resource: Resource) -> bool:
    return text(resource.properties.get("FifoQueue", False)) == "true"


def _find_queue(aws: Aws, resource: Resource) -> str | None:
    try:
        return str(aws.call("sqs", "get_queue_url", QueueName=_queue_name(resource))["QueueUrl"])
    except ClientError as error:
        if code_of(error) not in GONE:
            raise
        return None


@resource_type(
    "AWS::SQS::Queue",
    "QueueName FifoQueue Tags.* RedrivePolicy.deadLetterTargetArn RedrivePolicy.maxReceiveCount "
    "RedriveAllowPolicy.redrivePermission RedriveAllowPolicy.sourceQueueArns " + " ".join(_DEFAULTS),
    without_effect={
        "KmsMasterKeyId": ENCRYPTION,
        "KmsDataKeyReusePeriodSeconds": ENCRYPTION,
        "SqsManagedSseEnabled": ENCRYPTION,
        "RedriveAllowPolicy": IAM,
    },
    resets=_DEFAULTS,
    delete=by_reference("sqs", "delete_queue", "QueueUrl"),
    find=_find_queue,
)
def queue(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A queue."""
    attributes = {name: text(value) for name, value in resource.only(*_DEFAULTS).items()}
    if previous is None:
        name = _queue_name(resource)
        if _find_queue(aws, resource):
            raise resource.taken(name)
        # SQS refuses the attribute where it is false.
        attributes |= {"FifoQueue": "true"} if _is_fifo(resource) else {}
        url = aws.call("sqs", "create_queue", QueueName=name, Attributes=attributes, tags=resource.tags())["QueueUrl"]
    else:
        url, name = previous.reference, previous.attributes["QueueName"]
        if attributes:
            aws.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes=attributes)
        retag(aws, resource, "sqs", QueueUrl=url)
    return Made(url, {"Arn": aws.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def _set_policy(aws: Aws, urls: list[str], policy: str) -> None:
    for url in urls:
        aws.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": policy})


def _delete_policy(aws: Aws, resource: Resource, made: Made) -> None:
    _set_policy(aws, resource.properties["Queues"], "")


@resource_type(
    "AWS::SQS::QueuePolicy",
    "Queues PolicyDocument.*",
    without_effect={"PolicyDocument": IAM},
    delete=_delete_policy,
    find=lambda aws, resource: resource.logical_id,
)
def queue_policy(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A policy on each of its queues."""
    queues = resource.properties["Queues"]
    _set_policy(aws, queues, json.dumps(resource.properties["PolicyDocument"]))
    _set_policy(aws, [url for url in resource.before.get("Queues", []) if url not in queues], "")
    return Made(resource.logical_id)
