"""Published versions of functions and state machines, the aliases that lead to them, and what moves those on AWS."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import ROLLOUTS
from pipeline.emulator.cloudformation.resource_types import (
    AlreadyExists,
    Aws,
    Made,
    Resource,
    nothing,
    nowhere,
    resource_type,
)


def _delete_version(aws: Aws, resource: Resource, made: Made) -> None:
    function, _, number = made.reference.rpartition(":")
    aws.call("lambda", "delete_function", FunctionName=function, Qualifier=number)


@resource_type(
    "AWS::Lambda::Version",
    "FunctionName Description",
    delete=_delete_version,
    find=nowhere,
)
def function_version(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """As on AWS, a version that serves already is no new one: what made another of it changed nothing of the function.

    One that no alias leads to is what a deployment that was killed left behind.
    """
    function = resource.properties["FunctionName"]
    answer = aws.call("lambda", "publish_version", FunctionName=function, **resource.only("Description"))
    number = answer["Version"]
    aliases = aws.call("lambda", "list_aliases", FunctionName=function)["Aliases"]
    if number in (alias["FunctionVersion"] for alias in aliases):
        raise AlreadyExists(
            f"{resource.place}: A version for this Lambda function exists ( {number} ). "
            "Modify the function to create a new version."
        )
    return Made(answer["FunctionArn"], {"Version": number, "FunctionArn": answer["FunctionArn"]})


def _function_alias_arn(aws: Aws, resource: Resource) -> str:
    function = str(resource.properties["FunctionName"])
    arn = function if function.startswith("arn:") else aws.arn("lambda", f"function:{function}")
    return f"{arn}:{resource.properties['Name']}"


def _delete_function_alias(aws: Aws, resource: Resource, made: Made) -> None:
    aws.call("lambda", "delete_alias", **resource.only("FunctionName", "Name"))


@resource_type(
    "AWS::Lambda::Alias",
    "FunctionName FunctionVersion Name Description",
    resets={"Description": ""},
    delete=_delete_function_alias,
    find=_function_alias_arn,
)
def function_alias(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    given = resource.only("FunctionName", "FunctionVersion", "Name", "Description")
    arn = aws.call("lambda", "update_alias" if previous else "create_alias", **given)["AliasArn"]
    return Made(arn, {"AliasArn": arn})


def _delete_machine_version(aws: Aws, resource: Resource, made: Made) -> None:
    aws.call("stepfunctions", "delete_state_machine_version", stateMachineVersionArn=made.reference)


@resource_type(
    "AWS::StepFunctions::StateMachineVersion",
    "StateMachineArn StateMachineRevisionId Description",
    delete=_delete_machine_version,
    find=nowhere,
)
def machine_version(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    given = resource.only("StateMachineArn", "Description")
    for revision in resource.only("StateMachineRevisionId").values():
        given["revisionId"] = revision
    arn = aws.call("stepfunctions", "publish_state_machine_version", **given)["stateMachineVersionArn"]
    return Made(arn, {"Arn": arn})


def _machine_alias_arn(aws: Aws, resource: Resource) -> str:
    version = str(resource.properties["DeploymentPreference"]["StateMachineVersionArn"])
    return f"{version.rpartition(':')[0]}:{resource.properties['Name']}"


def _delete_machine_alias(aws: Aws, resource: Resource, made: Made) -> None:
    aws.call("stepfunctions", "delete_state_machine_alias", stateMachineAliasArn=made.reference)


@resource_type(
    "AWS::StepFunctions::StateMachineAlias",
    """Name Description DeploymentPreference.StateMachineVersionArn DeploymentPreference.Type
    DeploymentPreference.Percentage DeploymentPreference.Interval DeploymentPreference.Alarms""",
    without_effect={f"DeploymentPreference.{name}": ROLLOUTS for name in ("Type", "Percentage", "Interval", "Alarms")},
    resets={"Description": ""},
    delete=_delete_machine_alias,
    find=_machine_alias_arn,
)
def machine_alias(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    version = resource.properties["DeploymentPreference"]["StateMachineVersionArn"]
    given = {
        "routingConfiguration": [{"stateMachineVersionArn": version, "weight": 100}],
        **resource.only("Description"),
    }
    if previous is not None:
        aws.call("stepfunctions", "update_state_machine_alias", stateMachineAliasArn=previous.reference, **given)
        return previous
    name = resource.properties["Name"]
    arn = aws.call("stepfunctions", "create_state_machine_alias", name=name, **given)["stateMachineAliasArn"]
    return Made(arn, {"Arn": arn})


def _not_made(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    return Made(resource.name("Name", longest=100))


for _type, _fixed in (
    ("AWS::CodeDeploy::Application", "ApplicationName ComputePlatform"),
    ("AWS::CodeDeploy::DeploymentGroup", "ApplicationName DeploymentGroupName"),
):
    resource_type(_type, "*", without_effect={"": ROLLOUTS}, fixed=_fixed, delete=nothing, find=nowhere)(_not_made)
