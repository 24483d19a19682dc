"""Lambda functions, their layers, permissions and event sources."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.cloudformation.reasons import CAPACITY, ENCRYPTION, IAM, NETWORK, TRACING
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, by_reference, nowhere, resource_type
from pipeline.emulator.cloudformation.tags import retag

_CONFIGURATION = (
    "DeadLetterConfig", "Description", "Environment", "EphemeralStorage", "Handler", "KmsKeyArn", "Layers",
    "LoggingConfig", "MemorySize", "Role", "Runtime", "Timeout", "TracingConfig",
)  # fmt: skip


def _function_name(aws: Aws, resource: Resource) -> str:
    return resource.name("FunctionName")


@resource_type(
    "AWS::Lambda::Function",
    """FunctionName Description Handler Runtime Role MemorySize Timeout Layers PackageType Tags.*
    Environment.Variables.* Code.S3Bucket Code.S3Key Code.S3ObjectVersion LoggingConfig.LogGroup LoggingConfig.LogFormat
    LoggingConfig.ApplicationLogLevel LoggingConfig.SystemLogLevel
    ReservedConcurrentExecutions DeadLetterConfig.TargetArn EphemeralStorage.Size Architectures
    TracingConfig.Mode KmsKeyArn VpcConfig.SubnetIds VpcConfig.SecurityGroupIds""",
    without_effect={
        "Architectures": CAPACITY,
        "EphemeralStorage": CAPACITY,
        "TracingConfig": TRACING,
        "KmsKeyArn": ENCRYPTION,
        "VpcConfig": NETWORK,
    },
    resets={
        "DeadLetterConfig": {"TargetArn": ""},
        "Description": "",
        "Environment": {"Variables": {}},
        "EphemeralStorage": {"Size": 512},
        "KmsKeyArn": "",
        "Layers": [],
        "LoggingConfig": {"LogFormat": "Text"},
        "MemorySize": 128,
        "Timeout": 3,
        "TracingConfig": {"Mode": "PassThrough"},
    },
    delete=by_reference("lambda", "delete_function", "FunctionName"),
    find=_function_name,
)
def function(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A function: code from S3 or inline, configuration, layers."""
    given = dict(resource.properties)
    configuration = {name: given[name] for name in _CONFIGURATION if name in given}
    name = previous.reference if previous else _function_name(aws, resource)
    if previous is None:
        more = resource.only("Architectures", "PackageType", "Code")
        tags = resource.tags()
        answer = aws.call("lambda", "create_function", FunctionName=name, Tags=tags, **more, **configuration)
    else:
        aws.call("lambda", "update_function_code", FunctionName=name, **given["Code"])
        answer = aws.call("lambda", "update_function_configuration", FunctionName=name, **configuration)
        retag(aws, resource, "lambda", Resource=answer["FunctionArn"])
    if "ReservedConcurrentExecutions" in given:
        reserved = given["ReservedConcurrentExecutions"]
        aws.call("lambda", "put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=reserved)
    if resource.left_out("ReservedConcurrentExecutions"):
        aws.call("lambda", "delete_function_concurrency", FunctionName=name)
    return Made(name, {"Arn": answer["FunctionArn"]})


def _delete_layer_version(aws: Aws, resource: Resource, made: Made) -> None:
    name, _, version = made.reference.rpartition(":")
    aws.call("lambda", "delete_layer_version", LayerName=name.rpartition(":")[2], VersionNumber=version)


@resource_type(
    "AWS::Lambda::LayerVersion",
    "LayerName Description LicenseInfo CompatibleRuntimes CompatibleArchitectures Content.S3Bucket Content.S3Key "
    "Content.S3ObjectVersion",
    delete=_delete_layer_version,
    find=nowhere,
)
def layer_version(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A version of a layer; every change makes another."""
    given = resource.only("Description", "LicenseInfo", "CompatibleRuntimes", "CompatibleArchitectures", "Content")
    name = resource.name("LayerName", longest=140)
    answer = aws.call("lambda", "publish_layer_version", LayerName=name, **given)
    arn = answer["LayerVersionArn"]
    return Made(arn, {"LayerVersionArn": arn})


def _statement(aws: Aws, resource: Resource) -> str:
    return resource.name("StatementId", longest=100)


def _delete_permission(aws: Aws, resource: Resource, made: Made) -> None:
    function_name = resource.properties["FunctionName"]
    aws.call("lambda", "remove_permission", FunctionName=function_name, StatementId=made.reference)


@resource_type(
    "AWS::Lambda::Permission",
    "Action FunctionName Principal SourceArn SourceAccount PrincipalOrgID",
    without_effect={"Principal": IAM},
    delete=_delete_permission,
    find=_statement,
)
def permission(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A statement in a function's policy."""
    statement = _statement(aws, resource)
    given = resource.only("Action", "FunctionName", "Principal", "SourceArn", "SourceAccount", "PrincipalOrgID")
    aws.call("lambda", "add_permission", StatementId=statement, **given)
    return Made(statement)


_SOURCE = ("EventSourceArn", "FunctionName", "StartingPosition")
_POLLING_DEFAULTS: dict[str, Any] = {
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {},
    "Enabled": True,
    "FilterCriteria": {},
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "ScalingConfig": {},
}
_BATCH_SIZES = {"sqs": 10}
"""What a mapping of a queue takes where nothing is said; those of streams take 100."""


def _find_mapping(aws: Aws, resource: Resource) -> str | None:
    whose = resource.only("EventSourceArn", "FunctionName")
    found = aws.call("lambda", "list_event_source_mappings", **whose)["EventSourceMappings"]
    return found[0]["UUID"] if found else None


@resource_type(
    "AWS::Lambda::EventSourceMapping",
    """EventSourceArn FunctionName StartingPosition BatchSize BisectBatchOnFunctionError Enabled FunctionResponseTypes
    MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts ParallelizationFactor
    DestinationConfig.OnFailure.Destination FilterCriteria.Filters[].Pattern ScalingConfig.MaximumConcurrency""",
    resets=_POLLING_DEFAULTS,
    delete=by_reference("lambda", "delete_event_source_mapping", "UUID"),
    find=_find_mapping,
)
def event_source_mapping(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """What polls a queue or a stream for a function."""
    given: dict[str, Any] = resource.only("BatchSize", *_POLLING_DEFAULTS)
    if resource.left_out("BatchSize"):
        given["BatchSize"] = _BATCH_SIZES.get(resource.properties["EventSourceArn"].split(":")[2], 100)
    if previous is None:
        # Lambda lets a function have one mapping of a source.
        if _find_mapping(aws, resource):
            raise resource.taken(f"a mapping of {resource.properties['EventSourceArn']}")
        answer = aws.call("lambda", "create_event_source_mapping", **resource.only(*_SOURCE), **given)
    else:
        given |= resource.only("FunctionName")
        answer = aws.call("lambda", "update_event_source_mapping", UUID=previous.reference, **given)
    identity = answer["UUID"]
    arn = aws.arn("lambda", f"event-source-mapping:{identity}")
    return Made(identity, {"Id": identity, "EventSourceMappingArn": arn})


def _invoked(resource: Resource) -> dict[str, Any]:
    # $LATEST is what the function itself is, and CloudFormation, unlike the API, insists on a qualifier.
    whose = resource.only("FunctionName", "Qualifier")
    return {name: value for name, value in whose.items() if value != "$LATEST"}


def _invoke_config(aws: Aws, resource: Resource) -> str:
    return "|".join([resource.logical_id, *_invoked(resource).values()])


def _delete_invoke_config(aws: Aws, resource: Resource, made: Made) -> None:
    aws.call("lambda", "delete_function_event_invoke_config", **_invoked(resource))


@resource_type(
    "AWS::Lambda::EventInvokeConfig",
    """FunctionName Qualifier MaximumRetryAttempts MaximumEventAgeInSeconds DestinationConfig.OnFailure.Destination
    DestinationConfig.OnSuccess.Destination""",
    delete=_delete_invoke_config,
    find=_invoke_config,
)
def event_invoke_config(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """How asynchronous invocations are retried, and where their outcome goes."""
    given = resource.only("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
    aws.call("lambda", "put_function_event_invoke_config", **_invoked(resource), **given)
    return Made(_invoke_config(aws, resource))
