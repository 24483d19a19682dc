"""KMS keys and their aliases. They are recorded; nothing is encrypted on this machine."""

from __future__ import annotations

import json

from pipeline.emulator.cloudformation.reasons import ENCRYPTION, IAM
from pipeline.emulator.cloudformation.resource_types import (
    Aws,
    Made,
    Resource,
    by_reference,
    nowhere,
    resource_type,
    text,
)
from pipeline.emulator.cloudformation.tags import listed, retag


def _delete_key(aws: Aws, resource: Resource, made: Made) -> None:
    """KMS deletes no key at once; CloudFormation, too, only schedules it."""
    window = resource.properties.get("PendingWindowInDays", 30)
    aws.call("kms", "schedule_key_deletion", KeyId=made.reference, PendingWindowInDays=window)


@resource_type(
    "AWS::KMS::Key",
    "Description KeyPolicy.* KeySpec KeyUsage Enabled MultiRegion EnableKeyRotation RotationPeriodInDays "
    "PendingWindowInDays Tags.*",
    without_effect={
        "KeyPolicy": IAM,
        "EnableKeyRotation": ENCRYPTION,
        "RotationPeriodInDays": ENCRYPTION,
        "PendingWindowInDays": ENCRYPTION,
        "Enabled": ENCRYPTION,
    },
    unchangeable="KeySpec KeyUsage MultiRegion",
    resets={"Description": ""},
    delete=_delete_key,
    find=nowhere,
)
def key(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A key."""
    policy = json.dumps(resource.properties["KeyPolicy"]) if "KeyPolicy" in resource.properties else None
    if previous is None:
        given = resource.only("Description", "KeySpec", "KeyUsage", "MultiRegion")
        given |= {"Policy": policy} if policy else {}
        tags = listed(resource.tags(), "TagKey")
        key_id = aws.call("kms", "create_key", Tags=tags, **given)["KeyMetadata"]["KeyId"]
    else:
        key_id = previous.reference
        if policy:
            aws.call("kms", "put_key_policy", KeyId=key_id, PolicyName="default", Policy=policy)
        for description in resource.only("Description").values():
            aws.call("kms", "update_key_description", KeyId=key_id, Description=description)
        retag(aws, resource, "kms", KeyId=key_id)
    rotates = text(resource.properties.get("EnableKeyRotation", False)) == "true"
    if rotates or previous:
        aws.call("kms", "enable_key_rotation" if rotates else "disable_key_rotation", KeyId=key_id)
    return Made(key_id, {"Arn": aws.arn("kms", f"key/{key_id}"), "KeyId": key_id})


def _alias_name(aws: Aws, resource: Resource) -> str:
    return str(resource.properties["AliasName"])


@resource_type(
    "AWS::KMS::Alias",
    "AliasName TargetKeyId",
    delete=by_reference("kms", "delete_alias", "AliasName"),
    find=_alias_name,
)
def alias(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A name of a key."""
    name = _alias_name(aws, resource)
    operation = "update_alias" if previous else "create_alias"
    aws.call("kms", operation, AliasName=name, TargetKeyId=resource.properties["TargetKeyId"])
    return Made(name)
