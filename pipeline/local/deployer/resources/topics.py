"""SNS topics, their policies and subscriptions."""

from __future__ import annotations

import json

from pipeline.local.deployer.resources.reasons import ENCRYPTION, IAM
from pipeline.local.deployer.types import Aws, Made, Resource, resource_type, text


@resource_type(
    "AWS::SNS::Topic",
    "TopicName DisplayName KmsMasterKeyId Tags.*",
    without_effect={"KmsMasterKeyId": ENCRYPTION},
    fixed="TopicName",
)
def topic(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = resource.name("TopicName", longest=256)
    tags = [{"Key": key, "Value": value} for key, value in resource.tags().items()]
    attributes = {name: text(value) for name, value in resource.only("DisplayName", "KmsMasterKeyId").items()}
    if previous is None:
        arn = aws.call("sns", "create_topic", Name=name, Attributes=attributes, Tags=tags)["TopicArn"]
    else:
        arn = previous.reference
        for attribute, value in attributes.items():
            aws.call("sns", "set_topic_attributes", TopicArn=arn, AttributeName=attribute, AttributeValue=value)
    return Made(arn, {"TopicArn": arn, "TopicName": name})


@resource_type("AWS::SNS::TopicPolicy", "Topics PolicyDocument.*", without_effect={"PolicyDocument": IAM})
def topic_policy(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    policy = json.dumps(resource.properties["PolicyDocument"])
    for arn in resource.properties["Topics"]:
        aws.call("sns", "set_topic_attributes", TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return Made(resource.logical_id)


_SUBSCRIPTION_ATTRIBUTES = ("RawMessageDelivery", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy")


@resource_type(
    "AWS::SNS::Subscription",
    "TopicArn Protocol Endpoint RawMessageDelivery FilterPolicy.* FilterPolicyScope RedrivePolicy.deadLetterTargetArn",
    fixed="TopicArn Protocol Endpoint",
)
def subscription(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    attributes = {name: text(value) for name, value in resource.only(*_SUBSCRIPTION_ATTRIBUTES).items()}
    if previous is None:
        where = resource.only("TopicArn", "Protocol", "Endpoint")
        answer = aws.call("sns", "subscribe", Attributes=attributes, ReturnSubscriptionArn=True, **where)
        arn = answer["SubscriptionArn"]
    else:
        arn = previous.reference
        for name, value in attributes.items():
            aws.call(
                "sns", "set_subscription_attributes", SubscriptionArn=arn, AttributeName=name, AttributeValue=value
            )
    return Made(arn, {"Arn": arn})
