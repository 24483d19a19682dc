"""CloudWatch log groups, and who subscribes to them."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import ENCRYPTION, EXPIRY
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, by_reference, resource_type
from pipeline.emulator.cloudformation.tags import retag


def _name(aws: Aws, resource: Resource) -> str:
    return resource.name("LogGroupName", longest=512)


@resource_type(
    "AWS::Logs::LogGroup",
    "LogGroupName RetentionInDays KmsKeyId Tags.*",
    without_effect={"RetentionInDays": EXPIRY, "KmsKeyId": ENCRYPTION},
    delete=by_reference("logs", "delete_log_group", "logGroupName"),
    find=_name,
)
def log_group(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A log group."""
    name = previous.reference if previous else _name(aws, resource)
    if previous is None:
        aws.call("logs", "create_log_group", logGroupName=name, tags=resource.tags(), **resource.only("KmsKeyId"))
    else:
        retag(aws, resource, "logs", logGroupName=name)
    if days := resource.properties.get("RetentionInDays"):
        aws.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=days)
    if resource.left_out("RetentionInDays"):
        aws.call("logs", "delete_retention_policy", logGroupName=name)
    return Made(name, {"Arn": aws.arn("logs", f"log-group:{name}:*")})


def _filter_name(aws: Aws, resource: Resource) -> str:
    return resource.name("FilterName", longest=512)


def _delete_filter(aws: Aws, resource: Resource, made: Made) -> None:
    group = resource.properties["LogGroupName"]
    aws.call("logs", "delete_subscription_filter", logGroupName=group, filterName=made.reference)


@resource_type(
    "AWS::Logs::SubscriptionFilter",
    "FilterName LogGroupName FilterPattern DestinationArn",
    delete=_delete_filter,
    find=_filter_name,
)
def subscription_filter(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A subscription filter, whose events go to a function."""
    name = previous.reference if previous else _filter_name(aws, resource)
    given = resource.properties
    aws.call(
        "logs",
        "put_subscription_filter",
        logGroupName=given["LogGroupName"],
        filterName=name,
        filterPattern=given["FilterPattern"],
        destinationArn=given["DestinationArn"],
    )
    return Made(name)
