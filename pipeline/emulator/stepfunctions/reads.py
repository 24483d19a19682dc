"""What Step Functions tells of executions and machines: descriptions, lists and histories, in AWS's fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.emulator.moto.guard import replace
from pipeline.emulator.stepfunctions import executions as executions
from pipeline.emulator.stepfunctions.archive import Ended, Summary, archive
from pipeline.emulator.stepfunctions.errors import api_error
from pipeline.emulator.stepfunctions.logs import EXECUTION_DATA
from pipeline.emulator.stepfunctions.pages import choice, last_given, page_size, token_for
from pipeline.emulator.stepfunctions.records import events_of, record_of, summary_of
from pipeline.emulator.stepfunctions.versions import started_by

REDRIVABLE_FOR = timedelta(days=14)
EVENTS_FOR_A_REDRIVE = 24_999
"""A history of as many events has no room for a redrive."""

_STATUSES = ("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING")
_BEYOND = 1 << 62


def install() -> None:
    from moto.stepfunctions.responses import StepFunctionResponse

    for name, replacement, source in (
        ("describe_execution", _describe_execution, "c3953bdc9ce2"),
        ("describe_state_machine_for_execution", _describe_machine, "6ea2c887b4ce"),
        ("list_executions", _list_executions, "6fec14cfc5af"),
        ("list_state_machines", _list_machines, "eae80c26e1ca"),
        ("get_execution_history", _get_execution_history, "3889cc6224ac"),
    ):
        replace(StepFunctionResponse, name, replacement, source=source)


def not_redrivable(ended: Ended, now: datetime) -> str | None:
    """Why an execution cannot be redriven, in AWS's words, or None."""
    summary = ended.summary
    if (reason := not_redrivable_in(summary.status)) is not None:
        return reason
    if summary.stopped is not None and now - _time(summary.stopped) > REDRIVABLE_FOR:
        return "Execution redrivable period exceeded"
    if ended.body.events >= EVENTS_FOR_A_REDRIVE:
        return "Execution history event limit exceeded"
    return None


def not_redrivable_in(status: str) -> str | None:
    """Why no execution of this status can be redriven, or None."""
    return f"Execution is {status} and cannot be redriven" if status in ("RUNNING", "SUCCEEDED") else None


def _describe_execution(self: Any) -> Any:
    from moto.core.responses import ActionResult

    found = record_of(self.stepfunction_backend.describe_execution(self._get_param("executionArn")))
    answer = _listed(found.summary) | _redrive_status(found)
    if found.body.trace_header:
        answer["traceHeader"] = found.body.trace_header
    if self._get_param("includedData") != "METADATA_ONLY":
        data = {name: getattr(found.body, name) for name in ("input", "output", "error", "cause")}
        answer |= {name: value for name, value in data.items() if value is not None}
        answer |= {f"{name}Details": {"included": True} for name in ("input", "output") if name in answer}
    return ActionResult(answer)


def _redrive_status(found: Ended) -> dict[str, str]:
    reason = not_redrivable(found, datetime.now(UTC))
    if reason is None:
        return {"redriveStatus": "REDRIVABLE"}
    return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}


def _listed(summary: Summary) -> dict[str, Any]:
    answer = {
        "executionArn": summary.arn,
        "name": summary.name,
        "stateMachineArn": summary.machine_arn,
        "status": summary.status,
        "startDate": _time(summary.started),
        "redriveCount": summary.redrive_count,
    }
    if summary.version_arn is not None:
        answer["stateMachineVersionArn"] = summary.version_arn
    if summary.alias_arn is not None:
        answer["stateMachineAliasArn"] = summary.alias_arn
    if summary.stopped is not None:
        answer["stopDate"] = _time(summary.stopped)
    if summary.redriven is not None:
        answer["redriveDate"] = _time(summary.redriven)
    return answer


