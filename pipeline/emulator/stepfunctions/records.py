"""An execution that runs and one that has ended, seen alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipeline.emulator.stepfunctions.archive import Body, Ended, Machine, Summary, archive

ENDED = ("SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT")


def summary_of(execution: Any) -> Summary:
    """What lists tell of an execution of either kind."""
    if isinstance(execution, Ended):
        return execution.summary
    return Summary(
        arn=execution.execution_arn,
        name=execution.name,
        machine_arn=execution.state_machine_arn,
        number=execution.number,
        status=execution.status,
        started=_seconds(execution.start_date),
        stopped=_seconds(execution.stop_date) if execution.status in ENDED else None,
        redrive_count=execution.redrive_count,
        redriven=_seconds(execution.redrive_date) if execution.redrive_date else None,
        version_arn=execution.state_machine.version_arn,
        alias_arn=execution.state_machine.alias_arn,
    )


def record_of(execution: Any) -> Ended:
    """All but the history of an execution of either kind."""
    if isinstance(execution, Ended):
        return execution
    env = execution.exec_worker.env
    variables = env.variable_store if env else None
    body = Body(
        input=execution.execution_input,
        output=execution.output,
        error=execution.error,
        cause=execution.cause,
        trace_header=execution.trace_header,
        test_case=execution.test_case,
        variables={**variables._outer_scope, **variables._inner_scope} if variables else {},
        events=len(env.event_manager._history_event_list) if env else 0,
    )
    machine = execution.state_machine
    snapshot = Machine(
        arn=machine.arn,
        name=machine.name,
        definition=machine.definition,
        role_arn=machine.roleArn,
        updated=_seconds(machine.update_date),
        logging=machine.loggingConfiguration,
        tracing=machine.tracingConfiguration,
    )
    return Ended(summary_of(execution), body, snapshot)


def events_of(execution: Any) -> list[Any]:
    """The history of an execution of either kind, oldest first. Nobody may change the events."""
    if isinstance(execution, Ended):
        return archive().events(execution.execution_arn)
    env = execution.exec_worker.env
    if env is None:
        return []
    manager = env.event_manager
    with manager._mutex:
        return list(manager._history_event_list)


def _seconds(moment: datetime) -> float:
    # moto's own times have no zone and are UTC.
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
