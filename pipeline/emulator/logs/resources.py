"""CloudWatch log groups."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import ENCRYPTION, EXPIRY
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, resource_type
from pipeline.emulator.cloudformation.tags import retag


def _name(aws: Aws, resource: Resource) -> str:
    return resource.name("LogGroupName", longest=512)


def _delete(aws: Aws, resource: Resource, made: Made) -> None:
    aws.call("logs", "delete_log_group", logGroupName=made.reference)


@resource_type(
    "AWS::Logs::LogGroup",
    "LogGroupName RetentionInDays KmsKeyId Tags.*",
    without_effect={"RetentionInDays": EXPIRY, "KmsKeyId": ENCRYPTION},
    delete=_delete,
    find=_name,
)
def log_group(aws: Aws, resource: Resource, previous: Made | None) -> Made:
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
