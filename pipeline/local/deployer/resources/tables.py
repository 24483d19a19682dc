"""DynamoDB tables."""

from __future__ import annotations

from typing import Any

from pipeline.local.deployer.resources.reasons import BACKUP, ENCRYPTION, EXPIRY
from pipeline.local.deployer.types import Aws, Made, Resource, resource_type, text

_KEYS = "KeySchema[].AttributeName KeySchema[].KeyType"
_INDEX = " ".join(
    f"GlobalSecondaryIndexes[].{path}"
    for path in ("IndexName", *_KEYS.split(), "Projection.ProjectionType", "Projection.NonKeyAttributes")
)
_SHAPE = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")


@resource_type(
    "AWS::DynamoDB::Table",
    f"""TableName BillingMode AttributeDefinitions[].AttributeName AttributeDefinitions[].AttributeType {_KEYS} {_INDEX}
    DeletionProtectionEnabled StreamSpecification.StreamViewType Tags.*
    PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled
    PointInTimeRecoverySpecification.RecoveryPeriodInDays
    SSESpecification.SSEEnabled SSESpecification.SSEType SSESpecification.KMSMasterKeyId
    TimeToLiveSpecification.AttributeName TimeToLiveSpecification.Enabled""",
    without_effect={
        "PointInTimeRecoverySpecification": BACKUP,
        "SSESpecification": ENCRYPTION,
        "TimeToLiveSpecification": EXPIRY,
    },
    fixed="TableName AttributeDefinitions KeySchema GlobalSecondaryIndexes StreamSpecification BillingMode "
    "SSESpecification",
)
def table(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = previous.reference if previous else resource.name("TableName", longest=255)
    protected = text(resource.properties.get("DeletionProtectionEnabled", False))
    if previous is None:
        aws.call("dynamodb", "create_table", TableName=name, DeletionProtectionEnabled=protected, **_shape(resource))
    else:
        aws.call("dynamodb", "update_table", TableName=name, DeletionProtectionEnabled=protected)
    if recovery := resource.properties.get("PointInTimeRecoverySpecification"):
        aws.call("dynamodb", "update_continuous_backups", TableName=name, PointInTimeRecoverySpecification=recovery)
    if expiry := resource.properties.get("TimeToLiveSpecification"):
        aws.call("dynamodb", "update_time_to_live", TableName=name, TimeToLiveSpecification=expiry)
    described = aws.call("dynamodb", "describe_table", TableName=name)["Table"]
    attributes = {"Arn": described["TableArn"]}
    if "LatestStreamArn" in described:
        attributes["StreamArn"] = described["LatestStreamArn"]
    return Made(name, attributes)


def _shape(resource: Resource) -> dict[str, Any]:
    found = resource.only(*_SHAPE)
    found.setdefault("BillingMode", "PAY_PER_REQUEST")
    if stream := resource.properties.get("StreamSpecification"):
        found["StreamSpecification"] = {"StreamEnabled": True, **stream}
    if encryption := resource.properties.get("SSESpecification"):
        encryption = dict(encryption)
        found["SSESpecification"] = {"Enabled": encryption.pop("SSEEnabled"), **encryption}
    if tags := resource.tags():
        found["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return found
