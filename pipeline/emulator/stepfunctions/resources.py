"""Step Functions state machines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from pipeline.emulator.cloudformation.reasons import TRACING
from pipeline.emulator.cloudformation.resource_types import (
    Aws,
    Made,
    Resource,
    by_reference,
    is_there,
    resource_type,
    text,
)
from pipeline.emulator.cloudformation.tags import listed, retag
from pipeline.emulator.stepfunctions.validation.diagnostics import Diagnostic, refusal

_REVISION = "StateMachineRevisionId"
_INITIAL = "INITIAL"
# Machines name functions, queues and tables by what only their making tells.
_UNKNOWN_ARN = re.compile("⟨[^⟩]*⟩")
_LEFT_OVER = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


def _name(resource: Resource) -> str:
    return resource.name("StateMachineName", longest=80)


def _arn(aws: Aws, resource: Resource) -> str:
    return aws.arn("states", f"stateMachine:{_name(resource)}")


def _check(aws: Aws, resource: Resource) -> None:
    """Raise what CreateStateMachine would say of the definition."""
    definition = _definition(aws, resource)
    assumed = _UNKNOWN_ARN.sub(aws.arn("lambda", "function:unknown"), definition)
    if assumed != definition and not _is_json(assumed):
        return
    answer = aws.call("stepfunctions", "validate_state_machine_definition", definition=assumed)
    found = [Diagnostic(**{"location": None, **each}) for each in answer["diagnostics"]]
    if told := refusal(found):
        raise ClientError({"Error": {"Code": "InvalidDefinition", "Message": told}}, "CreateStateMachine")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@resource_type(
    "AWS::StepFunctions::StateMachine",
    """StateMachineName StateMachineType RoleArn DefinitionString Definition.* DefinitionSubstitutions.* Tags.*
    DefinitionS3Location.Bucket DefinitionS3Location.Key DefinitionS3Location.Version
    LoggingConfiguration.Level LoggingConfiguration.IncludeExecutionData
    LoggingConfiguration.Destinations[].CloudWatchLogsLogGroup.LogGroupArn TracingConfiguration.Enabled""",
    without_effect={"TracingConfiguration": TRACING},
    resets={"LoggingConfiguration": {"Level": "OFF"}, "TracingConfiguration": {"Enabled": False}},
    renewed=(_REVISION,),
    check=_check,
    delete=by_reference("stepfunctions", "delete_state_machine", "stateMachineArn"),
    find=_arn,
)
def state_machine(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A state machine, its definition from S3 or in the template."""
    given = resource.only("RoleArn", "LoggingConfiguration", "TracingConfiguration")
    given["definition"] = _definition(aws, resource)
    if previous is not None:
        aws.call("stepfunctions", "update_state_machine", stateMachineArn=previous.reference, **given)
        retag(aws, resource, "stepfunctions", resourceArn=previous.reference)
        described = aws.call("stepfunctions", "describe_state_machine", stateMachineArn=previous.reference)
        revision = described.get("revisionId", _INITIAL)
        return Made(previous.reference, {**previous.attributes, _REVISION: revision})
    name = _name(resource)
    if is_there(aws, "stepfunctions", "describe_state_machine", stateMachineArn=_arn(aws, resource)):
        raise resource.taken(name)
    more = {"type": resource.properties.get("StateMachineType", "STANDARD"), "tags": listed(resource.tags())}
    arn = aws.call("stepfunctions", "create_state_machine", name=name, **more, **given)["stateMachineArn"]
    return Made(arn, {"Arn": arn, "Name": name, _REVISION: _INITIAL})


def _stored(aws: Aws, where: Mapping[str, Any]) -> bytes:
    if (planned := aws.uploads(str(where["Key"]))) is not None:
        return planned
    version = {"VersionId": where["Version"]} if "Version" in where else {}
    answer = aws.call("s3", "get_object", Bucket=where["Bucket"], Key=where["Key"], **version)
    return bytes(answer["Body"].read())


def _definition(aws: Aws, resource: Resource) -> str:
    """The definition with its substitutions made; one that nothing is given for is an error, as it is never meant."""
    given = resource.properties
    if "DefinitionS3Location" in given:
        definition = _stored(aws, given["DefinitionS3Location"]).decode("utf-8")
    else:
        definition = given.get("DefinitionString") or json.dumps(given["Definition"])
    for name, value in given.get("DefinitionSubstitutions", {}).items():
        definition = definition.replace(f"${{{name}}}", text(value))
    if left := sorted(set(_LEFT_OVER.findall(definition))):
        raise (resource.place / "DefinitionSubstitutions").wrong(f"the definition also needs {', '.join(left)}")
    return str(definition)
