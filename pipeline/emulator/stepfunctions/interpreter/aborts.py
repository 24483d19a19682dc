"""What still runs when an iteration or a branch fails, or when an execution is stopped or timed out: it ends silently.

moto lets the others run on into the history of states that have ended, and calls an execution that was stopped inside a
Map failed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter.failure_events import failure

_EXEC = "moto.stepfunctions.parser.asl.component.state.exec"
_ENVIRONMENT = "moto.stepfunctions.parser.asl.eval.environment:Environment"

_TOLD = {"StateTask": "Task", "StateWait": "Wait", "StateParallel": "Parallel", "StateMap": "Map"}


class Silenced:
    """A history that takes no more than the end of the execution; what it took before is read through it."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    def add_event(self, context: Any, event_type: Any, *args: Any, **kwargs: Any) -> Any:
        if event_type.value.startswith("Execution"):
            return self._manager.add_event(context, event_type, *args, **kwargs)
        return context.last_published_event_id


@patch(f"{_ENVIRONMENT}.set_error", "6447409d4056", "moto calls an execution failed that was stopped inside a Map")
def _set_error(self: Any, error: Any) -> None:
    """An execution that was stopped or timed out has not failed, whatever its states make of it."""
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped, ProgramTimedOut

    if not isinstance(self._program_state, ProgramStopped | ProgramTimedOut):
        _set_error.original(self, error)


@patch(f"{_ENVIRONMENT}.set_stop", "163c10d46b1c", "moto lets the states of a stopped execution add to its history")
def _set_stop(self: Any, stop_date: Any, cause: str | None, error: str | None) -> None:
    silence(self)
    _set_stop.original(self, stop_date, cause, error)


@patch(
    f"{_ENVIRONMENT}.set_timed_out",
    "853b04bf9e6a",
    "moto lets the states of a timed-out execution add to its history",
)
def _set_timed_out(self: Any) -> None:
    silence(self)
    _set_timed_out.original(self)


def silence(env: Any) -> None:
    """Let nothing more into the history from `env` and what runs inside it."""
    if not isinstance(env.event_manager, Silenced):
        env.event_manager = Silenced(env.event_manager)
    for frame in list(env._frames):
        silence(frame)


@patch(
    f"{_EXEC}.state_map.iteration.inline_iteration_component:InlineIterationComponent._eval_body",
    "1a65306eb3ca",
    "moto lets the other iterations run on when one fails",
)
def _eval_map(self: Any, env: Any) -> None:
    state_name, program = env.stack[-1].state_name, self._get_iteration_program()
    try:
        _eval_map.original(self, env)
    except Exception:
        workers = [worker for worker in list(env._frames) if worker._frames]
        running = sorted((frame for worker in workers for frame in worker._frames), key=_index)
        for frame in running:
            _tell_aborted(env, program, frame)
            iteration = {"name": state_name, "index": _index(frame)}
            _add(env, "MapIterationAborted", mapIterationAbortedEventDetails=iteration)
        for worker in list(env._frames):
            _end(env, worker)
        raise


@patch(
    f"{_EXEC}.state_parallel.branches_decl:BranchesDecl._eval_body",
    "eec2efa5fe00",
    "moto lets the other branches run on when one fails",
)
def _eval_branches(self: Any, env: Any) -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branch_worker import BranchWorker
    from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branches_decl import BranchWorkerPool

    value = env.stack.pop()
    pool: Any = BranchWorkerPool(workers_num=len(self.programs))
    workers: list[Any] = []
    for program in self.programs:
        frame = env.open_inner_frame()
        frame.states.reset(input_value=value)
        workers.append(BranchWorker(branch_worker_comm=pool, program=program, env=frame))
        workers[-1].start()
        if env.mock_test_case is not None:
            # In a test case one after the other, so that a failure always has the same history.
            workers[-1]._worker_thread.join()
            if pool.get_exit_event_details() is not None:
                break
    pool.wait()
    failed = pool.get_exit_event_details()
    if failed is not None:
        _abort_branches(env, workers)
        raise failure(env, "ExecutionFailed", "executionFailedEventDetails", **failed)
    results = []
    for worker in workers:
        results.append(worker.env.states.get_input())
        env.close_frame(worker.env)
    env.stack.append(results)


def _abort_branches(env: Any, workers: list[Any]) -> None:
    running = [worker for worker in workers if worker.env.is_running()]
    for worker in workers:
        if worker not in running:
            env.close_frame(worker.env)
    for worker in running:
        _tell_aborted(env, worker._program, worker.env)
        _end(env, worker.env)


def _index(frame: Any) -> int:
    return int(frame.states.context_object.context_object_data["Map"]["Item"]["Index"])


def _tell_aborted(env: Any, program: Any, frame: Any) -> None:
    state = program.states.states.get(frame.next_state_name)
    names = [base.__name__ for base in type(state).__mro__]
    kind = next((_TOLD[name] for name in names if name in _TOLD), None)
    if kind is not None:
        _add(env, f"{kind}StateAborted")


def _add(env: Any, event_type: str, **details: Any) -> None:
    """An event after the one that failed: none of them comes after another."""
    from moto.stepfunctions.parser.api import HistoryEventType

    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType(event_type),
        event_details=details or None,
        update_source_event_id=False,
    )


def _end(env: Any, frame: Any) -> None:
    frame.set_stop(stop_date=datetime.now(UTC), cause=None, error=None)
    env.delete_frame(frame)
