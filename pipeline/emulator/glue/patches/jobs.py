"""Glue's jobs: UpdateJob, which moto does not have, runs listed newest first, refusals of what is not run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import wraps
from typing import Any

from pipeline.emulator.glue.runs import admit
from pipeline.emulator.moto.guard import replace

_COMMANDS = ("glueetl", "pythonshell")


def install() -> None:
    from moto.glue.models import FakeJob, GlueBackend
    from moto.glue.responses import GlueResponse

    @wraps(GlueBackend.create_job)
    def create_job(self: Any, **given: Any) -> None:
        _check(given["command"] or {}, given["max_retries"], given["default_arguments"] or {})
        create(self, **given)

    def get_job_runs(self: Any) -> Any:
        return runs(self)[::-1]

    create = replace(GlueBackend, "create_job", create_job, source="d546f09e02c1")
    runs = replace(FakeJob, "get_job_runs", get_job_runs, source="efe2bb07ddc1")
    _remember_queuing(FakeJob, GlueResponse)
    # moto finds the method of an action by its name.
    GlueResponse.update_job = _update_job  # type: ignore[attr-defined]


def _remember_queuing(jobs: Any, responses: Any) -> None:
    """A job has and tells JobRunQueuingEnabled, which moto drops."""

    @wraps(responses.create_job)
    def create_job(self: Any) -> Any:
        answer = create(self)
        given = self.parameters
        self.glue_backend.get_job(given["Name"]).queuing = bool(given.get("JobRunQueuingEnabled"))
        return answer

    @wraps(jobs.as_dict)
    def as_dict(self: Any) -> dict[str, Any]:
        return {**facts(self), "JobRunQueuingEnabled": getattr(self, "queuing", False)}

    create = replace(responses, "create_job", create_job, source="49d334d9dad0")
    facts = replace(jobs, "as_dict", as_dict, source="94ca48d217bb")


def _invalid(message: str) -> Exception:
    from moto.glue.exceptions import InvalidInputException

    return InvalidInputException("", message)


def _check(command: Mapping[str, Any], max_retries: int | None, arguments: Mapping[str, str]) -> None:
    if max_retries:
        raise _invalid("The embedded AWS does not repeat runs (MaxRetries): let the state machine retry.")
    if command.get("Name", "glueetl") not in _COMMANDS:
        raise _invalid(f"The embedded AWS runs commands of {' and '.join(_COMMANDS)} only, not {command['Name']}.")
    if arguments.get("--job-language", "python") != "python":
        raise _invalid("The embedded AWS runs Python scripts only.")


def _update_job(response: Any) -> Any:
    """The definition becomes what the update says, and what it leaves out goes back to its default; runs stay."""
    from moto.core.responses import ActionResult

    name, update = response.parameters["JobName"], response.parameters["JobUpdate"]
    backend = response.glue_backend
    before = backend.get_job(name)
    fields = {field for field in inspect.signature(backend.create_job).parameters if field not in ("name", "tags")}
    given = {field: update.get(field.title().replace("_", "")) for field in fields}
    backend.create_job(name=name, tags=backend.get_tags(before.arn), **given)
    # In place: runs that go on hold the job that they were started from.
    queuing = bool(update.get("JobRunQueuingEnabled"))
    kept = {"job_runs": before.job_runs, "created_on": before.created_on, "queuing": queuing}
    before.__dict__.update(backend.get_job(name).__dict__ | kept)
    backend.jobs[name] = before
    # There may be room for more now.
    admit(before)
    return ActionResult({"JobName": name})
