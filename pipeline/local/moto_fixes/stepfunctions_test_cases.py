"""Test cases of state machines: mocked integrations in the format of AWS's Step Functions Local.

Source: "Using mocked service integrations" of its guide. moto has the interpreter for the mocks and nothing that reads
the file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pipeline.local.moto_fixes.guard import replace

MOCK_CONFIG = "SFN_MOCK_CONFIG"
"""The environment variable that names the file, as for Step Functions Local. It is read at each start."""


def install() -> None:
    from moto.stepfunctions.parser.backend.execution import Execution

    def worker(self: Any) -> Any:
        made = original(self)
        made._mock_test_case = getattr(self, "mock_test_case", None)
        return made

    original = replace(Execution, "_get_start_execution_worker", worker, source="f06f34d872b0")


def choose(execution: Any, machine: str, case: str) -> None:
    """Let `execution`, not yet started, run with the mocks of `case`; one that is not there is `InvalidName`."""
    execution.mock_test_case = _test_case(machine, case)


def _test_case(machine: str, case: str) -> Any:
    from moto.stepfunctions.exceptions import InvalidName
    from moto.stepfunctions.parser.mocking.mock_config import MockTestCase, StateMockedResponses

    path = os.environ.get(MOCK_CONFIG)
    try:
        if not path:
            raise LookupError(f"{MOCK_CONFIG} is not set")
        config = json.loads(Path(path).read_text())
        states = config["StateMachines"][machine]["TestCases"][case]
        mocked = [
            StateMockedResponses(state, name, _mocked_responses(config["MockedResponses"][name]))
            for state, name in states.items()
        ]
        return MockTestCase(machine, case, mocked)
    except (LookupError, ValueError, OSError, RuntimeError) as error:
        raise InvalidName(f"Invalid mock test case '{case}' of state machine '{machine}': {error!r}") from error


def _mocked_responses(entries: dict[str, Any]) -> list[Any]:
    from moto.stepfunctions.parser.mocking.mock_config import MockedResponseReturn, MockedResponseThrow

    responses: list[Any] = []
    for attempts, entry in entries.items():
        first, _, last = attempts.partition("-")
        start, end = int(first), int(last or first)
        if "Return" in entry:
            responses.append(MockedResponseReturn(start, end, entry["Return"]))
        else:
            throw = entry["Throw"]
            responses.append(MockedResponseThrow(start, end, throw["Error"], throw.get("Cause", "")))
    return responses
