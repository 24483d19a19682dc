"""Step Functions' "Execution Status Change" events."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pipeline.core.clock import epoch_ms
from pipeline.emulator.stepfunctions.execution import Execution
from pipeline.emulator.stepfunctions.reads import not_redrivable_in
from pipeline.emulator.stepfunctions.service import STEP_FUNCTIONS, StepFunctions

LARGEST_PAYLOAD_BYTES = 248 * 1024
"""Input and output are left out of the event above this, together with the output where both do not fit."""

Publish = Callable[[dict[str, Any]], None]


class ExecutionEvents:
    """Publishes an event when an execution starts and when it ends, between `start` and `stop`."""

    def __init__(self, publish: Publish, service: StepFunctions = STEP_FUNCTIONS) -> None:
        self._publish = publish
        self._service = service

    def start(self) -> None:
        self._service.listener = self._changed

    def stop(self) -> None:
        self._service.listener = None

    def _changed(self, execution: Execution, status: str) -> None:
        self._publish(status_event(execution, status))


def status_event(execution: Execution, status: str) -> dict[str, Any]:
    """The event of AWS for an execution that got `status`.

    Source: "Step Functions execution status change" in the EventBridge events reference.
    """
    is_running = status == "RUNNING"
    reason = not_redrivable_in(status)
    ended = None if is_running else execution.stopped
    output = execution.output if status == "SUCCEEDED" else None
    text, text_details = _payload(execution.input, LARGEST_PAYLOAD_BYTES)
    result, result_details = _payload(output, LARGEST_PAYLOAD_BYTES - len((text or "").encode()))
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": execution.region.account,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": execution.region.name,
        "resources": [execution.arn],
        "detail": {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine.arn,
            "stateMachineVersionArn": execution.version_arn,
            "stateMachineAliasArn": execution.alias_arn,
            "name": execution.name,
            "status": status,
            "startDate": epoch_ms(execution.started),
            "stopDate": epoch_ms(ended) if ended else None,
            "input": text,
            "inputDetails": text_details,
            "output": result,
            "outputDetails": result_details,
            "error": None if is_running else execution.error,
            "cause": None if is_running else execution.cause,
            "redriveCount": execution.redrive_count,
            "redriveDate": epoch_ms(execution.redriven) if execution.redriven else None,
            "redriveStatus": "NOT_REDRIVABLE" if reason else "REDRIVABLE",
            "redriveStatusReason": reason,
        },
    }


def _payload(value: Any, limit: int) -> tuple[str | None, dict[str, bool] | None]:
    if value is None:
        return None, None
    text = value if isinstance(value, str) else json.dumps(value)
    return (text, {"included": True}) if len(text.encode()) <= limit else (None, {"included": False})
