"""Runs of Glue jobs: moto says SUCCEEDED at once and runs nothing; here they go to a runner of ours (`glue.runs`)."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from pipeline.emulator.glue import runs
from pipeline.emulator.glue.session_policies import check_policy
from pipeline.emulator.moto.patch import addition, patch

_policy: ContextVar[str | None] = ContextVar("policy", default=None)
"""The policy of the run's session that StartJobRun gives, which moto does not know."""
_queuing: ContextVar[bool | None] = ContextVar("queuing", default=None)
"""What StartJobRun says of queuing, which moto does not hand on."""


@patch("moto.glue.responses:GlueResponse.start_job_run", "7a0145281c4d", "moto drops JobRunQueuingEnabled")
def _start_job_run(self: Any) -> Any:
    policy = self.parameters.get("ExecutionRoleSessionPolicy")
    check_policy(policy)
    said, given = _queuing.set(self.parameters.get("JobRunQueuingEnabled")), _policy.set(policy)
    try:
        return _start_job_run.original(self)
    finally:
        _queuing.reset(said)
        _policy.reset(given)


@patch("moto.glue.models:FakeJob.start_job_run", "eacd4b77429e", "moto says SUCCEEDED at once and runs nothing")
def _start(job: Any, *settings: Any, **named: Any) -> str:
    return runs.start(job, lambda: _start.original(job, *settings, **named), _queuing.get(), _policy.get())


@addition(
    "moto.glue.responses:GlueResponse.batch_stop_job_run",
    "moto has no such operation; it finds its method by this name",
)
def _batch_stop_job_run(response: Any) -> Any:
    from moto.core.responses import ActionResult
    from moto.glue.exceptions import JobRunNotFoundException

    name, ids = response.parameters["JobName"], response.parameters["JobRunIds"]
    done, errors = [], []
    for run_id in ids:
        try:
            record = response.glue_backend.get_job_run(name, run_id)
            stopped = runs.stop(record)
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
