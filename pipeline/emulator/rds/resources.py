"""Database instances; and what stands around one on AWS, which needs a network."""

from __future__ import annotations

from botocore.exceptions import ClientError

from pipeline.emulator.cloudformation.reasons import BACKUP, CAPACITY, ENCRYPTION, INSTANCE, NETWORK
from pipeline.emulator.cloudformation.resource_types import (
    Aws,
    Made,
    Resource,
    code_of,
    nothing,
    nowhere,
    resource_type,
    text,
)
from pipeline.emulator.cloudformation.tags import listed, retag

_WITHOUT_EFFECT = {
    "AllocatedStorage": CAPACITY,
    "AllowMajorVersionUpgrade": INSTANCE,
    "AutoMinorVersionUpgrade": INSTANCE,
    "BackupRetentionPeriod": BACKUP,
    "CACertificateIdentifier": NETWORK,
    "CopyTagsToSnapshot": BACKUP,
    "DBInstanceClass": CAPACITY,
    "DBParameterGroupName": INSTANCE,
    "DBSubnetGroupName": NETWORK,
    "DeleteAutomatedBackups": BACKUP,
    "DeletionProtection": BACKUP,
    "EnableCloudwatchLogsExports": INSTANCE,
    "EnableIAMDatabaseAuthentication": INSTANCE,
    "EnablePerformanceInsights": INSTANCE,
    "EngineVersion": INSTANCE,
    "KmsKeyId": ENCRYPTION,
    "MasterUserSecret": ENCRYPTION,
    "MaxAllocatedStorage": CAPACITY,
    "MonitoringInterval": INSTANCE,
    "MonitoringRoleArn": INSTANCE,
    "MultiAZ": CAPACITY,
    "PerformanceInsightsKMSKeyId": ENCRYPTION,
    "PerformanceInsightsRetentionPeriod": INSTANCE,
    "PreferredBackupWindow": BACKUP,
    "PreferredMaintenanceWindow": INSTANCE,
    "PubliclyAccessible": NETWORK,
    "StorageEncrypted": ENCRYPTION,
    "StorageType": CAPACITY,
    "VPCSecurityGroups": NETWORK,
}

_GONE = "DBInstanceNotFound"


def _name(aws: Aws, resource: Resource) -> str:
    return resource.name("DBInstanceIdentifier", longest=63).lower()


def _find(aws: Aws, resource: Resource) -> str | None:
    name = _name(aws, resource)
    try:
        aws.call("rds", "describe_db_instances", DBInstanceIdentifier=name)
    except ClientError as error:
        if code_of(error) != _GONE:
            raise
        return None
    return name


def _delete(aws: Aws, resource: Resource, made: Made) -> None:
    try:
        aws.call("rds", "delete_db_instance", DBInstanceIdentifier=made.reference, SkipFinalSnapshot=True)
    except ClientError as error:
        if code_of(error) != _GONE:
            raise


@resource_type(
    "AWS::RDS::DBInstance",
    "DBInstanceIdentifier DBName Engine ManageMasterUserPassword MasterUsername Port Tags.* "
    "MasterUserSecret.KmsKeyId VPCSecurityGroups EnableCloudwatchLogsExports",
    without_effect=_WITHOUT_EFFECT,
    delete=_delete,
    find=_find,
)
def instance(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A PostgreSQL of the lake's own, whose password for its master user stands in a secret."""
    name = previous.reference if previous else _name(aws, resource)
    if previous is None:
        if text(resource.properties.get("ManageMasterUserPassword", False)) != "true":
            raise (resource.place / "ManageMasterUserPassword").wrong("the embedded AWS takes true alone")
        if _find(aws, resource):
            raise resource.taken(name)
        given = resource.only("DBName", "Engine", "ManageMasterUserPassword", "MasterUsername", "Port")
        size, tags = resource.properties.get("DBInstanceClass", "db.t4g.micro"), listed(resource.tags())
        aws.call("rds", "create_db_instance", DBInstanceIdentifier=name, DBInstanceClass=size, Tags=tags, **given)
    else:
        retag(aws, resource, "rds", ResourceName=aws.arn("rds", f"db:{name}"))
    [found] = aws.call("rds", "describe_db_instances", DBInstanceIdentifier=name)["DBInstances"]
    return Made(
        name,
        {
            "DBInstanceArn": found["DBInstanceArn"],
            "DbiResourceId": found["DbiResourceId"],
            "Endpoint.Address": found["Endpoint"]["Address"],
            "Endpoint.Port": str(found["Endpoint"]["Port"]),
            "MasterUserSecret.SecretArn": found["MasterUserSecret"]["SecretArn"],
        },
    )


def _not_made(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    return Made(resource.name("Name"))


for _type in (
    "AWS::RDS::DBParameterGroup",
    "AWS::RDS::DBProxy",
    "AWS::RDS::DBProxyTargetGroup",
    "AWS::RDS::DBSubnetGroup",
):
    resource_type(_type, "*", without_effect={"": NETWORK}, delete=nothing, find=nowhere)(_not_made)
