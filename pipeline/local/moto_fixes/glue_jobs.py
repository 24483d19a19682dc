"""Glue's jobs: UpdateJob, which moto does not have, runs listed newest first, refusals of what is not run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import wraps
from typing import Any

from pipeline.local.moto_fixes.guard import replace

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
    # moto finds the method of an action by its name.
    GlueResponse.update_job = _update_job  # type: ignore[attr-defined]


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
    kept = {"job_runs": before.job_runs, "created_on": before.created_on}
    before.__dict__.update(backend.get_job(name).__dict__ | kept)
    backend.jobs[name] = before
    return ActionResult({"JobName": name})
