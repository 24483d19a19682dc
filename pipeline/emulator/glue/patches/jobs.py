"""Glue's jobs: UpdateJob, which moto does not have, runs listed newest first, refusals of what is not run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pipeline.emulator.glue.runs import admit
from pipeline.emulator.moto.patch import addition, patch

_COMMANDS = ("glueetl", "pythonshell")


@patch("moto.glue.models:GlueBackend.create_job", "d546f09e02c1", "moto takes jobs that nothing here runs")
def _create_job(self: Any, **given: Any) -> None:
    _check(given["command"] or {}, given["max_retries"], given["default_arguments"] or {})
    _create_job.original(self, **given)


@patch("moto.glue.models:FakeJob.get_job_runs", "efe2bb07ddc1", "moto lists runs oldest first")
def _get_job_runs(self: Any) -> Any:
    return _get_job_runs.original(self)[::-1]


@patch("moto.glue.responses:GlueResponse.create_job", "49d334d9dad0", "moto drops JobRunQueuingEnabled")
def _remember_queuing(self: Any) -> Any:
    answer = _remember_queuing.original(self)
    given = self.parameters
    self.glue_backend.get_job(given["Name"]).queuing = bool(given.get("JobRunQueuingEnabled"))
    return answer


@patch("moto.glue.models:FakeJob.as_dict", "94ca48d217bb", "moto drops JobRunQueuingEnabled")
def _as_dict(self: Any) -> dict[str, Any]:
    return {**_as_dict.original(self), "JobRunQueuingEnabled": getattr(self, "queuing", False)}


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


@addition("moto.glue.responses:GlueResponse.update_job", "moto has no such operation; it finds its method by this name")
def _update_job(response: Any) -> Any:
    """The definition becomes what the update says, and what it leaves out goes back to its default; runs stay."""
    from moto.core.responses import ActionResult

    name, update = response.parameters["JobName"], response.parameters["JobUpdate"]
    backend = response.glue_backend
    before = backend.get_job(name)
    fields = {
        field for field in inspect.signature(_create_job.original).parameters if field not in ("self", "name", "tags")
    }
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
