"""The interpreter of state machines: parsed definitions and paths kept, long Maps, bounded threads."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pipeline.emulator.moto.patch import patch, rebind, setup
from pipeline.emulator.stepfunctions.interpreter.json_text import iso
from pipeline.emulator.stepfunctions.interpreter.locations import locate_expressions

INLINE_MAP_CONCURRENCY = 40
"""AWS runs at most about 40 iterations of an inline Map at once; moto starts a thread for each item."""

_COMPONENT = "moto.stepfunctions.parser.asl.component"
_MAP = f"{_COMPONENT}.state.exec.state_map.iteration"
_PARSE = "moto.stepfunctions.parser.asl.parse"


@patch(f"{_PARSE}.asl_parser:AmazonStateLanguageParser.parse", "a59a7d18760f", "moto parses a definition each time")
@lru_cache(256)
def _parse(definition: str) -> Any:
    """What it returns holds no state of an execution: the iterations of a Map share it already."""
    program, tree = _parse.original(definition)
    locate_expressions(program)
    return program, tree


@patch(
    f"{_PARSE}.preprocessor:Preprocessor._open_query_language_scope",
    "4e0bad6eb66e",
    "moto has one list of scopes for all parsers of the process, and a refused definition leaves its own in it",
)
def _open_scope(self: Any, tree: Any) -> None:
    self.__dict__.setdefault("_query_language_per_scope", [])
    _open_scope.original(self, tree)


@patch(
    f"{_MAP}.inline_iteration_component:InlineIterationComponentEvalInput.__init__",
    "729a54ecceb4",
    "moto starts a thread for each item",
)
def _evaluation_input(self: Any, *args: Any, **kwargs: Any) -> None:
    _evaluation_input.original(self, *args, **kwargs)
    wanted = self.max_concurrency or INLINE_MAP_CONCURRENCY
    self.max_concurrency = max(1, min(wanted, INLINE_MAP_CONCURRENCY, len(self.input_items)))


# A parsed path holds nothing of what it is applied to.
@patch(
    f"{_COMPONENT}.common.path.result_path:parse", "cd433e740d17", "moto parses a path at each use, which takes 1 ms"
)
@lru_cache(4096)
def _parse_result_path(path: str) -> Any:
    return _parse_result_path.original(path)


@patch("moto.stepfunctions.parser.asl.utils.json_path:parse", "8e8fc5e91980", "moto parses a path at each use")
@lru_cache(4096)
def _parse_path(path: str) -> Any:
    return _parse_path.original(path)


@patch(
    "moto.stepfunctions.parser.asl.eval.environment:Environment.program_state",
    "51a3ae2d979f",
    "moto copies all that an execution holds each time that it asks whether it runs",
)
def _program_state(self: Any) -> Any:
    return copy.copy(self._program_state)


@patch(f"{_COMPONENT}.state.state:StateData", "3ee318f50da9", "moto writes times with microseconds, and AWS without")
def _state_data(EnteredTime: str, Name: str) -> dict[str, Any]:
    """When a state was entered, to the millisecond; moto's own time is left out."""
    return {"EnteredTime": iso(datetime.now(UTC)), "Name": Name}


@patch(
    f"{_MAP}.iteration_worker:IterationWorker._eval_pool",
    "45ca0026e8cc",
    "moto calls itself for each item, which ends at Python's recursion limit after about 400",
)
def _eval_pool(self: Any, job: Any, worker_frame: Any) -> None:
    """The frame is closed before the last job: the Map waits for jobs, and reads the frame then."""
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


class _Forgetful(list[Any]):
    def append(self, thread: Any) -> None:
        """Every thread ever started would stay in memory, with all that its execution held."""


@setup("moto keeps every thread ever started")
def _forget_threads() -> None:
    from moto.stepfunctions.parser import utils

    kept, utils.TMP_THREADS = utils.TMP_THREADS, _Forgetful()
    rebind("moto.stepfunctions", "TMP_THREADS", kept, utils.TMP_THREADS)
