"""Step Functions' API: JSON 1.0, written by botocore's model of the service."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pipeline.emulator.stepfunctions import (
    aliases,
    callbacks,
    definitions,
    executions,
    reads,
    redrive,
    state_machines,
    versions,
)
from pipeline.emulator.stepfunctions.errors import StepFunctionsError
from pipeline.emulator.stepfunctions.service import STEP_FUNCTIONS, Answer, Region, Request

Operation = Callable[[Region, Request], Answer]

OPERATIONS: Mapping[str, Operation] = {
    "CreateStateMachine": state_machines.create_state_machine,
    "CreateStateMachineAlias": aliases.create_state_machine_alias,
    "DeleteStateMachine": state_machines.delete_state_machine,
    "DeleteStateMachineAlias": aliases.delete_state_machine_alias,
    "DeleteStateMachineVersion": versions.delete_state_machine_version,
    "DescribeExecution": reads.describe_execution,
    "DescribeStateMachine": state_machines.describe_state_machine,
    "DescribeStateMachineAlias": aliases.describe_state_machine_alias,
    "DescribeStateMachineForExecution": reads.describe_state_machine_for_execution,
    "GetExecutionHistory": reads.get_execution_history,
    "ListExecutions": reads.list_executions,
    "ListStateMachineAliases": aliases.list_state_machine_aliases,
    "ListStateMachineVersions": versions.list_state_machine_versions,
    "ListStateMachines": reads.list_state_machines,
    "ListTagsForResource": state_machines.list_tags_for_resource,
    "PublishStateMachineVersion": versions.publish_state_machine_version,
    "RedriveExecution": redrive.redrive_execution,
    "SendTaskFailure": callbacks.send_task_failure,
    "SendTaskHeartbeat": callbacks.send_task_heartbeat,
    "SendTaskSuccess": callbacks.send_task_success,
    "StartExecution": executions.start_execution,
    "StopExecution": executions.stop_execution,
    "TagResource": state_machines.tag_resource,
    "UntagResource": state_machines.untag_resource,
    "UpdateStateMachine": state_machines.update_state_machine,
    "UpdateStateMachineAlias": aliases.update_state_machine_alias,
    "ValidateStateMachineDefinition": definitions.validate_state_machine_definition,
}
"""Every operation that is answered."""

_SCOPE = re.compile(r"Credential=([^/]+)/\d*/([^/]+)/")


def answer(request: Any, url: str, headers: Any) -> tuple[int, dict[str, str], str]:
    """What moto's server and its mock send for a call: status, headers and body.

    `NotImplementedError` for an operation that is not answered. What a malformed request raises is the gateway's to
    word.
    """
    target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    operation = OPERATIONS.get(target)
    if operation is None:
        raise NotImplementedError(f"Step Functions has no {target} here")
    sent: dict[str, str] = {
        "Content-Type": "application/x-amz-json-1.0",
        "x-amzn-RequestId": str(uuid.uuid4()),
        "server": "amazon.com",
    }
    try:
        found = operation(_region(request.headers), json.loads(request.data))
    except StepFunctionsError as error:
        return 400, sent, json.dumps({"__type": error.code, "message": error.message})
    shape = _model().operation_model(target).output_shape
    return 200, sent, json.dumps(written(found, shape))


def written(value: Any, shape: Any) -> Any:
    """A value of an answer as JSON 1.0 has it: times in seconds, and nothing that the service's model does not have."""
    match shape.type_name:
        case "structure":
            members = shape.members
            return {
                name: written(each, members[name])
                for name, each in value.items()
                if name in members and each is not None
            }
        case "list":
            return [written(each, shape.member) for each in value]
        case "map":
            return {key: written(each, shape.value) for key, each in value.items()}
        case "timestamp":
            return _seconds(value)
        case "integer" | "long":
            return int(value)
    return value


def _seconds(moment: datetime | float | str) -> float:
    """To the millisecond, as AWS gives them."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    whole = moment.replace(microsecond=0, tzinfo=moment.tzinfo or UTC)
    return int(whole.timestamp()) + moment.microsecond // 1000 / 1000


def _region(headers: Mapping[str, str]) -> Region:
    from moto.iam.models import get_account_id_from

    scope = _SCOPE.search(headers.get("Authorization", ""))
    key, name = (scope[1], scope[2]) if scope else ("", "us-east-1")
    return STEP_FUNCTIONS.region(get_account_id_from(key), name)


@cache
def _model() -> Any:
    from botocore.session import get_session

    return get_session().get_service_model("stepfunctions")
