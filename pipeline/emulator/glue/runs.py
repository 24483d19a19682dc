"""Glue job runs: moto says SUCCEEDED at once and runs nothing; here they go to a runner of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from pipeline.core.clock import system_clock
from pipeline.emulator.glue.job_runs import COUNTED, GlueJobs, Run, RunState
from pipeline.emulator.moto.guard import replace

_WAITS = "Job run is queued: its job has as many runs as MaxConcurrentRuns allows"
_MADE_FOR = "eacd4b77429e"
_runners: list[GlueJobs] = []
_original: Any = None
_lock = threading.Lock()
# What StartJobRun says of queuing, which moto does not hand on.
_queuing: ContextVar[bool | None] = ContextVar("queuing", default=None)


def install(runner: GlueJobs) -> Callable[[], None]:
    """Lead StartJobRun, GetJobRun and BatchStopJobRun to `runner`; the answer takes it away again."""
    global _original
    if _original is None:
        from moto.glue.models import FakeJob
        from moto.glue.responses import GlueResponse

        _original = replace(FakeJob, "start_job_run", _start_job_run, source=_MADE_FOR)
        # moto finds the method of an action by its name, and has none for this one.
        GlueResponse.batch_stop_job_run = _batch_stop_job_run  # type: ignore[attr-defined]
        _remember_queuing(GlueResponse)
    _runners.append(runner)
    return lambda: _runners.remove(runner)


def admit(job: Any) -> None:
    """Let those of a job's runs begin that wait for no other any more, oldest first."""
    with _lock:
        if _runners:
            _admit(job)


def _remember_queuing(responses: Any) -> None:
    @wraps(responses.start_job_run)
    def start_job_run(self: Any) -> Any:
        said = _queuing.set(self.parameters.get("JobRunQueuingEnabled"))
        try:
            return start(self)
        finally:
            _queuing.reset(said)

    start = replace(responses, "start_job_run", start_job_run, source="7a0145281c4d")


def _start_job_run(job: Any, *settings: Any, **named: Any) -> str:
    if not _runners:
        return _original(job, *settings, **named)  # type: ignore[no-any-return]
    with _lock:
        return _start(job, *settings, **named)


def _start(job: Any, *settings: Any, **named: Any) -> str:
    # Glue API, StartJobRun: where run and job differ, the run's own word counts.
    said = _queuing.get()
    queuing = getattr(job, "queuing", False) if said is None else said
    if not queuing:
        _refuse_too_many(job)
    # The original makes the record, with all defaults merged; its own check would find none running.
    limits, job.execution_property = job.execution_property, {"MaxConcurrentRuns": len(job.job_runs) + 1}
    try:
        run_id: str = _original(job, *settings, **named)
    finally:
        job.execution_property = limits
    record = job.job_runs[-1]
    run = Run(
        id=run_id,
        job=job.name,
        # A run may have another script than its job: Glue's own argument for it wins.
        script=(record.arguments or {}).get("--scriptLocation") or job.command["ScriptLocation"],
        arguments={**(record.arguments or {})},
        timeout_minutes=record.timeout,
        started=system_clock(),
        queuing=queuing,
        ended=lambda: admit(job),
        state=RunState.WAITING if queuing else RunState.STARTING,
    )
    job.job_runs[-1] = _record_of(record, run)
    if queuing:
        _admit(job)
    else:
        _runners[-1].submit(run)
    return run_id


def _admit(job: Any) -> None:
    runs = [record.run for record in job.job_runs if hasattr(record, "run")]
    room = job.execution_property.get("MaxConcurrentRuns", 1) - sum(run.state in COUNTED for run in runs)
    for run in [run for run in runs if run.state is RunState.WAITING][: max(room, 0)]:
        _runners[-1].submit(run)


def _refuse_too_many(job: Any) -> None:
    from moto.glue.exceptions import ConcurrentRunsExceededException

    counted = sum(hasattr(record, "run") and record.run.state in COUNTED for record in job.job_runs)
    if counted >= job.execution_property.get("MaxConcurrentRuns", 1):
        raise ConcurrentRunsExceededException(f"Concurrent runs exceeded for {job.name}")


def _record_of(record: Any, run: Run) -> Any:
    """The record as moto made it, whose state is the run's."""
    from moto.glue.models import FakeJobRun

    class LocalJobRun(FakeJobRun):
        def __init__(self) -> None:
            self.__dict__.update(record.__dict__)
            self.run = run

        @property  # type: ignore[misc]
        def status(self) -> str:
            return self.run.state.value

        def as_dict(self) -> dict[str, Any]:
            facts = {**super().as_dict(), **_facts(self.run)}
            return {name: value for name, value in facts.items() if value is not None}

    return LocalJobRun()


def _facts(run: Run) -> dict[str, Any]:
    return {
        "JobRunState": run.state.value,
        "StartedOn": run.started,
        "LastModifiedOn": run.changed or run.started,
        "CompletedOn": run.completed,
        "ExecutionTime": run.seconds,
        "LogGroupName": "/aws-glue/jobs",
        "GlueVersion": "5.1",
        "ErrorMessage": run.error,
        "JobRunQueuingEnabled": run.queuing,
        "StateDetail": _WAITS if run.state is RunState.WAITING else None,
    }


def _batch_stop_job_run(response: Any) -> Any:
    from moto.core.responses import ActionResult
    from moto.glue.exceptions import JobRunNotFoundException

    name, ids = response.parameters["JobName"], response.parameters["JobRunIds"]
    done, errors = [], []
    for run_id in ids:
        try:
            record = response.glue_backend.get_job_run(name, run_id)
            stopped = bool(_runners) and _runners[-1].stop_run(record.run)
        except JobRunNotFoundException as missing:
            errors.append(_stop_error(name, run_id, "EntityNotFoundException", str(missing.message)))
            continue
        if stopped:
            done.append({"JobName": name, "JobRunId": run_id})
        else:
            reason = f"Job run {run_id} is {record.status}"
            errors.append(_stop_error(name, run_id, "IllegalWorkflowStateException", reason))
    return ActionResult({"SuccessfulSubmissions": done, "Errors": errors})


def _stop_error(name: str, run_id: str, code: str, message: str) -> dict[str, Any]:
    return {"JobName": name, "JobRunId": run_id, "ErrorDetail": {"ErrorCode": code, "ErrorMessage": message}}
