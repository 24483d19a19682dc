"""CloudWatch log groups."""

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
