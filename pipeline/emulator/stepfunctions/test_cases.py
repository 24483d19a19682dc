"""Executions of a test case: `stateMachineArn#TestCase`, as in AWS's Step Functions Local.

`interpreter.cases` lets the interpreter run with them.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from pipeline.core.errors import BadDefinition
from pipeline.emulator.stepfunctions.errors import api_error
from pipeline.state_machines.test_cases import MockConfig, TestCase

MOCK_CONFIG = "SFN_MOCK_CONFIG"
"""The environment variable that names the file, as for Step Functions Local. It is read at each start."""


class RunningCase:
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


def tested_machines() -> list[str]:
    """The names of the machines that the mock file has cases of; none without a file that can be read."""
    path = os.environ.get(MOCK_CONFIG)
    try:
        return MockConfig.load(Path(path)).machines if path else []
    except BadDefinition:
        return []


def chosen(machine: str, case: str) -> RunningCase:
    """The mocks of a machine's test case; one that is not there is `InvalidName`."""
    path = os.environ.get(MOCK_CONFIG)
    try:
        if not path:
            raise BadDefinition(f"no mock configuration file is given ({MOCK_CONFIG})")
        return RunningCase(MockConfig.load(Path(path)).case(machine, case))
    except BadDefinition as error:
        raise api_error(
            "InvalidName", f"Invalid mock test case name '{case}' for state machine '{machine}': {error.message}"
        ) from error
