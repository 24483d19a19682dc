"""Time-outs and waits of state machines in a certain order, however slow the machine is.

The front runs in the process of the tests, and so does its interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.emulator.stepfunctions.interpreter import clock
from tests.patience import PATIENCE_S, until


def start_clocks_after(patch: pytest.MonkeyPatch, *types: str) -> None:
    """The seconds of a time-out begin once its execution's history has events of these types."""
    is_in_time = clock.is_in_time

    def later(ends_within: Callable[[float], bool], seconds: float, env: Any) -> bool:
        until(lambda: ends_within(0) or set(types) <= _told(env))
        return is_in_time(ends_within, seconds, env)

    patch.setattr(clock, "is_in_time", later)


def _told(env: Any) -> set[str]:
    return {event["type"] for event in list(env.event_manager._history_event_list)}


def end_wait_when(patch: pytest.MonkeyPatch, seconds: int, happened: Callable[[], object]) -> None:
    """A Wait of just so many seconds ends once something has happened, and not before."""
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

    wait = WaitFunction._wait_interval

    def held(self: Any, env: Any, wait_seconds: int) -> None:
        if wait_seconds == seconds:
            until(happened, PATIENCE_S)
        else:
            wait(self, env, wait_seconds)

    patch.setattr(WaitFunction, "_wait_interval", held)
