"""A worker that is lost needs no person: what ran in it is run again, since each of these steps may be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.state_machines.test_bounds import MACHINES, tasks

OF_THE_SERVICE = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ResourceNotReadyException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
}
"""Source: "Handle transient Lambda service exceptions" of the guide; a version that is not warm yet is not ready."""

LOST = {"Runtime.ExitError", "Sandbox.Timedout", "Lambda.Unknown", "States.Timeout"}
"""How a killed worker, one out of memory and one over its time come back from Lambda, and a call without an answer."""

RETRIES = 2
OURS = [
    pytest.param(name, task, id=f"{machine.partition('.')[0]}: {name}")
    for machine, definition in MACHINES.items()
    for name, task in tasks(definition)
]


def retries(task: dict[str, Any], error: str) -> int:
    """How often a task is tried again after an error: the first retrier that names it counts."""
    named = (each for each in task["Retry"] if error in each["ErrorEquals"])
    return next((each.get("MaxAttempts", 3) for each in named), 0)


@pytest.mark.parametrize(("name", "task"), OURS)
def test_what_ran_in_a_worker_that_was_lost_runs_again(name: str, task: dict[str, Any]) -> None:
    if "lambda" in task["Resource"]:
        wanted = LOST | OF_THE_SERVICE
    elif "dynamodb" in task["Resource"]:
        wanted = {"States.Timeout"}
    else:
        # A run of a job is a state's to repeat: see "Was the transform lost?".
        assert "glue" in task["Resource"], name
        wanted = set()
    assert {error for error in wanted if retries(task, error) < RETRIES} == set()
