"""Test cases: the answers of the mock file, and no waiting.

moto has an interpreter for mocks, and nothing that reads the file. In a test case nothing is waited for, and a Map's
iterations and a Parallel's branches run one after the other, so that it takes no time and always has the same history.
"""

from __future__ import annotations

import copy
from typing import Any

from pipeline.emulator.moto.patch import patch
from pipeline.emulator.stepfunctions.interpreter.failure_events import failure

_COMPONENT = "moto.stepfunctions.parser.asl.component"


@patch(
    "moto.stepfunctions.parser.asl.eval.environment:Environment.get_current_mocked_response",
    "2d0fd46d27cc",
    "moto answers out of a file that it does not read; a call without an answer ends the execution, past every Catch",
)
def _next_response(self: Any) -> Any:
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


@patch(
    f"{_COMPONENT}.common.retry.jitter_strategy_decl:JitterStrategyDecl._eval_body",
    "13a10f4ac093",
    "a test case waits for no retry",
)
def _jitter(self: Any, env: Any) -> None:
    _jitter.original(self, env)
    if env.mock_test_case is not None:
        env.stack[-1] = 0


@patch(
    f"{_COMPONENT}.state.exec.state_map.max_concurrency:MaxConcurrencyDecl._eval_body",
    "fdebf8ae8106",
    "the iterations of a test case run one after the other",
)
def _concurrency(self: Any, env: Any) -> None:
    _concurrency.original(self, env)
    if env.mock_test_case is not None:
        env.stack[-1] = 1


@patch(
    f"{_COMPONENT}.state.wait.wait_function.wait_function:WaitFunction._wait_interval",
    "8f954dee8037",
    "a test case does not wait",
)
def _wait(self: Any, env: Any, wait_seconds: int) -> None:
    _wait.original(self, env, 0 if env.mock_test_case is not None else wait_seconds)


def _runtime_error(env: Any, cause: str) -> Exception:
    return failure(env, "ExecutionFailed", "executionFailedEventDetails", error="States.Runtime", cause=cause)
