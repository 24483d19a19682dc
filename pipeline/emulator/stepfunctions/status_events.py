"""Step Functions' "Execution Status Change" events, which moto does not emit."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pipeline.core.clock import epoch_ms
from pipeline.emulator.stepfunctions import executions
from pipeline.emulator.stepfunctions.reads import not_redrivable_in

LARGEST_PAYLOAD_BYTES = 248 * 1024
"""Input and output are left out of the event above this, together with the output where both do not fit."""

Publish = Callable[[dict[str, Any]], None]


class ExecutionEvents:
    """Publishes an event when an execution starts and when it ends, between `start` and `stop`."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    def start(self) -> None:
        executions.listener = self._changed

    def stop(self) -> None:
        executions.listener = None

    def _changed(self, execution: Any, status: str) -> None:
        self._publish(status_event(execution, status))


def status_event(execution: Any, status: str) -> dict[str, Any]:
    """The event of AWS for moto's execution that got `status`.

    Source: "Step Functions execution status change" in the EventBridge events reference.
    """
    is_running = status == "RUNNING"
    reason = not_redrivable_in(status)
    ended = None if is_running else execution.stop_date
    output = execution.output if status == "SUCCEEDED" else None
    text, text_details = _payload(execution.execution_input, LARGEST_PAYLOAD_BYTES)
    result, result_details = _payload(output, LARGEST_PAYLOAD_BYTES - len((text or "").encode()))
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": execution.account_id,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": execution.region_name,
        "resources": [execution.execution_arn],
        "detail": {
            "executionArn": execution.execution_arn,
            "stateMachineArn": execution.state_machine_arn,
            "stateMachineVersionArn": execution.state_machine.version_arn,
            "stateMachineAliasArn": execution.state_machine.alias_arn,
            "name": execution.name,
            "status": status,
            "startDate": epoch_ms(execution.start_date),
            "stopDate": epoch_ms(ended.replace(tzinfo=ended.tzinfo or UTC)) if ended else None,
            "input": text,
            "inputDetails": text_details,
            "output": result,
            "outputDetails": result_details,
            "error": None if is_running else execution.error,
            "cause": None if is_running else execution.cause,
            "redriveCount": execution.redrive_count,
            "redriveDate": epoch_ms(execution.redrive_date) if execution.redrive_date else None,
            "redriveStatus": "NOT_REDRIVABLE" if reason else "REDRIVABLE",
            "redriveStatusReason": reason,
        },
    }


def _payload(value: Any, limit: int) -> tuple[str | None, dict[str, bool] | None]:
    if value is None:
        return None, None
    text = value if isinstance(value, str) else json.dumps(value)
    return (text, {"included": True}) if len(text.encode()) <= limit else (None, {"included": False})
