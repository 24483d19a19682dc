"""SQS queues and their policies."""

from __future__ import annotations

import json

from pipeline.local.deployer.resources.reasons import ENCRYPTION, IAM
from pipeline.local.deployer.types import Aws, Made, Resource, resource_type, text

_ATTRIBUTES = (
    "ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled", "VisibilityTimeout",
)  # fmt: skip


@resource_type(
    "AWS::SQS::Queue",
    "QueueName FifoQueue Tags.* RedrivePolicy.deadLetterTargetArn RedrivePolicy.maxReceiveCount "
    "RedriveAllowPolicy.redrivePermission RedriveAllowPolicy.sourceQueueArns " + " ".join(_ATTRIBUTES),
    without_effect={
        "KmsMasterKeyId": ENCRYPTION,
        "KmsDataKeyReusePeriodSeconds": ENCRYPTION,
        "SqsManagedSseEnabled": ENCRYPTION,
        "RedriveAllowPolicy": IAM,
    },
    fixed="QueueName FifoQueue",
)
def queue(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    attributes = {name: text(value) for name, value in resource.only(*_ATTRIBUTES).items()}
    name = resource.name("QueueName", longest=80)
    if previous is None:
        # SQS refuses the attribute where it is false.
        if text(resource.properties.get("FifoQueue", False)) == "true":
            attributes["FifoQueue"] = "true"
            name = name if name.endswith(".fifo") else f"{name[:75]}.fifo"
        url = aws.call("sqs", "create_queue", QueueName=name, Attributes=attributes, tags=resource.tags())["QueueUrl"]
    else:
        url = previous.reference
        aws.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes=attributes)
        name = previous.attributes["QueueName"]
    return Made(url, {"Arn": aws.arn("sqs", name), "QueueName": name, "QueueUrl": url})


@resource_type("AWS::SQS::QueuePolicy", "Queues PolicyDocument.*", without_effect={"PolicyDocument": IAM})
def queue_policy(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    policy = json.dumps(resource.properties["PolicyDocument"])
    for url in resource.properties["Queues"]:
        aws.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": policy})
    return Made(resource.logical_id)
