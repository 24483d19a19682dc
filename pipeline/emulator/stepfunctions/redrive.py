"""RedriveExecution, which moto has not: an execution that did not succeed goes on where it stopped.

`stepfunctions_redrive_plan` says where; here the interpreter is led there.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.core.errors import Misconfigured
from pipeline.emulator.moto.guard import replace
from pipeline.emulator.stepfunctions import executions as executions
from pipeline.emulator.stepfunctions.archive import Ended, archive
from pipeline.emulator.stepfunctions.errors import api_error
from pipeline.emulator.stepfunctions.reads import not_redrivable
from pipeline.emulator.stepfunctions.records import events_of, record_of
from pipeline.emulator.stepfunctions.redrive_plan import Done, Resume, plan

REMEMBERED_TOKENS = 1_000


@dataclass(frozen=True, slots=True)
class Redrive:
    """What an execution starts with instead of nothing."""

    count: int
    date: datetime
    events: list[Any]
    variables: dict[str, Any]
    way: Resume | Done


_tokens: dict[tuple[str, str], datetime] = {}


def install() -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import IterationWorker
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
    from moto.stepfunctions.responses import StepFunctionResponse

    def environment(self: Any) -> Any:
        made = original_environment(self)
        redrive = getattr(self._execution_communication.execution, "redrive", None)
        if redrive is not None:
            _continue(made, redrive)
        return made

    def open_frame(self: Any, event_history_context: Any = None) -> Any:
        return _inherit(self, original_frame(self, event_history_context))

    def open_inner_frame(self: Any, event_history_context: Any = None) -> Any:
        return _inherit(self, original_inner(self, event_history_context))

    def eval_job(self: Any, env: Any, job: Any) -> None:
        part = _iteration(self, env, job.job_index)
        if isinstance(part, Done):
            job.job_output = part.output
            return
        original_job(self, env, job)

    original_environment = replace(ExecutionWorker, "_get_evaluation_environment", environment, source="ce8421b71dab")
    original_frame = replace(Environment, "open_frame", open_frame, source="8f92128841c5")
    original_inner = replace(Environment, "open_inner_frame", open_inner_frame, source="94736c0fa3b6")
    original_job = replace(IterationWorker, "_eval_job", eval_job, source="5f736d9451fe")
    if hasattr(StepFunctionResponse, "redrive_execution"):
        raise Misconfigured("moto has RedriveExecution now", hint="Install the pinned moto, or look at its redrive.")
    StepFunctionResponse.redrive_execution = _redrive_execution  # type: ignore[attr-defined]


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


def told_before(context: Any, event_type: str) -> int | None:
    """The id of the event that stands in the history already and is not told again."""
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


def _continue(env: Any, redrive: Redrive) -> None:
    manager, context = env.event_manager, env.event_history_context
    manager._history_event_list.extend(redrive.events)
    manager._event_id_gen._next_id = len(redrive.events) + 1
    manager.redriven = redrive.count
    context.source_event_id = context.last_published_event_id = len(redrive.events)
    env.variable_store._inner_scope.update(redrive.variables)
    told = env.states.context_object.context_object_data["Execution"]
    told["RedriveCount"], told["RedriveTime"] = redrive.count, redrive.date.isoformat(timespec="milliseconds")
    env.entry = redrive.way
    _lead(env, redrive.way)


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


def _redrive_execution(self: Any) -> Any:
    from moto.core.responses import ActionResult

    arn, token = self._get_param("executionArn"), self._get_param("clientToken")
    with executions.changing:
        found = self.stepfunction_backend.describe_execution(arn)
        known = _tokens.get((arn, token)) if token else None
        if known is not None:
            return ActionResult({"redriveDate": known})
        now = datetime.now(UTC)
        record = record_of(found)
        reason = not_redrivable(record, now)
        if reason is not None:
            raise api_error("ExecutionNotRedrivable", reason)
        execution = _start_again(self.stepfunction_backend, record, now)
        if token:
            _remember(arn, token, now)
    executions.tell_running(execution)
    return ActionResult({"redriveDate": now})


def _start_again(backend: Any, record: Ended, now: datetime) -> Any:
    summary, body = record.summary, record.body
    machine = backend.describe_state_machine(record.machine.arn)
    # With the definition of the first attempt, also if the machine has another one now.
    then = copy.copy(machine)
    then.definition, then.roleArn = record.machine.definition, record.machine.role_arn
    then.loggingConfiguration = record.machine.logging
    then.version_arn, then.alias_arn = summary.version_arn, summary.alias_arn
    execution = executions.make(
        backend,
        then,
        summary.name,
        body.input,
        trace_header=body.trace_header,
        case=body.test_case or "",
        redrive_count=summary.redrive_count + 1,
    )
    events = events_of(record)
    way = plan(json.loads(record.machine.definition), events, json.loads(body.input))
    execution.number, execution.start_date = summary.number, datetime.fromtimestamp(summary.started, UTC)
    execution.redrive_date = now
    execution.redrive = Redrive(execution.redrive_count, now, events, body.variables, way)
    archive().remove(summary.arn)
    executions.launch(machine, execution)
    return execution


def _remember(arn: str, token: str, now: datetime) -> None:
    _tokens[arn, token] = now
    while len(_tokens) > REMEMBERED_TOKENS:
        del _tokens[next(iter(_tokens))]
