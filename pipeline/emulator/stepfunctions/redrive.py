"""RedriveExecution: an execution that did not succeed goes on where it stopped."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from pipeline.emulator.stepfunctions import test_cases
from pipeline.emulator.stepfunctions.archive import Ended
from pipeline.emulator.stepfunctions.errors import api_error
from pipeline.emulator.stepfunctions.execution import Execution
from pipeline.emulator.stepfunctions.executions import find
from pipeline.emulator.stepfunctions.interpreter.resuming import Redrive
from pipeline.emulator.stepfunctions.reads import not_redrivable
from pipeline.emulator.stepfunctions.records import events_of, record_of
from pipeline.emulator.stepfunctions.redrive_plan import plan
from pipeline.emulator.stepfunctions.service import Answer, Region, Request

REMEMBERED_TOKENS = 1_000


def redrive_execution(region: Region, request: Request) -> Answer:
    """Once for a `clientToken`. `ExecutionNotRedrivable` with AWS's reason."""
    arn, token = request["executionArn"], request.get("clientToken")
    service = region.service
    with service.changing:
        ended = record_of(find(region, arn))
        known = region.redrives.get((arn, token)) if token else None
        if known is not None:
            return {"redriveDate": known}
        now = datetime.now(UTC)
        reason = not_redrivable(ended, now)
        if reason is not None:
            raise api_error("ExecutionNotRedrivable", reason)
        execution = _start_again(region, ended, now)
        if token:
            _remember(region, arn, token, now)
    service.report(execution, "RUNNING")
    return {"redriveDate": now}


def _start_again(region: Region, ended: Ended, now: datetime) -> Execution:
    """With the definition of the first attempt, also if the machine has another one now."""
    summary, body, archive = ended.summary, ended.body, region.service.archive
    events = events_of(ended, archive)
    way = plan(json.loads(ended.machine.definition), events, json.loads(body.input))
    execution = Execution(
        region=region,
        machine=region.machine(ended.machine.arn),
        snapshot=ended.machine,
        name=summary.name,
        input=body.input,
        number=summary.number,
        started=datetime.fromtimestamp(summary.started, UTC),
        version_arn=summary.version_arn,
        alias_arn=summary.alias_arn,
        trace_header=body.trace_header,
        test_case=body.test_case,
        mocks=test_cases.chosen(ended.machine.name, body.test_case) if body.test_case else None,
        redrive=Redrive(summary.redrive_count + 1, now, events, body.variables, way),
    )
    archive.remove(summary.arn)
    execution.start()
    return execution


def _remember(region: Region, arn: str, token: str, now: datetime) -> None:
    region.redrives[arn, token] = now
    while len(region.redrives) > REMEMBERED_TOKENS:
        del region.redrives[next(iter(region.redrives))]
