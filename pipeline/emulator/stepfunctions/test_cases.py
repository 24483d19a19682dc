"""Executions of a test case: `stateMachineArn#TestCase`, as in AWS's Step Functions Local.

moto has an interpreter for mocks, and nothing that reads the file. In a test case nothing is waited for, and a Map's
iterations and a Parallel's branches run one after the other, so that it takes no time and always has the same history.
"""

from __future__ import annotations

import copy
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.core.errors import BadDefinition
from pipeline.emulator.moto.guard import replace
from pipeline.emulator.stepfunctions.interpreter.failure_events import failure
from pipeline.state_machines.test_cases import MockConfig, TestCase

MOCK_CONFIG = "SFN_MOCK_CONFIG"
"""The environment variable that names the file, as for Step Functions Local. It is read at each start."""


class _RunningCase:
    """A case while one execution runs it: counts the calls of each state, which iterations share."""

    def __init__(self, case: TestCase) -> None:
        self.state_mocked_responses = case
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.is_exhausted = False
        """A call had no answer: nothing is tried again or caught from here, in whatever branch it was."""

    def next_answer(self, state: str) -> tuple[int, Any]:
        with self._lock:
            call = self._calls[state]
            self._calls[state] += 1
        return call, self.state_mocked_responses[state].answer(call)


def install() -> None:
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.backend.execution import Execution

    def worker(self: Any) -> Any:
        made = original(self)
        made._mock_test_case = getattr(self, "mock_test_case", None)
        return made

    original = replace(Execution, "_get_start_execution_worker", worker, source="f06f34d872b0")
    replace(Environment, "get_current_mocked_response", _next_response, source="2d0fd46d27cc")
    _wait_for_nothing()


def _wait_for_nothing() -> None:
    from moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl import JitterStrategyDecl
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.max_concurrency import MaxConcurrencyDecl
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

    def jitter(self: Any, env: Any) -> None:
        original_jitter(self, env)
        if env.mock_test_case is not None:
            env.stack[-1] = 0

    def concurrency(self: Any, env: Any) -> None:
        original_concurrency(self, env)
        if env.mock_test_case is not None:
            env.stack[-1] = 1

    def wait(self: Any, env: Any, wait_seconds: int) -> None:
        original_wait(self, env, 0 if env.mock_test_case is not None else wait_seconds)

    original_jitter = replace(JitterStrategyDecl, "_eval_body", jitter, source="13a10f4ac093")
    original_concurrency = replace(MaxConcurrencyDecl, "_eval_body", concurrency, source="fdebf8ae8106")
    original_wait = replace(WaitFunction, "_wait_interval", wait, source="8f954dee8037")


def tested_machines() -> list[str]:
    """The names of the machines that the mock file has cases of; none without a file that can be read."""
    path = os.environ.get(MOCK_CONFIG)
    try:
        return MockConfig.load(Path(path)).machines if path else []
    except BadDefinition:
        return []


def choose(execution: Any, machine: str, case: str) -> None:
    """Let `execution`, not yet started, run with the mocks of `case`; one that is not there is `InvalidName`."""
    from moto.stepfunctions.exceptions import InvalidName

    path = os.environ.get(MOCK_CONFIG)
    try:
        if not path:
            raise BadDefinition(f"no mock configuration file is given ({MOCK_CONFIG})")
        execution.mock_test_case = _RunningCase(MockConfig.load(Path(path)).case(machine, case))
    except BadDefinition as error:
        raise InvalidName(
            f"Invalid mock test case name '{case}' for state machine '{machine}': {error.message}"
        ) from error


def _next_response(self: Any) -> Any:
    """The answer to the state's next call. One that the file does not have ends the execution, past every Catch."""
    from moto.stepfunctions.parser.mocking.mock_config import MockedResponseReturn, MockedResponseThrow

    state = self.next_state_name
    call, answer = self.mock_test_case.next_answer(state)
    if answer is None:
        self.mock_test_case.is_exhausted = True
        name = self.mock_test_case.state_mocked_responses[state].name
        raise _runtime_error(self, f"The mocked response '{name}' has no answer for call {call} of the state '{state}'")
    if answer.error is None:
        return MockedResponseReturn(call, call, copy.deepcopy(answer.result))
    return MockedResponseThrow(call, call, answer.error, answer.cause)


def _runtime_error(env: Any, cause: str) -> Exception:
    return failure(env, "ExecutionFailed", "executionFailedEventDetails", error="States.Runtime", cause=cause)
