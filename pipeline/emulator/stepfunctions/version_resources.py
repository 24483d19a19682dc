"""Published versions of state machines, and the aliases that lead to them."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import ROLLOUTS
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, by_reference, nowhere, resource_type


@resource_type(
    "AWS::StepFunctions::StateMachineVersion",
    "StateMachineArn StateMachineRevisionId Description",
    delete=by_reference("stepfunctions", "delete_state_machine_version", "stateMachineVersionArn"),
    find=nowhere,
)
def machine_version(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A published version; every change makes another."""
    given = resource.only("StateMachineArn", "Description")
    for revision in resource.only("StateMachineRevisionId").values():
        given["revisionId"] = revision
    arn = aws.call("stepfunctions", "publish_state_machine_version", **given)["stateMachineVersionArn"]
    return Made(arn, {"Arn": arn})


def _machine_alias_arn(aws: Aws, resource: Resource) -> str:
    version = str(resource.properties["DeploymentPreference"]["StateMachineVersionArn"])
    return f"{version.rpartition(':')[0]}:{resource.properties['Name']}"


@resource_type(
    "AWS::StepFunctions::StateMachineAlias",
    """Name Description DeploymentPreference.StateMachineVersionArn DeploymentPreference.Type
    DeploymentPreference.Percentage DeploymentPreference.Interval DeploymentPreference.Alarms""",
    without_effect={f"DeploymentPreference.{name}": ROLLOUTS for name in ("Type", "Percentage", "Interval", "Alarms")},
    resets={"Description": ""},
    delete=by_reference("stepfunctions", "delete_state_machine_alias", "stateMachineAliasArn"),
    find=_machine_alias_arn,
)
def machine_alias(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A name that leads to a published version."""
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
