"""SNS topics, their policies and subscriptions."""

from __future__ import annotations

import json

from pipeline.core.errors import BadDefinition
from pipeline.emulator.cloudformation.reasons import ENCRYPTION, IAM
from pipeline.emulator.cloudformation.resource_types import (
    Aws,
    Made,
    Resource,
    by_reference,
    is_there,
    resource_type,
    text,
)
from pipeline.emulator.cloudformation.tags import listed, retag

_TOPIC_DEFAULTS = {"DisplayName": "", "KmsMasterKeyId": ""}


def _topic_arn(aws: Aws, resource: Resource) -> str:
    return aws.arn("sns", resource.name("TopicName", longest=256))


@resource_type(
    "AWS::SNS::Topic",
    "TopicName DisplayName KmsMasterKeyId Tags.*",
    without_effect={"KmsMasterKeyId": ENCRYPTION},
    resets=_TOPIC_DEFAULTS,
    delete=by_reference("sns", "delete_topic", "TopicArn"),
    find=_topic_arn,
)
def topic(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A topic."""
    attributes = {name: text(value) for name, value in resource.only(*_TOPIC_DEFAULTS).items()}
    if previous is not None:
        for attribute, value in attributes.items():
            aws.call(
                "sns",
                "set_topic_attributes",
                TopicArn=previous.reference,
                AttributeName=attribute,
                AttributeValue=value,
            )
        retag(aws, resource, "sns", ResourceArn=previous.reference)
        return previous
    name, tags = resource.name("TopicName", longest=256), listed(resource.tags())
    if is_there(aws, "sns", "get_topic_attributes", TopicArn=_topic_arn(aws, resource)):
        raise resource.taken(name)
    arn = aws.call("sns", "create_topic", Name=name, Attributes=attributes, Tags=tags)["TopicArn"]
    return Made(arn, {"TopicArn": arn, "TopicName": name})


def _set_policy(aws: Aws, arns: list[str], policy: str) -> None:
    for arn in arns:
        aws.call("sns", "set_topic_attributes", TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


def _owner_only(aws: Aws) -> str:
    """A topic cannot be without a policy; its first one lets its owner in."""
    owner = {"AWS": f"arn:{aws.partition}:iam::{aws.account}:root"}
    statement = {"Effect": "Allow", "Principal": owner, "Action": "SNS:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _delete_policy(aws: Aws, resource: Resource, made: Made) -> None:
    _set_policy(aws, resource.properties["Topics"], _owner_only(aws))


@resource_type(
    "AWS::SNS::TopicPolicy",
    "Topics PolicyDocument.*",
    without_effect={"PolicyDocument": IAM},
    delete=_delete_policy,
    find=lambda aws, resource: resource.logical_id,
)
def topic_policy(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A policy on each of its topics."""
    topics = resource.properties["Topics"]
    _set_policy(aws, topics, json.dumps(resource.properties["PolicyDocument"]))
    _set_policy(aws, [arn for arn in resource.before.get("Topics", []) if arn not in topics], _owner_only(aws))
    return Made(resource.logical_id)


_SUBSCRIPTION_DEFAULTS = {
    "RawMessageDelivery": False,
    "FilterPolicy": {},
    "FilterPolicyScope": "MessageAttributes",
    "RedrivePolicy": "",
}
_WHERE = ("TopicArn", "Protocol", "Endpoint")


def _find_subscription(aws: Aws, resource: Resource) -> str | None:
    wanted, topic_arn = resource.only(*_WHERE), resource.properties["TopicArn"]
    pages = aws.clients("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    found = (each for page in pages for each in page["Subscriptions"])
    return next((each["SubscriptionArn"] for each in found if all(each[k] == v for k, v in wanted.items())), None)


@resource_type(
    "AWS::SNS::Subscription",
    "TopicArn Protocol Endpoint Region RawMessageDelivery FilterPolicy.* FilterPolicyScope "
    "RedrivePolicy.deadLetterTargetArn",
    # The schema says of it that it perhaps replaces the subscription.
    fixed="Region",
    resets=_SUBSCRIPTION_DEFAULTS,
    delete=by_reference("sns", "unsubscribe", "SubscriptionArn"),
    find=_find_subscription,
)
def subscription(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A subscription; who confirms one is not asked here."""
    if resource.properties.get("Region", aws.region) != aws.region:
        raise BadDefinition(
            f"{resource.logical_id} subscribes in {resource.properties['Region']}: there is one region here"
        )
    attributes = {name: text(value) for name, value in resource.only(*_SUBSCRIPTION_DEFAULTS).items()}
    if previous is None:
        where = resource.only(*_WHERE)
        answer = aws.call("sns", "subscribe", Attributes=attributes, ReturnSubscriptionArn=True, **where)
        arn = answer["SubscriptionArn"]
    else:
        arn = previous.reference
        for name, value in attributes.items():
            aws.call(
                "sns", "set_subscription_attributes", SubscriptionArn=arn, AttributeName=name, AttributeValue=value
            )
    return Made(arn, {"Arn": arn})
