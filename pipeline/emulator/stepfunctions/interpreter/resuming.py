"""A redriven execution goes on where it stopped: the interpreter is led there, and writes on in the same history.

`redrive_plan` says where that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.redrive_plan import Done, Resume

_ENVIRONMENT = "moto.stepfunctions.parser.asl.eval.environment:Environment"
_MAP = "moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration"


@dataclass(frozen=True, slots=True)
class Redrive:
    """What an execution starts with instead of nothing."""

    count: int
    date: datetime
    events: list[Any]
    variables: dict[str, Any]
    way: Resume | Done


def resume(env: Any, redrive: Redrive) -> None:
    """Let what is evaluated in `env`, of a whole execution, go on as `redrive` says."""
    manager, context = env.event_manager, env.event_history_context
    manager._history_event_list.extend(redrive.events)
    manager._event_id_gen._next_id = len(redrive.events) + 1
    manager.redriven = redrive.count
    context.source_event_id = context.last_published_event_id = len(redrive.events)
    env.variable_store._inner_scope.update(redrive.variables)
    shown = env.states.context_object.context_object_data["Execution"]
    shown["RedriveCount"], shown["RedriveTime"] = redrive.count, redrive.date.isoformat(timespec="milliseconds")
    env.entry = redrive.way
    _lead(env, redrive.way)


def way_into(program: Any, env: Any) -> Resume | Done | None:
    """Where in `program` a redriven execution goes on; None to begin at its start. Taken once."""
    entry = env.__dict__.pop("entry", None)
    if entry is not None:
        return entry  # type: ignore[no-any-return]
    part = getattr(env, "part", None)
    # A branch of a Parallel: its frame inherits the way of the Parallel.
    found = part.parts.pop(program.start_at.start_at_name, None) if isinstance(part, Resume) else None
    _lead(env, found)
    return found


def kept_before(context: Any, event_type: str) -> int | None:
    """The id of the event that stands in the history already and is not added again."""
    part = getattr(context, "part", None)
    if not isinstance(part, Resume):
        return None
    if event_type.endswith("StateEntered"):
        ids = part.entered
    elif event_type in ("MapStateStarted", "ParallelStateStarted"):
        ids = part.started
    elif event_type == "MapIterationStarted":
        ids = part.iteration
    else:
        return None
    return ids.pop() if ids else None


@patch(f"{_ENVIRONMENT}.open_frame", "8f92128841c5", "a frame inherits where a redriven execution goes on")
def _open_frame(self: Any, event_history_context: Any = None) -> Any:
    return _inherit(self, _open_frame.original(self, event_history_context))


@patch(f"{_ENVIRONMENT}.open_inner_frame", "94736c0fa3b6", "a frame inherits where a redriven execution goes on")
def _open_inner_frame(self: Any, event_history_context: Any = None) -> Any:
    return _inherit(self, _open_inner_frame.original(self, event_history_context))


@patch(
    f"{_MAP}.iteration_worker:IterationWorker._eval_job",
    "5f736d9451fe",
    "an iteration that succeeded before the redrive is not run again",
)
def _eval_job(self: Any, env: Any, job: Any) -> None:
    part = _iteration(self, env, job.job_index)
    if isinstance(part, Done):
        job.job_output = part.output
        return
    _eval_job.original(self, env, job)


def _lead(env: Any, part: Resume | Done | None) -> None:
    env.part = env.event_history_context.part = part


def _inherit(env: Any, frame: Any) -> Any:
    part = getattr(env, "part", None)
    if part is not None:
        _lead(frame, part)
    return frame


def _iteration(worker: Any, env: Any, index: int) -> Resume | Done | None:
    part = getattr(env, "part", None)
    own = isinstance(part, Resume) and part.state == worker._work_name
    found = part.parts.pop(index, None) if own else None  # type: ignore[union-attr]
    _lead(env, found)
    if isinstance(found, Resume):
        env.entry = found
        env.variable_store._inner_scope.update(found.variables)
    return found
