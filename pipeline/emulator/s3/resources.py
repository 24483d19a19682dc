"""S3 buckets and their policies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.emulator.cloudformation.reasons import ENCRYPTION, EXPIRY, IAM
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, by_reference, resource_type
from pipeline.emulator.cloudformation.tags import listed

_NOTIFICATIONS = " ".join(
    f"NotificationConfiguration.{kind}[].{path}"
    for kind, target in (
        ("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic"), ("LambdaConfigurations", "Function"),
    )
    for path in (target, "Event", "Filter.S3Key.Rules[].Name", "Filter.S3Key.Rules[].Value")
)  # fmt: skip


def _bucket_name(aws: Aws, resource: Resource) -> str:
    return str(resource.properties.get("BucketName") or resource.name("BucketName", longest=63).lower())


@resource_type(
    "AWS::S3::Bucket",
    f"""BucketName Tags.* VersioningConfiguration.Status {_NOTIFICATIONS}
    OwnershipControls.Rules[].ObjectOwnership
    PublicAccessBlockConfiguration.BlockPublicAcls PublicAccessBlockConfiguration.BlockPublicPolicy
    PublicAccessBlockConfiguration.IgnorePublicAcls PublicAccessBlockConfiguration.RestrictPublicBuckets
    NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled
    BucketEncryption.ServerSideEncryptionConfiguration[].BucketKeyEnabled
    BucketEncryption.ServerSideEncryptionConfiguration[].ServerSideEncryptionByDefault.SSEAlgorithm
    BucketEncryption.ServerSideEncryptionConfiguration[].ServerSideEncryptionByDefault.KMSMasterKeyID
    LifecycleConfiguration.Rules[].Id LifecycleConfiguration.Rules[].Status LifecycleConfiguration.Rules[].Prefix
    LifecycleConfiguration.Rules[].ExpirationInDays LifecycleConfiguration.Rules[].ExpiredObjectDeleteMarker
    LifecycleConfiguration.Rules[].NoncurrentVersionExpiration.NoncurrentDays
    LifecycleConfiguration.Rules[].NoncurrentVersionExpiration.NewerNoncurrentVersions
    LifecycleConfiguration.Rules[].AbortIncompleteMultipartUpload.DaysAfterInitiation
    LifecycleConfiguration.Rules[].Transitions[].StorageClass
    LifecycleConfiguration.Rules[].Transitions[].TransitionInDays""",
    without_effect={"BucketEncryption": ENCRYPTION, "LifecycleConfiguration": EXPIRY},
    resets={"VersioningConfiguration": {"Status": "Suspended"}, "NotificationConfiguration": {}},
    # A bucket that holds anything, old versions too, is not deleted: S3 refuses, as for CloudFormation.
    delete=by_reference("s3", "delete_bucket", "Bucket"),
    find=_bucket_name,
)
def bucket(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A bucket with its configuration."""
    name = previous.reference if previous else _bucket_name(aws, resource)
    if previous is None:
        # us-east-1 is the one region that S3 refuses to be told.
        place = {} if aws.region == "us-east-1" else {"LocationConstraint": aws.region}
        where = {"CreateBucketConfiguration": place} if place else {}
        aws.call("s3", "create_bucket", Bucket=name, **where)
    _configure(aws, name, resource)
    domain = f"{name}.s3.amazonaws.com"
    attributes = {
        "Arn": f"arn:{aws.partition}:s3:::{name}",
        "DomainName": domain,
        "RegionalDomainName": f"{name}.s3.{aws.region}.amazonaws.com",
    }
    return Made(name, attributes)


_REMOVED_BY = {
    "OwnershipControls": "delete_bucket_ownership_controls",
    "PublicAccessBlockConfiguration": "delete_public_access_block",
    "BucketEncryption": "delete_bucket_encryption",
    "LifecycleConfiguration": "delete_bucket_lifecycle",
    "Tags": "delete_bucket_tagging",
}


def _configure(aws: Aws, name: str, resource: Resource) -> None:
    given = resource.properties
    for property_name, operation, parameter in (
        ("VersioningConfiguration", "put_bucket_versioning", "VersioningConfiguration"),
        ("OwnershipControls", "put_bucket_ownership_controls", "OwnershipControls"),
        ("PublicAccessBlockConfiguration", "put_public_access_block", "PublicAccessBlockConfiguration"),
    ):
        if property_name in given:
            aws.call("s3", operation, Bucket=name, **{parameter: given[property_name]})
    if "BucketEncryption" in given:
        rules = [_encryption(rule) for rule in given["BucketEncryption"]["ServerSideEncryptionConfiguration"]]
        aws.call("s3", "put_bucket_encryption", Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    if "LifecycleConfiguration" in given:
        rules = [_lifecycle_rule(rule) for rule in given["LifecycleConfiguration"]["Rules"]]
        aws.call("s3", "put_bucket_lifecycle_configuration", Bucket=name, LifecycleConfiguration={"Rules": rules})
    if "NotificationConfiguration" in given:
        wanted = _notifications(given["NotificationConfiguration"])
        aws.call("s3", "put_bucket_notification_configuration", Bucket=name, NotificationConfiguration=wanted)
    if tags := resource.tags():
        aws.call("s3", "put_bucket_tagging", Bucket=name, Tagging={"TagSet": listed(tags)})
    for gone in resource.left_out(*_REMOVED_BY):
        aws.call("s3", _REMOVED_BY[gone], Bucket=name)


def _encryption(rule: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(rule)
    if "ServerSideEncryptionByDefault" in found:
        found["ApplyServerSideEncryptionByDefault"] = found.pop("ServerSideEncryptionByDefault")
    return found


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        found["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        found["Expiration"] = {"Days": rule["ExpirationInDays"]}
    elif "ExpiredObjectDeleteMarker" in rule:
        found["Expiration"] = {"ExpiredObjectDeleteMarker": rule["ExpiredObjectDeleteMarker"]}
    if "Transitions" in rule:
        found["Transitions"] = [
            {"StorageClass": each["StorageClass"], "Days": each["TransitionInDays"]} for each in rule["Transitions"]
        ]
    for same in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if same in rule:
            found[same] = rule[same]
    return found


def _notifications(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, target, api_kind, api_target in (
        ("QueueConfigurations", "Queue", "QueueConfigurations", "QueueArn"),
        ("TopicConfigurations", "Topic", "TopicConfigurations", "TopicArn"),
        ("LambdaConfigurations", "Function", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
    ):
        if kind in given:
            found[api_kind] = [
                {api_target: each[target], "Events": [each["Event"]], **_key_filter(each)} for each in given[kind]
            ]
    if str(given.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", "")).lower() == "true":
        found["EventBridgeConfiguration"] = {}
    return found


def _key_filter(notification: Mapping[str, Any]) -> dict[str, Any]:
    if "Filter" not in notification:
        return {}
    return {"Filter": {"Key": {"FilterRules": notification["Filter"]["S3Key"]["Rules"]}}}


def _policy_bucket(aws: Aws, resource: Resource) -> str:
    return str(resource.properties["Bucket"])


@resource_type(
    "AWS::S3::BucketPolicy",
    "Bucket PolicyDocument.*",
    without_effect={"PolicyDocument": IAM},
    delete=by_reference("s3", "delete_bucket_policy", "Bucket"),
    find=_policy_bucket,
)
def bucket_policy(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """The policy of a bucket."""
    name = _policy_bucket(aws, resource)
    aws.call("s3", "put_bucket_policy", Bucket=name, Policy=json.dumps(resource.properties["PolicyDocument"]))
    return Made(name)
