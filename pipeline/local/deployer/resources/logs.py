"""CloudWatch log groups."""

from __future__ import annotations

from pipeline.local.deployer.resources.reasons import ENCRYPTION, EXPIRY
from pipeline.local.deployer.types import Aws, Made, Resource, resource_type


@resource_type(
    "AWS::Logs::LogGroup",
    "LogGroupName RetentionInDays KmsKeyId Tags.*",
    without_effect={"RetentionInDays": EXPIRY, "KmsKeyId": ENCRYPTION},
    fixed="LogGroupName",
)
def log_group(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = previous.reference if previous else resource.name("LogGroupName", longest=512)
    if previous is None:
        aws.call("logs", "create_log_group", logGroupName=name, tags=resource.tags(), **resource.only("KmsKeyId"))
    if days := resource.properties.get("RetentionInDays"):
        aws.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=days)
    return Made(name, {"Arn": aws.arn("logs", f"log-group:{name}:*")})
