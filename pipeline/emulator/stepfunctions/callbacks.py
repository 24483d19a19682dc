"""SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat: word for a task that waits for a token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pipeline.emulator.stepfunctions.errors import api_error, invalid_token
from pipeline.emulator.stepfunctions.service import Answer, Region, Request
from pipeline.emulator.stepfunctions.validation.json_errors import complaint


def send_task_success(region: Region, request: Request) -> Answer:
    from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeSuccess

    token, output = request["taskToken"], request["output"]
    wrong = complaint(output)
    if wrong is not None:
        # AWS looks at the token first.
        if all(tokens.get(token) is None for tokens in _waiting(region)):
            raise invalid_token()
        raise api_error("InvalidOutput", f"Invalid Output: '{wrong.message}'")
    return _pass_on(region, lambda tokens: tokens.notify(token, CallbackOutcomeSuccess(token, output)))


def send_task_failure(region: Region, request: Request) -> Answer:
    from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeFailure

    token = request["taskToken"]
    outcome = CallbackOutcomeFailure(token, error=request.get("error"), cause=request.get("cause"))
    return _pass_on(region, lambda tokens: tokens.notify(token, outcome))


def send_task_heartbeat(region: Region, request: Request) -> Answer:
    token = request["taskToken"]
    return _pass_on(region, lambda tokens: tokens.heartbeat(token))


def _waiting(region: Region) -> Iterator[Any]:
    """The tokens of each execution that runs, as the interpreter keeps them."""
    for machine in list(region.machines.values()):
        for execution in machine.executions[:]:
            if execution.env is not None and execution.status == "RUNNING":
                yield execution.env.callback_pool_manager


def _pass_on(region: Region, word: Callable[[Any], bool]) -> Answer:
    """`InvalidToken` for a token of no task, `TaskTimedOut` for one of a task that waits no more."""
    from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackNotifyConsumerError

    try:
        if any(word(tokens) for tokens in _waiting(region)):
            return {}
    except CallbackNotifyConsumerError as gone:
        raise api_error("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'") from gone
    raise invalid_token()
