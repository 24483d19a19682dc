"""What Step Functions answers of executions and machines: descriptions, lists and histories, in AWS's fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.emulator.stepfunctions.archive import Ended, Summary
from pipeline.emulator.stepfunctions.errors import api_error
from pipeline.emulator.stepfunctions.executions import find
from pipeline.emulator.stepfunctions.logs import EXECUTION_DATA
from pipeline.emulator.stepfunctions.machines import STANDARD, Machine
from pipeline.emulator.stepfunctions.pages import choice, last_given, page_size, token_for
from pipeline.emulator.stepfunctions.records import events_of, record_of, summary_of
from pipeline.emulator.stepfunctions.service import Answer, Region, Request
from pipeline.emulator.stepfunctions.versions import started_by

REDRIVABLE_FOR = timedelta(days=14)
EVENTS_FOR_A_REDRIVE = 24_999
"""A history of as many events has no room for a redrive."""

_STATUSES = ("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING")
_BEYOND = 1 << 62


def not_redrivable(ended: Ended, now: datetime) -> str | None:
    """Why an execution cannot be redriven, in AWS's words, or None."""
    summary = ended.summary
    if (reason := not_redrivable_in(summary.status)) is not None:
        return reason
    if summary.stopped is not None and now - datetime.fromtimestamp(summary.stopped, UTC) > REDRIVABLE_FOR:
        return "Execution redrivable period exceeded"
    if ended.body.events >= EVENTS_FOR_A_REDRIVE:
        return "Execution history event limit exceeded"
    return None


def not_redrivable_in(status: str) -> str | None:
    """Why no execution of this status can be redriven, or None."""
    return f"Execution is {status} and cannot be redriven" if status in ("RUNNING", "SUCCEEDED") else None


def describe_execution(region: Region, request: Request) -> Answer:
    ended = record_of(find(region, request["executionArn"]))
    answer = _listed(ended.summary) | _redrive_status(ended)
    if ended.body.trace_header:
        answer["traceHeader"] = ended.body.trace_header
    if request.get("includedData") != "METADATA_ONLY":
        data = {name: getattr(ended.body, name) for name in ("input", "output", "error", "cause")}
        answer |= {name: value for name, value in data.items() if value is not None}
        answer |= {f"{name}Details": {"included": True} for name in ("input", "output") if name in answer}
    return answer


def _redrive_status(found: Ended) -> dict[str, str]:
    reason = not_redrivable(found, datetime.now(UTC))
    if reason is None:
        return {"redriveStatus": "REDRIVABLE"}
    return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}


def _listed(summary: Summary) -> Answer:
    return {
        "executionArn": summary.arn,
        "name": summary.name,
        "stateMachineArn": summary.machine_arn,
        "stateMachineVersionArn": summary.version_arn,
        "stateMachineAliasArn": summary.alias_arn,
        "status": summary.status,
        "startDate": summary.started,
        "stopDate": summary.stopped,
        "redriveCount": summary.redrive_count,
        "redriveDate": summary.redriven,
    }


def describe_state_machine_for_execution(region: Region, request: Request) -> Answer:
    """The machine as it was when the execution started."""
    machine = record_of(find(region, request["executionArn"])).machine
    return {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "definition": machine.definition,
        "roleArn": machine.role_arn,
        "updateDate": machine.updated,
        "loggingConfiguration": machine.logging,
        "tracingConfiguration": machine.tracing,
    }


def list_executions(region: Region, request: Request) -> Answer:
    """Newest first. What starts or ends between two pages moves nothing from one to the other."""
    if request.get("mapRunArn"):
        raise api_error("ValidationException", "The embedded AWS has no Distributed Map, and so no Map Runs.")
    arn = request.get("stateMachineArn")
    if not arn:
        raise api_error("ValidationException", "Either stateMachineArn or mapRunArn is needed.")
    machine = started_by(region, arn).machine
    status = choice("statusFilter", request.get("statusFilter"), _STATUSES)
    redrive = choice("redriveFilter", request.get("redriveFilter"), ("REDRIVEN", "NOT_REDRIVEN"))
    limit = page_size(request.get("maxResults"))
    question = f"executions {arn} {status} {redrive}"
    before = last_given(request.get("nextToken"), question) or _BEYOND
    redriven = None if redrive is None else redrive == "REDRIVEN"
    newest = _newest(region, machine, arn, before, limit + 1, status, redriven)
    more = token_for(question, newest[limit - 1].number) if len(newest) > limit else None
    return {"executions": [_listed(summary) for summary in newest[:limit]], "nextToken": more}


def _newest(
    region: Region, machine: Machine, arn: str, before: int, limit: int, status: str | None, redriven: bool | None
) -> list[Summary]:
    with region.service.changing:
        running = [summary_of(execution) for execution in machine.executions]
        ended = region.service.archive.newest(arn, before=before, limit=limit, status=status, redriven=redriven)
    wanted = [
        summary
        for summary in running
        if summary.number < before
        and arn in (summary.machine_arn, summary.version_arn, summary.alias_arn)
        and status in (None, summary.status)
        and redriven in (None, summary.redrive_count > 0)
    ]
    # One that is just ending is in both places.
    summaries = {summary.number: summary for summary in wanted + ended}
    return [summaries[number] for number in sorted(summaries, reverse=True)[:limit]]


def list_state_machines(region: Region, request: Request) -> Answer:
    """By name, as AWS lists them."""
    limit = page_size(request.get("maxResults"))
    after = last_given(request.get("nextToken"), "machines") or ""
    machines = sorted(region.machines.values(), key=lambda machine: machine.name)
    following = [machine for machine in machines if machine.name > after]
    return {
        "stateMachines": [
            {
                "creationDate": machine.created,
                "name": machine.name,
                "stateMachineArn": machine.arn,
                "type": STANDARD,
            }
            for machine in following[:limit]
        ],
        "nextToken": token_for("machines", following[limit - 1].name) if len(following) > limit else None,
    }


def get_execution_history(region: Region, request: Request) -> Answer:
    execution = find(region, request["executionArn"])
    backwards = bool(request.get("reverseOrder"))
    limit = page_size(request.get("maxResults"))
    question = f"history {request['executionArn']} {backwards}"
    last = last_given(request.get("nextToken"), question)
    events = events_of(execution, region.service.archive)
    if backwards:
        events = [event for event in reversed(events) if last is None or event["id"] < last]
    else:
        # Ids count from 1 without a gap.
        events = events[last or 0 :]
    page = events[:limit]
    more = token_for(question, page[-1]["id"]) if len(events) > limit else None
    if request.get("includeExecutionData", True) is False:
        page = [_without_data(event) for event in page]
    return {"events": page, "nextToken": more}


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        key: {name: inner for name, inner in value.items() if name not in EXECUTION_DATA}
        if isinstance(value, dict)
        else value
        for key, value in event.items()
    }
