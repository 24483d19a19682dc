"""Glue's UpdateJob, which moto does not have: what the update leaves out is as if it had never been given."""

from __future__ import annotations

import json
from typing import Any


def install() -> None:
    from moto.glue.responses import GlueResponse

    # moto finds the method of an action by its name, and has none for this one.
    GlueResponse.update_job = _update_job  # type: ignore[attr-defined]


def _update_job(response: Any) -> Any:
    from moto.core.responses import ActionResult

    name, backend = response.parameters["JobName"], response.glue_backend
    job = backend.get_job(name)
    response.body = json.dumps({**response.parameters["JobUpdate"], "Name": name, "Tags": backend.get_tags(job.arn)})
    response.create_job()
    # In place, because runs that go on hold the job they were started from.
    kept = {"job_runs": job.job_runs, "created_on": job.created_on}
    job.__dict__.update(backend.jobs[name].__dict__ | kept)
    backend.jobs[name] = job
    return ActionResult({"JobName": name})
