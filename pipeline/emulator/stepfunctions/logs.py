"""Execution logs: the events of a history in CloudWatch Logs, as `loggingConfiguration` of a state machine wants them.

Source: "Using CloudWatch Logs to log execution history" of the Step Functions guide.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.emulator.stepfunctions.archive import Machine
from pipeline.emulator.stepfunctions.errors import api_error

OFF = {"level": "OFF", "includeExecutionData": False}
LONGEST_DATA = 248 * 1024
"""Bytes of an input or output in a log; the rest is cut off, and `truncated` says so."""

EXECUTION_DATA = ("input", "inputDetails", "output", "outputDetails", "parameters")


@dataclass(frozen=True, slots=True)
class ExecutionLog:
    """Where the events of one execution go. A group that is not there gets nothing, as on AWS."""

    execution_arn: str
    account: str
    region: str
    group: str
    stream: str
    level: str
    with_data: bool
    redrive_count: int

    def write(self, event_id: int, cause_id: int, event_type: Any, timestamp: str, details: Any) -> None:
        from moto.logs.exceptions import ResourceNotFoundException
        from moto.logs.models import logs_backends
        from moto.stepfunctions.parser.api import LogLevel
        from moto.stepfunctions.parser.asl.eval.event.logging import is_logging_enabled_for

        if not is_logging_enabled_for(LogLevel(self.level), event_type):
            return
        at = int(datetime.fromisoformat(timestamp).timestamp() * 1000)
        entry = {
            "id": str(event_id),
            "type": event_type.value,
            "details": self._details(next(iter(details.values()), None) if details else None),
            "previous_event_id": str(cause_id),
            "event_timestamp": str(at),
            "execution_arn": self.execution_arn,
            "redrive_count": str(self.redrive_count),
        }
        backend = logs_backends[self.account][self.region]
        with contextlib.suppress(ResourceNotFoundException):
            backend.ensure_log_stream(self.group, self.stream)
            backend.put_log_events(self.group, self.stream, [{"timestamp": at, "message": json.dumps(entry)}])

    def _details(self, given: dict[str, Any] | None) -> dict[str, Any]:
        details = dict(given or {})
        for name in ("input", "output"):
            text = details.get(name)
            if isinstance(text, str) and len(text.encode()) > LONGEST_DATA:
                details[name] = text.encode()[:LONGEST_DATA].decode(errors="ignore")
                details[f"{name}Details"] = {"truncated": True}
        if not self.with_data:
            details = {name: value for name, value in details.items() if name not in EXECUTION_DATA}
        return details


def log_of(machine: Machine, execution_arn: str, redrive_count: int) -> ExecutionLog | None:
    """The log that the machine's configuration asks for; None if it is off."""
    wanted = machine.logging
    if wanted.get("level", "OFF") == "OFF":
        return None
    region, account, group = _group(wanted["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"])
    minute = datetime.now(UTC).strftime("%Y-%m-%d-%H-%M")
    stream = f"states/{machine.name}/{minute}/{execution_arn.rpartition(':')[2]}"
    with_data = bool(wanted.get("includeExecutionData"))
    return ExecutionLog(execution_arn, account, region, group, stream, wanted["level"], with_data, redrive_count)


def checked(wanted: dict[str, Any] | None) -> dict[str, Any]:
    """A configuration with its defaults. `InvalidLoggingConfiguration` if there is not exactly one log group for it."""
    from moto.logs.models import logs_backends

    complete: dict[str, Any] = {**OFF, **(wanted or {})}
    if complete["level"] == "OFF":
        return complete
    destinations = complete.get("destinations") or []
    if len(destinations) != 1:
        raise _invalid("Must specify exactly one Log Destination.")
    arn = destinations[0].get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
    if ":log-group:" not in arn or not arn.endswith(":*"):
        raise _invalid(f"{arn!r} is not the ARN of a log group followed by ':*'.")
    region, account, group = _group(arn)
    if group not in logs_backends[account][region].groups:
        raise _invalid(f"there is no log group {group}.")
    return complete


def _group(arn: str) -> tuple[str, str, str]:
    parts = arn.split(":")
    return parts[3], parts[4], parts[6]


def _invalid(words: str) -> Exception:
    return api_error("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {words}")
