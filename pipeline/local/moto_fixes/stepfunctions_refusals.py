"""What the embedded Step Functions does not run is refused when the machine is made, by name.

moto takes such a definition, and runs it in part or fails when an execution comes to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_REQUEST, _TOKEN, _SYNC, _SYNC_2 = "", "waitForTaskToken", "sync", "sync:2"
_PATTERNS = {
    "lambda": {_REQUEST, _TOKEN},
    "sqs": {_REQUEST, _TOKEN},
    "sns": {_REQUEST, _TOKEN},
    "events": {_REQUEST, _TOKEN},
    "dynamodb": {_REQUEST},
    "glue": {_REQUEST, _SYNC},
    "states": {_REQUEST, _TOKEN, _SYNC, _SYNC_2},
    "aws-sdk": {_REQUEST, _TOKEN},
}
_DISTRIBUTED_ONLY = ("ItemReader", "ItemBatcher", "ResultWriter", "Label")
_INTEGRATION = "arn:aws:states:::"


class NotEmbedded(ValueError):
    """A definition that the embedded AWS does not run, with the feature's name."""


def refuse_what_is_not_embedded(definition: str) -> None:
    """`NotEmbedded` for the first thing in `definition` that would not run as on AWS."""
    for name, state in _states(json.loads(definition)):
        if state.get("Type") == "Map":
            _check_map(name, state)
        elif state.get("Type") == "Task":
            _check_resource(name, str(state.get("Resource", "")))


def _states(machine: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state with its name, those of branches and iterations too."""
    for name, state in machine.get("States", {}).items():
        yield name, state
        for inner in (*state.get("Branches", ()), state.get("ItemProcessor"), state.get("Iterator")):
            if inner:
                yield from _states(inner)


def _refused(name: str, feature: str) -> NotEmbedded:
    return NotEmbedded(f"The embedded AWS does not run {feature} (state '{name}')")


def _check_map(name: str, state: dict[str, Any]) -> None:
    processor = state.get("ItemProcessor") or state.get("Iterator") or {}
    if processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
        raise _refused(name, "Distributed Map: only ProcessorConfig.Mode INLINE")
    for field in state:
        if field in _DISTRIBUTED_ONLY or field.startswith("ToleratedFailure"):
            raise _refused(name, f"{field}, which belongs to Distributed Map")


def _check_resource(name: str, resource: str) -> None:
    if ":activity:" in resource:
        raise _refused(name, "activities")
    if not resource.startswith(_INTEGRATION):
        return
    action, _, pattern = resource.removeprefix(_INTEGRATION).partition(".")
    service, _, operation = action.partition(":")
    if service not in _PATTERNS:
        raise _refused(name, f"the optimised integration of {service}; aws-sdk:{service} calls the service")
    is_known = _is_operation(operation) if service == "aws-sdk" else True
    if pattern not in _PATTERNS[service] or not is_known:
        raise NotEmbedded(
            f"The resource provided {resource} is not recognized. The value is not a valid resource ARN, "
            "or the resource is not available in this region."
        )


def _is_operation(operation: str) -> bool:
    """Whether `service:action` of an `aws-sdk` resource is an operation that botocore knows."""
    from botocore.exceptions import UnknownServiceError

    from pipeline.local.moto_fixes.stepfunctions_integrations import operations, sdk_service

    service, _, action = operation.partition(":")
    try:
        return action.lower() in operations(sdk_service(service))
    except UnknownServiceError:
        return False
