"""Runs of Glue jobs: moto's records of them, and the runner of ours that they go to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pipeline.core.clock import system_clock
from pipeline.emulator.glue.job_runs import COUNTED, GlueJobs, Run, RunState

_WAITS = "Job run is queued: its job has as many runs as MaxConcurrentRuns allows"
_runners: list[GlueJobs] = []
_lock = threading.Lock()


def run_by(runner: GlueJobs) -> Callable[[], None]:
    """Lead StartJobRun, GetJobRun and BatchStopJobRun to `runner`; the answer takes it away again."""
    _runners.append(runner)
    return lambda: _runners.remove(runner)


def admit(job: Any) -> None:
    """Let those of a job's runs begin that wait for no other any more, oldest first."""
    with _lock:
        if _runners:
            _admit(job)


def start(job: Any, record: Callable[[], str], queuing: bool | None, policy: str | None = None) -> str:
    """Start a run of moto's `job`, which `record` adds to the job's runs; without a runner it stays as moto has it.

    `queuing` is what the call says of it, if anything, and `policy` that of the run's session. The answer is the run's
    id.
    """
    if not _runners:
        return record()
    with _lock:
        return _start(job, record, queuing, policy)


def stop(record: Any) -> bool:
    """Stop the run of a record; False if it has ended, or nobody runs it."""
    return bool(_runners) and _runners[-1].stop_run(record.run)


def _start(job: Any, make_record: Callable[[], str], asked: bool | None, policy: str | None) -> str:
    # Glue API, StartJobRun: where run and job differ, the run's own word counts.
    queuing = getattr(job, "queuing", False) if asked is None else asked
    if not queuing:
        _refuse_too_many(job)
    # moto makes the record, with all defaults merged; its own check would find none running.
    limits, job.execution_property = job.execution_property, {"MaxConcurrentRuns": len(job.job_runs) + 1}
    try:
        run_id = make_record()
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
        session_policy=policy,
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
        "ExecutionRoleSessionPolicy": run.session_policy,
        "JobRunQueuingEnabled": run.queuing,
        "StateDetail": _WAITS if run.state is RunState.WAITING else None,
    }
