"""An execution that runs and one that has ended, seen alike."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipeline.emulator.stepfunctions.archive import Archive, Body, Ended, Summary

if TYPE_CHECKING:
    from pipeline.emulator.stepfunctions.execution import Execution

ENDED = ("SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT")


def summary_of(execution: Execution | Ended) -> Summary:
    """What lists tell of an execution of either kind."""
    if isinstance(execution, Ended):
        return execution.summary
    return Summary(
        arn=execution.arn,
        name=execution.name,
        machine_arn=execution.snapshot.arn,
        number=execution.number,
        status=execution.status,
        started=execution.started.timestamp(),
        stopped=_seconds(execution.stopped) if execution.status in ENDED else None,
        redrive_count=execution.redrive_count,
        redriven=_seconds(execution.redriven),
        version_arn=execution.version_arn,
        alias_arn=execution.alias_arn,
    )


def record_of(execution: Execution | Ended) -> Ended:
    """All but the history of an execution of either kind."""
    if isinstance(execution, Ended):
        return execution
    env = execution.env
    variables = env.variable_store if env else None
    body = Body(
        input=execution.input,
        output=execution.output,
        error=execution.error,
        cause=execution.cause,
        trace_header=execution.trace_header,
        test_case=execution.test_case,
        variables={**variables._outer_scope, **variables._inner_scope} if variables else {},
        events=len(env.event_manager._history_event_list) if env else 0,
    )
    return Ended(summary_of(execution), body, execution.snapshot)


def events_of(execution: Execution | Ended, archive: Archive) -> list[Any]:
    """The history of an execution of either kind, oldest first. Nobody may change the events."""
    if isinstance(execution, Ended):
        return archive.events(execution.summary.arn)
    env = execution.env
    if env is None:
        return []
    manager = env.event_manager
    with manager._mutex:
        return list(manager._history_event_list)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
