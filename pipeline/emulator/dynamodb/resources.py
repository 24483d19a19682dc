"""DynamoDB tables."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.cloudformation.reasons import BACKUP, ENCRYPTION, EXPIRY
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, by_reference, resource_type, text
from pipeline.emulator.cloudformation.tags import listed, retag

_KEYS = "KeySchema[].AttributeName KeySchema[].KeyType"
_INDEX = " ".join(
    f"GlobalSecondaryIndexes[].{path}"
    for path in ("IndexName", *_KEYS.split(), "Projection.ProjectionType", "Projection.NonKeyAttributes")
)
_SHAPE = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")


def _table_name(aws: Aws, resource: Resource) -> str:
    return resource.name("TableName", longest=255)


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
    fixed="KeySchema",
    resets={
        "BillingMode": "PAY_PER_REQUEST",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
    },
    # A table with deletion protection stays: DynamoDB refuses, as for CloudFormation.
    delete=by_reference("dynamodb", "delete_table", "TableName"),
    find=_table_name,
)
def table(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A table with its indexes, stream and time to live."""
    name = previous.reference if previous else _table_name(aws, resource)
    protected = text(resource.properties.get("DeletionProtectionEnabled", False))
    if previous is None:
        aws.call("dynamodb", "create_table", TableName=name, DeletionProtectionEnabled=protected, **_shape(resource))
    else:
        aws.call("dynamodb", "update_table", TableName=name, DeletionProtectionEnabled=protected)
        _update_shape(aws, name, resource)
        retag(aws, resource, "dynamodb", ResourceArn=aws.arn("dynamodb", f"table/{name}"))
    if recovery := resource.properties.get("PointInTimeRecoverySpecification"):
        aws.call("dynamodb", "update_continuous_backups", TableName=name, PointInTimeRecoverySpecification=recovery)
    for expiry in _expiries(resource):
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
        found["Tags"] = listed(tags)
    return found


def _update_shape(aws: Aws, name: str, resource: Resource) -> None:
    """Billing, stream and indexes of a standing table, each by a call of its own, as DynamoDB wants it."""
    now, before = resource.properties, resource.before
    for mode in resource.only("BillingMode").values():
        aws.call("dynamodb", "update_table", TableName=name, BillingMode=mode)
    if now.get("StreamSpecification") != before.get("StreamSpecification"):
        if "StreamSpecification" in before:
            aws.call("dynamodb", "update_table", TableName=name, StreamSpecification={"StreamEnabled": False})
        for stream in resource.only("StreamSpecification").values():
            enabled = {"StreamEnabled": True, **stream}
            aws.call("dynamodb", "update_table", TableName=name, StreamSpecification=enabled)
    attributes = resource.only("AttributeDefinitions")
    for change in _index_changes(resource):
        aws.call("dynamodb", "update_table", TableName=name, GlobalSecondaryIndexUpdates=[change], **attributes)


def _index_changes(resource: Resource) -> list[dict[str, Any]]:
    """What makes the indexes those of the template. DynamoDB makes or deletes one an update, so that more is refused
    here as it is on AWS; a changed index is two."""
    now, before = ({each["IndexName"]: each for each in found.get("GlobalSecondaryIndexes", [])}
                   for found in (resource.properties, resource.before))  # fmt: skip
    changes: list[dict[str, Any]] = [{"Delete": {"IndexName": n}} for n, each in before.items() if now.get(n) != each]
    changes += [{"Create": each} for n, each in now.items() if before.get(n) != each]
    if len(changes) > 1:
        raise (resource.place / "GlobalSecondaryIndexes").wrong(
            "DynamoDB creates or deletes one index an update", hint="Deploy the changes one after the other."
        )
    return changes


def _expiries(resource: Resource) -> list[dict[str, Any]]:
    """The expiry to declare; DynamoDB switches one off by the name of its attribute."""
    if resource.left_out("TimeToLiveSpecification"):
        return [{**resource.before["TimeToLiveSpecification"], "Enabled": False}]
    return list(resource.only("TimeToLiveSpecification").values())
