"""The interpreter of state machines: parsed definitions kept, long Maps, bounded threads, outcomes written in order."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pipeline.emulator.moto.guard import rebind, replace
from pipeline.emulator.stepfunctions.interpreter.history import failure_of
from pipeline.emulator.stepfunctions.interpreter.json_text import iso
from pipeline.emulator.stepfunctions.interpreter.locations import locate_expressions

INLINE_MAP_CONCURRENCY = 40
"""AWS runs at most about 40 iterations of an inline Map at once; moto starts a thread for each item."""


def install() -> None:
    from moto.stepfunctions.parser.asl.component.common.path import result_path
    from moto.stepfunctions.parser.asl.component.state import state
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.inline_iteration_component import (
        InlineIterationComponentEvalInput,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import IterationWorker
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
    from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
    from moto.stepfunctions.parser.asl.utils import json_path
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
    from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

    @lru_cache(256)
    def parse(definition: str) -> Any:
        # What it returns holds no state of an execution: the iterations of a Map share it already.
        program, tree = original_parse.__func__(definition)
        locate_expressions(program)
        return program, tree

    def scope(self: Any, tree: Any) -> None:
        # moto has one list of scopes for all parsers of the process, and a refused definition leaves its own in it.
        self.__dict__.setdefault("_query_language_per_scope", [])
        open_scope(self, tree)

    def evaluation_input(self: Any, *args: Any, **kwargs: Any) -> None:
        original_input(self, *args, **kwargs)
        wanted = self.max_concurrency or INLINE_MAP_CONCURRENCY
        self.max_concurrency = max(1, min(wanted, INLINE_MAP_CONCURRENCY, len(self.input_items)))

    open_scope = replace(Preprocessor, "_open_query_language_scope", scope, source="4e0bad6eb66e")
    original_parse = replace(AmazonStateLanguageParser, "parse", staticmethod(parse), source="a59a7d18760f")
    original_input = replace(InlineIterationComponentEvalInput, "__init__", evaluation_input, source="729a54ecceb4")
    # A parsed path holds nothing of what it is applied to; each takes the parser 1 ms.
    for module, source in ((result_path, "cd433e740d17"), (json_path, "8e8fc5e91980")):
        replace(module, "parse", lru_cache(4096)(module.parse), source=source)
    replace(Environment, "program_state", lambda self: copy.copy(self._program_state), source="51a3ae2d979f")
    replace(IterationWorker, "_eval_pool", _eval_pool, source="45ca0026e8cc")
    replace(BaseExecutionWorkerCommunication, "_reflect_execution_status", _reflect_status, source="038a396107af")
    replace(state, "StateData", _state_data, source="3ee318f50da9")
    replace(ExecutionWorker, "_execution_logic", _execution_logic, source="baa3e2a48fd2")
    _forget_threads()


def _state_data(EnteredTime: str, Name: str) -> dict[str, Any]:
    """When a state was entered, to the millisecond as AWS tells it; moto's own time is left out."""
    return {"EnteredTime": iso(datetime.now(UTC)), "Name": Name}


def _execution_logic(self: Any) -> None:
    """The history opens with the input as it was given, character by character."""
    from moto.stepfunctions.parser.api import HistoryEventType

    program = self._get_evaluation_entrypoint()
    self.env = self._get_evaluation_environment()
    execution = self.env.states.context_object.context_object_data["Execution"]
    execution.setdefault("RedriveCount", 0)
    execution["StartTime"] = iso(execution["StartTime"])
    started = {
        "input": self._execution_communication.execution.execution_input,
        "inputDetails": {"truncated": False},
        "roleArn": self._evaluation_details.aws_execution_details.role_arn,
    }
    self.env.event_manager.add_event(
        context=self.env.event_history_context,
        event_type=HistoryEventType.ExecutionStarted,
        event_details={"executionStartedEventDetails": started},
        update_source_event_id=False,
    )
    program.eval(self.env)
    self._execution_communication.terminated()


def _eval_pool(self: Any, job: Any, worker_frame: Any) -> None:
    """A loop where moto calls itself for each item, which ends at Python's recursion limit after about 400.

    The frame is closed before the last job: the Map waits for jobs, and reads the frame then.
    """
    while job is not None:
        frame = worker_frame.open_inner_frame()
        self._eval_job(env=frame, job=job)
        worker_frame.close_frame(frame)
        failed = isinstance(job.job_output, Exception) or self.stopped()
        following = None if failed else self._job_pool.next_job()
        if following is None:
            if not failed:
                worker_frame.event_history_context.source_event_id = frame.event_history_context.last_published_event_id
            self._env.close_frame(worker_frame)
            self._job_pool.close_job(job)
            return
        self._job_pool.close_job(job)
        job = following
    self._env.close_frame(worker_frame)


def _reflect_status(self: Any) -> None:
    """The status comes last: who reads SUCCEEDED finds the output. The output is kept as the JSON that AWS answers."""
    from moto.core.utils import utcnow
    from moto.stepfunctions.parser.api import ExecutionStatus
    from moto.stepfunctions.parser.asl.eval.program_state import (
        ProgramEnded,
        ProgramError,
        ProgramStopped,
        ProgramTimedOut,
    )
    from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

    execution = self.execution
    state = execution.exec_worker.env.program_state()
    execution.stop_date = utcnow()
    if isinstance(state, ProgramEnded):
        execution.output = to_json_str(execution.exec_worker.env.states.get_input(), separators=(",", ":"))
        status = ExecutionStatus.SUCCEEDED
    elif isinstance(state, ProgramStopped):
        execution.error, execution.cause = state.error or None, state.cause or None
        status = ExecutionStatus.ABORTED
    elif isinstance(state, ProgramError):
        details = failure_of(execution.exec_worker.env.event_manager) or state.error or {}
        execution.error, execution.cause = details.get("error"), details.get("cause")
        status = ExecutionStatus.FAILED
    elif isinstance(state, ProgramTimedOut):
        status = ExecutionStatus.TIMED_OUT
    else:
        raise RuntimeError(f"execution ended in {state!r}")
    execution.exec_status = status


class _Forgetful(list[Any]):
    def append(self, thread: Any) -> None:
        """Every thread ever started would stay in memory, with all that its execution held."""


def _forget_threads() -> None:
    from moto.stepfunctions.parser import utils

    rebind("moto.stepfunctions", "TMP_THREADS", utils.TMP_THREADS, _Forgetful())
