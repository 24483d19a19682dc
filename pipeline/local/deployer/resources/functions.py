"""Lambda functions, their layers, permissions and event sources."""

from __future__ import annotations

from typing import Any

from pipeline.local.deployer.resources.reasons import CAPACITY, ENCRYPTION, IAM, TRACING
from pipeline.local.deployer.types import Aws, Made, Resource, resource_type

_CONFIGURATION = (
    "DeadLetterConfig", "Description", "Environment", "EphemeralStorage", "Handler", "KmsKeyArn", "Layers",
    "LoggingConfig", "MemorySize", "Role", "Runtime", "Timeout", "TracingConfig",
)  # fmt: skip


@resource_type(
    "AWS::Lambda::Function",
    """FunctionName Description Handler Runtime Role MemorySize Timeout Layers PackageType Tags.*
    Environment.Variables.* Code.S3Bucket Code.S3Key Code.S3ObjectVersion LoggingConfig.LogGroup LoggingConfig.LogFormat
    LoggingConfig.ApplicationLogLevel LoggingConfig.SystemLogLevel
    ReservedConcurrentExecutions DeadLetterConfig.TargetArn EphemeralStorage.Size Architectures
    TracingConfig.Mode KmsKeyArn""",
    without_effect={
        "Architectures": CAPACITY,
        "EphemeralStorage": CAPACITY,
        "TracingConfig": TRACING,
        "KmsKeyArn": ENCRYPTION,
    },
    fixed="FunctionName PackageType",
)
def function(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    given = dict(resource.properties)
    configuration = {name: given[name] for name in _CONFIGURATION if name in given}
    name = previous.reference if previous else resource.name("FunctionName")
    if previous is None:
        more = resource.only("Architectures", "PackageType", "Code")
        tags = resource.tags()
        answer = aws.call("lambda", "create_function", FunctionName=name, Tags=tags, **more, **configuration)
    else:
        aws.call("lambda", "update_function_code", FunctionName=name, **given["Code"])
        answer = aws.call("lambda", "update_function_configuration", FunctionName=name, **configuration)
    if "ReservedConcurrentExecutions" in given:
        reserved = given["ReservedConcurrentExecutions"]
        aws.call("lambda", "put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=reserved)
    return Made(name, {"Arn": answer["FunctionArn"]})


@resource_type(
    "AWS::Lambda::LayerVersion",
    "LayerName Description LicenseInfo CompatibleRuntimes CompatibleArchitectures Content.S3Bucket Content.S3Key "
    "Content.S3ObjectVersion",
)
def layer_version(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A changed layer is a new version; the old one stays for the functions that still name it."""
    given = resource.only("Description", "LicenseInfo", "CompatibleRuntimes", "CompatibleArchitectures", "Content")
    name = resource.name("LayerName", longest=140)
    answer = aws.call("lambda", "publish_layer_version", LayerName=name, **given)
    arn = answer["LayerVersionArn"]
    return Made(arn, {"LayerVersionArn": arn})


@resource_type(
    "AWS::Lambda::Permission",
    "Action FunctionName Principal SourceArn SourceAccount PrincipalOrgID",
    without_effect={"Principal": IAM},
)
def permission(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    statement = previous.reference if previous else f"{resource.stack}-{resource.logical_id}"[:100]
    given = resource.only("Action", "FunctionName", "Principal", "SourceArn", "SourceAccount", "PrincipalOrgID")
    if previous:
        aws.call("lambda", "remove_permission", FunctionName=given["FunctionName"], StatementId=statement)
    aws.call("lambda", "add_permission", StatementId=statement, **given)
    return Made(statement)


_SOURCE = ("EventSourceArn", "FunctionName", "StartingPosition")
_POLLING = (
    "BatchSize", "BisectBatchOnFunctionError", "DestinationConfig", "Enabled", "FilterCriteria",
    "FunctionResponseTypes", "MaximumBatchingWindowInSeconds", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts",
    "ParallelizationFactor", "ScalingConfig",
)  # fmt: skip


@resource_type(
    "AWS::Lambda::EventSourceMapping",
    """EventSourceArn FunctionName StartingPosition BatchSize BisectBatchOnFunctionError Enabled FunctionResponseTypes
    MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts ParallelizationFactor
    DestinationConfig.OnFailure.Destination FilterCriteria.Filters[].Pattern ScalingConfig.MaximumConcurrency""",
    fixed="EventSourceArn StartingPosition",
)
def event_source_mapping(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    given: dict[str, Any] = resource.only(*_POLLING)
    if previous is None:
        answer = aws.call("lambda", "create_event_source_mapping", **resource.only(*_SOURCE), **given)
    else:
        given |= resource.only("FunctionName")
        answer = aws.call("lambda", "update_event_source_mapping", UUID=previous.reference, **given)
    identity = answer["UUID"]
    arn = aws.arn("lambda", f"event-source-mapping:{identity}")
    return Made(identity, {"Id": identity, "EventSourceMappingArn": arn})


@resource_type(
    "AWS::Lambda::EventInvokeConfig",
    """FunctionName Qualifier MaximumRetryAttempts MaximumEventAgeInSeconds DestinationConfig.OnFailure.Destination
    DestinationConfig.OnSuccess.Destination""",
    fixed="FunctionName Qualifier",
)
def event_invoke_config(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    given = dict(resource.properties)
    # $LATEST is what the function itself is, and CloudFormation, unlike the API, insists on a qualifier.
    if given.get("Qualifier") == "$LATEST":
        del given["Qualifier"]
    aws.call("lambda", "put_function_event_invoke_config", **given)
    return Made(resource.logical_id)