def _describe_machine(self: Any) -> Any:
    """The machine as it was when the execution started, where moto tells what it is now."""
    from moto.core.responses import ActionResult

    machine = record_of(self.stepfunction_backend.describe_execution(self._get_param("executionArn"))).machine
    return ActionResult(
        {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "definition": machine.definition,
            "roleArn": machine.role_arn,
            "updateDate": _time(machine.updated),
            "loggingConfiguration": machine.logging,
            "tracingConfiguration": machine.tracing,
        }
    )


def _list_executions(self: Any) -> Any:
    """Newest first. What starts or ends between two pages moves nothing from one to the other."""
    from moto.core.responses import ActionResult

    if self._get_param("mapRunArn"):
        raise api_error("ValidationException", "The embedded AWS has no Distributed Map, and so no Map Runs.")
    arn = self._get_param("stateMachineArn")
    if not arn:
        raise api_error("ValidationException", "Either stateMachineArn or mapRunArn is needed.")
    machine = started_by(self.stepfunction_backend, arn).machine
    status = choice("statusFilter", self._get_param("statusFilter"), _STATUSES)
    redrive = choice("redriveFilter", self._get_param("redriveFilter"), ("REDRIVEN", "NOT_REDRIVEN"))
    limit = page_size(self._get_param("maxResults"))
    question = f"executions {arn} {status} {redrive}"
    before = last_given(self._get_param("nextToken"), question) or _BEYOND
    redriven = None if redrive is None else redrive == "REDRIVEN"
    found = _newest(machine, arn, before, limit + 1, status, redriven)
    answer: dict[str, Any] = {"executions": [_listed(summary) for summary in found[:limit]]}
    if len(found) > limit:
        answer["nextToken"] = token_for(question, found[limit - 1].number)
    return ActionResult(answer)


def _newest(
    machine: Any, arn: str, before: int, limit: int, status: str | None, redriven: bool | None
) -> list[Summary]:
    with executions.changing:
        running = [summary_of(execution) for execution in machine.executions]
        ended = archive().newest(arn, before=before, limit=limit, status=status, redriven=redriven)
    wanted = [
        summary
        for summary in running
        if summary.number < before
        and arn in (summary.machine_arn, summary.version_arn, summary.alias_arn)
        and status in (None, summary.status)
        and redriven in (None, summary.redrive_count > 0)
    ]
    # Of one that is just ending both places tell.
    found = {summary.number: summary for summary in wanted + ended}
    return [found[number] for number in sorted(found, reverse=True)[:limit]]


def _list_machines(self: Any) -> Any:
    """By name, as AWS lists them."""
    from moto.core.responses import ActionResult

    limit = page_size(self._get_param("maxResults"))
    after = last_given(self._get_param("nextToken"), "machines") or ""
    machines = sorted(self.stepfunction_backend.state_machines, key=lambda machine: machine.name)
    found = [machine for machine in machines if machine.name > after]
    answer: dict[str, Any] = {
        "stateMachines": [
            {
                "creationDate": machine.creation_date,
                "name": machine.name,
                "stateMachineArn": machine.arn,
                "type": machine.type,
            }
            for machine in found[:limit]
        ]
    }
    if len(found) > limit:
        answer["nextToken"] = token_for("machines", found[limit - 1].name)
    return ActionResult(answer)


def _get_execution_history(self: Any) -> Any:
    from moto.core.responses import ActionResult

    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    backwards = bool(self._get_param("reverseOrder"))
    limit = page_size(self._get_param("maxResults"))
    question = f"history {execution.execution_arn} {backwards}"
    last = last_given(self._get_param("nextToken"), question)
    events = events_of(execution)
    if backwards:
        events = [event for event in reversed(events) if last is None or event["id"] < last]
    else:
        # Ids count from 1 without a gap.
        events = events[last or 0 :]
    page = events[:limit]
    if self._get_bool_param("includeExecutionData", True) is False:
        page = [_without_data(event) for event in page]
    answer: dict[str, Any] = {"events": page}
    if len(events) > limit:
        answer["nextToken"] = token_for(question, page[-1]["id"])
    return ActionResult(answer)


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        key: {name: inner for name, inner in value.items() if name not in EXECUTION_DATA}
        if isinstance(value, dict)
        else value
        for key, value in event.items()
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
